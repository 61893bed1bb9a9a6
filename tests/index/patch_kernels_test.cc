#include "index/patch_kernels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace sightline::index {
namespace {

// Straight from the header's formula, bit by bit.
int64_t Expected(const uint8_t* code, const uint64_t* planes, size_t words) {
  int64_t sum = 0;
  for (size_t i = 0; i < 64 * words; ++i) {
    if ((code[i / 8] >> (i % 8) & 1) == 0) continue;
    int64_t number = 0;
    for (size_t p = 0; p < kQueryPlanes; ++p) {
      number += static_cast<int64_t>(planes[p * words + i / 64] >> (i % 64) & 1) << p;
    }
    sum += 2 * number - 63;
  }
  return sum;
}

void ExpectEqualSums(const uint8_t* code, const uint64_t* planes, size_t words) {
  const int64_t expected = Expected(code, planes, words);
  for (const PatchKernels& kernels : SupportedPatchKernels()) {
    SCOPED_TRACE(std::string(kernels.name) + " words=" + std::to_string(words));
    EXPECT_EQ(kernels.dot(code, planes, words), expected);
  }
}

TEST(PatchKernelsTest, EveryLengthAndAlignmentGivesTheSameSums) {
  std::mt19937_64 random(5);
  constexpr size_t kMost = 40;
  std::vector<uint8_t> code(8 * kMost + 16);
  std::vector<uint64_t> planes(kQueryPlanes * kMost);
  for (uint8_t& byte : code) byte = static_cast<uint8_t>(random());
  for (uint64_t& word : planes) word = random();
  for (size_t words = 0; words <= kMost; ++words) {
    ExpectEqualSums(&code[words % 13], planes.data(), words);
  }
}

TEST(PatchKernelsTest, ExtremesDoNotOverflowAtTheGreatestDimension) {
  constexpr size_t kWords = 65'536 / 64;
  const std::vector<uint8_t> all(8 * kWords, 255);
  ExpectEqualSums(all.data(), std::vector<uint64_t>(kQueryPlanes * kWords, 0).data(), kWords);
  ExpectEqualSums(all.data(), std::vector<uint64_t>(kQueryPlanes * kWords, ~uint64_t{0}).data(),
                  kWords);
}

}  // namespace
}  // namespace sightline::index
