#include "index/vector_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace sightline::index {
namespace {

TEST(HalfFloatTest, EveryHalfSurvivesTheWayThroughFloat) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = FromHalf(static_cast<uint16_t>(half));
    if (std::isnan(value)) {
      EXPECT_GT(half & 0x7fff, 0x7c00u);
    } else {
      ASSERT_EQ(ToHalf(value), half);
    }
  }
}

TEST(HalfFloatTest, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(FromHalf(ToHalf(1.0f)), 1.0f);
  EXPECT_EQ(ToHalf(1.0f + 0x1p-11f), ToHalf(1.0f));                // a tie, even below
  EXPECT_EQ(ToHalf(1.0f + 3 * 0x1p-11f), ToHalf(1.0f + 0x1p-9f));  // a tie, even above
  EXPECT_EQ(ToHalf(1.0f + 0x1p-11f + 0x1p-20f), ToHalf(1.0f + 0x1p-10f));
  EXPECT_EQ(ToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(ToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(ToHalf(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(ToHalf(0x1p-24f), 1);
  EXPECT_EQ(ToHalf(0x1p-25f), 0);  // a tie, even below
  EXPECT_EQ(ToHalf(0x1.8p-25f), 1);
  EXPECT_EQ(ToHalf(-0.0f), 0x8000);
}

TEST(VectorKernelsTest, AllThatThisProcessorRunsAgree) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t n : {1u, 3u, 7u, 8u, 15u, 16u, 17u, 31u, 32u, 33u, 64u, 100u, 1024u, 1031u}) {
    std::vector<float> query(n);
    std::vector<uint16_t> a;
    std::vector<uint8_t> b;
    double expected = 0;
    double expected_bytes = 0;
    double magnitude = 1;
    for (size_t i = 0; i < n; ++i) {
      query[i] = normal(random);
      a.push_back(ToHalf(normal(random)));
      b.push_back(static_cast<uint8_t>(random()));
      expected += static_cast<double>(query[i]) * FromHalf(a[i]);
      expected_bytes += static_cast<double>(query[i]) * (b[i] - 128);
      magnitude += std::abs(query[i] * FromHalf(a[i]));
    }
    for (const VectorKernels& kernels : SupportedKernels()) {
      SCOPED_TRACE(std::string(kernels.name) + " n=" + std::to_string(n));
      EXPECT_NEAR(kernels.dot(query.data(), a.data(), n), expected, 1e-5 * magnitude);
      EXPECT_NEAR(kernels.dot_bytes(query.data(), b.data(), n), expected_bytes, 1e-3 * magnitude);
      std::vector<float> wide(n);
      kernels.widen(a.data(), n, wide.data());
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(wide[i], FromHalf(a[i]));
    }
  }
}

}  // namespace
}  // namespace sightline::index
