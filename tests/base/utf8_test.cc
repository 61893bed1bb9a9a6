#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace sightline {
namespace {

TEST(Utf8Test, WellFormedTextIsValid) {
  for (const std::string text :
       {"", "plain", "发票", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
    EXPECT_EQ(ToValidUtf8(text), text);
  }
}

TEST(Utf8Test, IllFormedTextIsNot) {
  for (const std::string text : {
           "\xff",
           "\xC0\x80",          // overlong NUL
           "\xE0\x80\x80",      // overlong
           "\xED\xA0\x80",      // surrogate
           "\xF4\x90\x80\x80",  // above U+10FFFF
           "\xE4\xBD",          // cut short
           "a\x80"
           "b",  // lone continuation
       }) {
    EXPECT_FALSE(IsValidUtf8(text));
    EXPECT_TRUE(IsValidUtf8(ToValidUtf8(text)));
  }
}

// The table of the Unicode standard's section on U+FFFD substitution of maximal subparts.
TEST(Utf8Test, EveryMaximalSubpartBecomesOneReplacement) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(ToValidUtf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(ToValidUtf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(ToValidUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r + r + r + r + "A");
}

TEST(Utf8Test, PrefixEndsBetweenCharacters) {
  const std::string text = "a发b";  // 1 + 3 + 1 bytes
  EXPECT_EQ(Utf8PrefixLength(text, 0), 0u);
  EXPECT_EQ(Utf8PrefixLength(text, 1), 1u);
  EXPECT_EQ(Utf8PrefixLength(text, 2), 1u);
  EXPECT_EQ(Utf8PrefixLength(text, 3), 1u);
  EXPECT_EQ(Utf8PrefixLength(text, 4), 4u);
  EXPECT_EQ(Utf8PrefixLength(text, 99), 5u);
}

TEST(Utf8Test, OnlyACharacterThatCanStillBeCompletedIsKeptBack) {
  EXPECT_EQ(CompleteUtf8Length("ab"), 2u);
  EXPECT_EQ(CompleteUtf8Length("ab\xE5"), 2u);
  EXPECT_EQ(CompleteUtf8Length("ab\xE5\x8F"), 2u);
  EXPECT_EQ(CompleteUtf8Length("ab\xE5\x8F\x91"), 5u);
  EXPECT_EQ(CompleteUtf8Length("ab\xF0\x9F\x98"), 2u);
  EXPECT_EQ(CompleteUtf8Length("ab\xff"), 3u);  // no byte can mend this
}

}  // namespace
}  // namespace sightline
