#include "index/sign_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

namespace sightline::index {
namespace {

TEST(SignKernelsTest, AllCountTheBitsThatDiffer) {
  std::mt19937_64 random(5);
  for (size_t words = 1; words <= 35; ++words) {
    constexpr size_t kRows = 7;
    std::vector<uint64_t> query(words);
    std::vector<uint64_t> rows(kRows * words);
    for (uint64_t& word : query) word = random();
    for (uint64_t& word : rows) word = random();
    std::vector<uint32_t> expected(kRows, 0);
    for (size_t i = 0; i < rows.size(); ++i) {
      expected[i / words] += static_cast<uint32_t>(std::popcount(rows[i] ^ query[i % words]));
    }
    for (const SignKernels& kernels : SupportedSignKernels()) {
      std::vector<uint32_t> found(kRows, 1);
      kernels.differ(query.data(), rows.data(), words, kRows, found.data());
      EXPECT_EQ(found, expected) << kernels.name << ", " << words << " words";
    }
  }
}

}  // namespace
}  // namespace sightline::index
