#include "index/patch_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/index/corpus_fixture.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using sightline::testing::IsOk;
using sightline::testing::StatusIs;

float Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

// The mean over the words of the largest cosine.
float MaxSim(const std::vector<std::vector<float>>& words,
             const std::vector<std::vector<float>>& patches) {
  float sum = 0;
  for (const auto& word : words) {
    float best = -2;
    for (const auto& patch : patches) best = std::max(best, Cosine(word, patch));
    sum += best;
  }
  return sum / static_cast<float>(words.size());
}

std::vector<std::vector<float>> Vectors(uint32_t seed, size_t count, int dimension) {
  std::vector<std::vector<float>> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back(UnitVector(1000 * seed + i, dimension));
  return out;
}

class PatchCodesTest : public ::testing::TestWithParam<PatchCodes> {};

TEST_P(PatchCodesTest, AScoreIsAboutTheMeanOfTheLargestCosines) {
  // Bits keep less of a direction the fewer they are.
  for (const int dimension : {100, 256, 1024}) {
    const float tolerance = GetParam() == PatchCodes::kInt8 ? 0.005f : 2.5f / std::sqrt(dimension);
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      const auto words = Vectors(seed, 4, dimension);
      auto patches = Vectors(seed + 100, 30, dimension);
      patches[7] = words[2];
      const PatchQuery query(GetParam(), dimension, words);
      const auto score = query.Score(EncodePatches(GetParam(), patches, dimension));
      ASSERT_THAT(score, IsOk());
      EXPECT_NEAR(*score, MaxSim(words, patches), tolerance) << dimension << " " << seed;
    }
  }
}

TEST_P(PatchCodesTest, AWordThatIsAPatchScoresOne) {
  const auto vectors = Vectors(1, 1, 256);
  const PatchQuery query(GetParam(), 256, vectors);
  const auto score = query.Score(EncodePatches(GetParam(), vectors, 256));
  ASSERT_THAT(score, IsOk());
  EXPECT_NEAR(*score, 1, 0.01);
}

TEST_P(PatchCodesTest, CountsWhatWasEncoded) {
  for (const int dimension : {1, 63, 64, 65, 200}) {
    const std::string stored = EncodePatches(GetParam(), Vectors(1, 200, dimension), dimension);
    const auto count = CountPatches(stored, GetParam(), dimension);
    ASSERT_THAT(count, IsOk());
    EXPECT_EQ(*count, 200);
    EXPECT_EQ(stored.size(), 4 + 200 * PatchBytes(GetParam(), dimension));
  }
}

TEST_P(PatchCodesTest, WhatIsCutOrOfAnotherKindIsMalformed) {
  const std::string stored = EncodePatches(GetParam(), Vectors(1, 3, 100), 100);
  const PatchQuery query(GetParam(), 100, Vectors(2, 1, 100));
  for (size_t size = 0; size < stored.size(); ++size) {
    EXPECT_THAT(query.Score(stored.substr(0, size)), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(query.Score(stored + "x"), StatusIs(absl::StatusCode::kDataLoss));
  const PatchCodes other =
      GetParam() == PatchCodes::kInt8 ? PatchCodes::kBinary : PatchCodes::kInt8;
  EXPECT_THAT(CountPatches(stored, other, 100), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(CountPatches(stored, GetParam(), 200), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_P(PatchCodesTest, ANewerVersionIsRefusedAsSuch) {
  std::string stored = EncodePatches(GetParam(), Vectors(1, 3, 100), 100);
  stored[0] = 2;
  EXPECT_THAT(CountPatches(stored, GetParam(), 100),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

INSTANTIATE_TEST_SUITE_P(All, PatchCodesTest,
                         ::testing::Values(PatchCodes::kBinary, PatchCodes::kInt8),
                         [](const auto& info) {
                           return info.param == PatchCodes::kBinary ? "Binary" : "Int8";
                         });

TEST(PatchBytesTest, ABitOrAByteANumberAndAFactor) {
  EXPECT_EQ(PatchBytes(PatchCodes::kBinary, 256), 36);
  EXPECT_EQ(PatchBytes(PatchCodes::kBinary, 100), 20);
  EXPECT_EQ(PatchBytes(PatchCodes::kInt8, 256), 260);
  EXPECT_EQ(PatchBytes(PatchCodes::kInt8, 100), 132);
}

}  // namespace
}  // namespace sightline::index
