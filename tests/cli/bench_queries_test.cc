#include "cli/bench_queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"

namespace sightline::cli {
namespace {

TEST(SomeWordsTest, AreWordsInARow) {
  const std::string text = "one two three four five six seven eight nine ten";
  for (unsigned seed = 0; seed < 50; ++seed) {
    const std::string words = SomeWords(text, seed);
    EXPECT_FALSE(words.empty());
    EXPECT_NE(text.find(words), std::string::npos) << words;
    EXPECT_EQ(words, SomeWords(text, seed));
  }
  EXPECT_EQ(SomeWords("  \n ", 1), "");
  EXPECT_EQ(SomeWords("\"a*\"", 1), "a");
}

TEST(SomeWordsTest, AreCharactersOfAScriptWithoutBlanks) {
  const std::string text = "这座塔高四十五米建于一九七零年位于河边的老城区中心广场附近";
  for (unsigned seed = 0; seed < 50; ++seed) {
    const std::string words = SomeWords(text, seed);
    EXPECT_TRUE(IsValidUtf8(words)) << words;
    EXPECT_FALSE(words.empty());
    EXPECT_LE(words.size(), 12u * 3);
    EXPECT_NE(text.find(words), std::string::npos);
  }
}

}  // namespace
}  // namespace sightline::cli
