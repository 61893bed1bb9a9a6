#include "model/weight_survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

absl::StatusOr<WeightSurvey> Survey(const std::vector<TensorView>& tensors) {
  const auto folder = TempDir::Create();
  EXPECT_THAT(WriteSafetensors((*folder)->path() + "/model.safetensors", tensors), IsOk());
  const auto weights = CheckpointWeights::Open((*folder)->path());
  EXPECT_THAT(weights, IsOk());
  return SurveyWeights(**weights);
}

TEST(WeightSurveyTest, EqualTensorsHaveEqualContentsWhateverTheirNames) {
  const std::string one = Bytes<float>({1, 2, 3, 4, 5, 6}),
                    other = Bytes<float>({1, 2, 3, 4, 5, 7});
  ASSERT_OK_AND_ASSIGN(const WeightSurvey found, Survey({{"a", DType::kF32, {2, 3}, one},
                                                         {"b", DType::kF32, {2, 3}, one},
                                                         {"c", DType::kF32, {3, 2}, one},
                                                         {"d", DType::kI32, {2, 3}, one},
                                                         {"e", DType::kF32, {2, 3}, other}}));
  EXPECT_EQ(found.contents.size(), 5u);
  EXPECT_EQ(found.contents.at("a"), found.contents.at("b"));
  for (const char* differs : {"c", "d", "e"}) {
    EXPECT_NE(found.contents.at("a"), found.contents.at(differs)) << differs;
  }
}

TEST(WeightSurveyTest, TheHashDependsOnNamesAndBytes) {
  const std::string one = Bytes<float>({1, 2}), other = Bytes<float>({1, 3});
  ASSERT_OK_AND_ASSIGN(const WeightSurvey first, Survey({{"a", DType::kF32, {2}, one}}));
  ASSERT_OK_AND_ASSIGN(const WeightSurvey again, Survey({{"a", DType::kF32, {2}, one}}));
  ASSERT_OK_AND_ASSIGN(const WeightSurvey named, Survey({{"b", DType::kF32, {2}, one}}));
  ASSERT_OK_AND_ASSIGN(const WeightSurvey changed, Survey({{"a", DType::kF32, {2}, other}}));
  EXPECT_EQ(first.hash, again.hash);
  EXPECT_NE(first.hash, named.hash);
  EXPECT_NE(first.hash, changed.hash);
}

TEST(WeightSurveyTest, RefusesAValueThatIsNotFiniteWhereverItIs) {
  // More than one piece, and an odd rest behind whole vectors.
  std::vector<float> values(40'001, 0.5f);
  const std::string good = Bytes<float>({1});
  for (const size_t at : {size_t{0}, size_t{17'000}, values.size() - 1}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      std::vector<float> broken = values;
      broken[at] = bad;
      const std::string bytes = Bytes(broken);
      EXPECT_THAT(
          Survey({{"good", DType::kF32, {1}, good}, {"layer", DType::kF32, {40'001}, bytes}}),
          StatusIs(absl::StatusCode::kFailedPrecondition,
                   HasSubstr("layer holds a value that is not finite")));
    }
  }
  const std::string bytes = Bytes(values);
  EXPECT_THAT(Survey({{"layer", DType::kF32, {40'001}, bytes}}), IsOk());
}

}  // namespace
}  // namespace sightline::model
