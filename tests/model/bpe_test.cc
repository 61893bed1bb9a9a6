#include "model/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <tuple>

#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

// Bytes are their own ids.
Bpe Bytes() {
  Bpe bpe;
  for (int byte = 0; byte < 256; ++byte) bpe.SetByte(static_cast<uint8_t>(byte), byte);
  return bpe;
}

std::vector<int32_t> Merged(const Bpe& bpe, const std::string& word) {
  std::vector<int32_t> ids;
  bpe.Merge(word, ids);
  return ids;
}

// Rescans the whole word for each merge, by the definition.
std::vector<int32_t> Slowly(const std::vector<std::tuple<int, int, int>>& merges,
                            const std::string& word) {
  std::vector<int32_t> ids;
  for (char c : word) ids.push_back(static_cast<uint8_t>(c));
  for (bool merged = true; merged;) {
    merged = false;
    for (const auto& [left, right, result] : merges) {
      for (size_t i = 0; i + 1 < ids.size() && !merged; ++i) {
        if (ids[i] != left || ids[i + 1] != right) continue;
        ids[i] = result;
        ids.erase(ids.begin() + i + 1);
        merged = true;
      }
      if (merged) break;
    }
  }
  return ids;
}

TEST(BpeTest, MergesTheLowestRankFirstAndLeftmostAmongEquals) {
  Bpe bpe = Bytes();
  ASSERT_THAT(bpe.AddMerge('b', 'c', 300), IsOk());
  ASSERT_THAT(bpe.AddMerge('a', 'b', 301), IsOk());
  ASSERT_THAT(bpe.AddMerge('a', 'a', 302), IsOk());
  EXPECT_THAT(Merged(bpe, "abc"), ElementsAre('a', 300));
  EXPECT_THAT(Merged(bpe, "ab"), ElementsAre(301));
  EXPECT_THAT(Merged(bpe, "aaa"), ElementsAre(302, 'a'));
  EXPECT_THAT(Merged(bpe, ""), ElementsAre());
}

TEST(BpeTest, RefusesAPairTwice) {
  Bpe bpe = Bytes();
  ASSERT_THAT(bpe.AddMerge('a', 'b', 300), IsOk());
  EXPECT_THAT(bpe.AddMerge('a', 'b', 301), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(BpeTest, ShortAndLongWordsMergeAsTheDefinitionSays) {
  const std::vector<std::tuple<int, int, int>> merges = {
      {'a', 'b', 256}, {'b', 'a', 257}, {256, 256, 258}, {'a', 'a', 259},
      {258, 'a', 260}, {257, 'c', 261}, {'c', 'c', 262}, {259, 262, 263},
      {'b', 'b', 264}, {264, 'b', 265}, {260, 261, 266}};
  Bpe bpe = Bytes();
  for (const auto& [left, right, result] : merges) {
    ASSERT_THAT(bpe.AddMerge(left, right, result), IsOk());
  }
  std::mt19937 random(1);
  for (int i = 0; i < 400; ++i) {
    std::string word;
    const size_t length = random() % 120;
    while (word.size() < length) word += static_cast<char>('a' + random() % 3);
    EXPECT_EQ(Merged(bpe, word), Slowly(merges, word)) << word;
  }
}

TEST(BpeTest, ALowerRankThatAMergeOpensGoesFirst) {
  // "abc" comes of a merge that stands behind one which needs it.
  const std::vector<std::tuple<int, int, int>> merges = {
      {'b', 'c', 256}, {257, 'a', 258}, {'a', 256, 257}};
  Bpe bpe = Bytes();
  for (const auto& [left, right, result] : merges) {
    ASSERT_THAT(bpe.AddMerge(left, right, result), IsOk());
  }
  EXPECT_THAT(Merged(bpe, "abcabc"), ElementsAre(258, 256));
  std::string word;
  for (int i = 0; i < 100; ++i) word += i % 7 == 3 ? "bca" : "abc";
  EXPECT_EQ(Merged(bpe, word), Slowly(merges, word));
}

TEST(BpeTest, LookUpsGrowWithTheWordAndNotWithItsSquare) {
  Bpe bpe = Bytes();
  // a, aa, aaaa, …: the worst case merges at every level.
  int32_t token = 'a';
  for (int32_t next = 256; next < 276; ++next) {
    ASSERT_THAT(bpe.AddMerge(token, token, next), IsOk());
    token = next;
  }
  std::vector<int32_t> ids;
  for (const size_t length : {size_t{1} << 16, size_t{1} << 20}) {
    ids.clear();
    EXPECT_LE(bpe.Merge(std::string(length, 'a'), ids), static_cast<int64_t>(4 * length));
  }
  EXPECT_THAT(ids, ElementsAre(275));
}

}  // namespace
}  // namespace sightline::model
