#include "index/vector_code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

struct Row {
  explicit Row(const std::vector<float>& values)
      : halves(ToHalf(values)), code(CodeStride(static_cast<int>(values.size()))) {
    head = EncodeRow(halves.data(), static_cast<int>(values.size()), code.data());
  }
  std::vector<uint16_t> halves;
  std::vector<uint8_t> code;
  RowHead head;
};

double Exact(const std::vector<float>& query, const Row& row) {
  double sum = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    sum += static_cast<double>(query[i]) * FromHalf(row.halves[i]);
  }
  return sum;
}

// Also with values that stand out, which make the steps of a code coarse.
std::vector<float> Values(std::mt19937& random, int dimension, float outlier) {
  std::normal_distribution<float> normal;
  std::vector<float> out(dimension);
  for (float& value : out) value = 0.03f * normal(random);
  out[random() % out.size()] += outlier;
  return out;
}

TEST(VectorCodeTest, AWholeNumberOfStepsIsCodedWithoutError) {
  const Row row({127, -127, 1, 0, 64});
  EXPECT_EQ(row.code[0], 255);
  EXPECT_EQ(row.code[1], 1);
  EXPECT_EQ(row.code[2], 129);
  EXPECT_EQ(row.code[3], 128);
  EXPECT_EQ(row.code[4], 192);
  EXPECT_EQ(row.code[5], 128);  // what fills the cache line is zero
  EXPECT_EQ(row.head.scale, 1);
  EXPECT_EQ(row.head.sum, 65);
  EXPECT_EQ(row.head.error, 0);
}

TEST(VectorCodeTest, TheBoundHoldsAndIsNarrow) {
  std::mt19937 random(5);
  for (const int dimension : {1, 5, 16, 63, 64, 65, 512, 1024, 4096}) {
    for (const float outlier : {0.0f, 0.3f, -2.0f}) {
      for (int round = 0; round < 50; ++round) {
        const Row row(Values(random, dimension, outlier));
        const std::vector<float> query = Values(random, dimension, round % 2 == 0 ? 0 : outlier);
        const QueryCode code(query);
        for (const CodeKernels& kernels : SupportedCodeKernels()) {
          const float close = code.Close(kernels, row.code.data(), row.head);
          EXPECT_LE(std::abs(close - Exact(query, row)), code.Bound(row.head))
              << kernels.name << " dimension " << dimension << " outlier " << outlier;
          const float quick = code.unit() * code.Quick(kernels, row.code.data(), row.head);
          double norm = 0;
          for (const uint16_t half : row.halves) norm += std::pow(FromHalf(half), 2);
          EXPECT_LE(std::abs(quick - Exact(query, row)),
                    code.Bound(row.head) + 1.01 * code.quick_error() * std::sqrt(norm) + 1e-6);
        }
        // A hundredth of the lengths' product, more where a value stands out.
        double lengths = 1e-9;
        for (const float value : query) lengths += static_cast<double>(value) * value;
        double squares = 0;
        for (const uint16_t half : row.halves) squares += std::pow(FromHalf(half), 2);
        const double least = std::sqrt(lengths * squares);
        EXPECT_LT(code.Bound(row.head), least * (outlier == 0 && dimension >= 64 ? 0.02 : 0.5));
      }
    }
  }
}

TEST(VectorCodeTest, AShareOfTheErrorBoundsWhatIsLikely) {
  EXPECT_EQ(LikelyErrorShare(16), 1) << "of few values the bound is the certain one";
  std::mt19937 random(6);
  constexpr int kDimension = 1024;
  const float share = LikelyErrorShare(kDimension);
  EXPECT_LT(share, 0.2);
  for (int i = 0; i < 2000; ++i) {
    const Row row(Values(random, kDimension, 0));
    const std::vector<float> query = Values(random, kDimension, 0);
    const QueryCode code(query);
    const float close = code.Close(BestCodeKernels(), row.code.data(), row.head);
    ASSERT_LE(std::abs(close - Exact(query, row)), code.Bound(row.head, share)) << i;
  }
}

TEST(VectorCodeTest, ZeroVectorsGiveZero) {
  const std::vector<float> zero(20, 0);
  const std::vector<float> one(20, 0.5f);
  const CodeKernels& kernels = BestCodeKernels();
  const Row row(zero);
  EXPECT_EQ(QueryCode(one).Close(kernels, row.code.data(), row.head), 0);
  const Row other(one);
  EXPECT_EQ(QueryCode(zero).Close(kernels, other.code.data(), other.head), 0);
  EXPECT_EQ(QueryCode(zero).Bound(other.head), 0);
}

}  // namespace
}  // namespace sightline::index
