#include "index/code_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sightline::index {
namespace {

// The numbers, straight from the header's formulas.
struct Sums {
  int64_t dot = 0;
  int64_t dot_second = 0;
  int64_t dot_stored = 0;
};

Sums Expected(const uint8_t* a, const uint8_t* b, const int8_t* first, const int8_t* second,
              size_t n) {
  Sums sums;
  for (size_t i = 0; i < n; ++i) {
    sums.dot += int64_t{a[i]} * first[i];
    sums.dot_second += int64_t{a[i]} * second[i];
    sums.dot_stored += int64_t{a[i]} * (b[i] - 128);
  }
  return sums;
}

void ExpectEqualSums(const uint8_t* a, const uint8_t* b, const int8_t* first, const int8_t* second,
                     size_t n) {
  const Sums expected = Expected(a, b, first, second, n);
  for (const CodeKernels& kernels : SupportedCodeKernels()) {
    SCOPED_TRACE(std::string(kernels.name) + " n=" + std::to_string(n));
    EXPECT_EQ(kernels.dot(a, first, n), expected.dot);
    int32_t both[2];
    kernels.dot2(a, first, second, n, both);
    EXPECT_EQ(both[0], expected.dot);
    EXPECT_EQ(both[1], expected.dot_second);
    EXPECT_EQ(kernels.dot_stored(a, b, n), expected.dot_stored);
  }
}

TEST(CodeKernelsTest, EveryLengthAndAlignmentGivesTheSameSums) {
  std::mt19937 random(3);
  constexpr size_t kMost = 400;
  std::vector<uint8_t> a(kMost);
  std::vector<uint8_t> b(kMost);
  std::vector<int8_t> first(kMost);
  std::vector<int8_t> second(kMost);
  for (size_t i = 0; i < kMost; ++i) {
    a[i] = static_cast<uint8_t>(random());
    b[i] = static_cast<uint8_t>(random());
    first[i] = static_cast<int8_t>(random());
    second[i] = static_cast<int8_t>(random());
  }
  for (size_t n = 0; n + 64 <= kMost; ++n) {
    const size_t at = n % 61;
    ExpectEqualSums(&a[at], &b[(at * 7) % 64], &first[(at * 3) % 64], &second[(at * 5) % 64], n);
  }
}

TEST(CodeKernelsTest, ExtremesDoNotOverflowAtTheGreatestLength) {
  for (const int stored : {0, 255}) {
    for (const int query : {-128, 127}) {
      const std::vector<uint8_t> a(kMaxCodeBytes, static_cast<uint8_t>(stored));
      const std::vector<uint8_t> b(kMaxCodeBytes, query < 0 ? 0 : 255);
      const std::vector<int8_t> first(kMaxCodeBytes, static_cast<int8_t>(query));
      const std::vector<int8_t> second(kMaxCodeBytes, static_cast<int8_t>(-1 - query));
      ExpectEqualSums(a.data(), b.data(), first.data(), second.data(), kMaxCodeBytes);
    }
  }
}

}  // namespace
}  // namespace sightline::index
