#include "cli/ignore_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace sightline::cli {
namespace {

// "out", "kept" or "-" for no word on it; a path with a slash at its end is a folder.
std::string Of(const std::string& rules, std::string path) {
  const bool is_folder = path.back() == '/';
  if (is_folder) path.pop_back();
  const auto verdict = IgnoreRules::Parse(rules).Verdict(path, is_folder);
  return !verdict.has_value() ? "-" : *verdict ? "out" : "kept";
}

TEST(IgnoreRulesTest, ANameIsMeantAtEveryDepth) {
  EXPECT_EQ(Of("a.txt", "a.txt"), "out");
  EXPECT_EQ(Of("a.txt", "x/y/a.txt"), "out");
  EXPECT_EQ(Of("a.txt", "a.txt/"), "out");
  EXPECT_EQ(Of("a.txt", "ba.txt"), "-");
  EXPECT_EQ(Of("a.txt", "A.txt"), "-");
}

TEST(IgnoreRulesTest, ASlashTiesThePatternToItsFolder) {
  EXPECT_EQ(Of("/a", "a"), "out");
  EXPECT_EQ(Of("/a", "x/a"), "-");
  EXPECT_EQ(Of("x/a", "x/a"), "out");
  EXPECT_EQ(Of("x/a", "y/x/a"), "-");
  EXPECT_EQ(Of("/x/a", "x/a"), "out");
}

TEST(IgnoreRulesTest, ASlashAtTheEndMeansFolders) {
  EXPECT_EQ(Of("build/", "build/"), "out");
  EXPECT_EQ(Of("build/", "x/build/"), "out");
  EXPECT_EQ(Of("build/", "build"), "-");
  EXPECT_EQ(Of("/x/build/", "x/build/"), "out");
  EXPECT_EQ(Of("/x/build/", "y/x/build/"), "-");
}

TEST(IgnoreRulesTest, TheLastLineThatMatchesDecides) {
  EXPECT_EQ(Of("*.log\n!keep.log", "a.log"), "out");
  EXPECT_EQ(Of("*.log\n!keep.log", "keep.log"), "kept");
  EXPECT_EQ(Of("!keep.log\n*.log", "keep.log"), "out");
  EXPECT_EQ(Of("*.log\n!keep.log\nkeep.*", "keep.log"), "out");
}

TEST(IgnoreRulesTest, StarsAndQuestionMarksStayWithinAName) {
  EXPECT_EQ(Of("*", "a"), "out");
  EXPECT_EQ(Of("*", "x/a"), "out");
  EXPECT_EQ(Of("/*", "x/a"), "-");
  EXPECT_EQ(Of("x/*", "x/a"), "out");
  EXPECT_EQ(Of("x/*", "x/y/a"), "-");
  EXPECT_EQ(Of("a*b*c", "a12b34c"), "out");
  EXPECT_EQ(Of("a*b*c", "a12b34"), "-");
  EXPECT_EQ(Of("a*b*c", "abbbc"), "out");
  EXPECT_EQ(Of("a?c", "abc"), "out");
  EXPECT_EQ(Of("a?c", "ac"), "-");
  EXPECT_EQ(Of("/a?c", "a/c"), "-");
  EXPECT_EQ(Of("a?c", "a文c"), "out");   // a letter, not a byte
  EXPECT_EQ(Of("a**c", "abbc"), "out");  // within a name two are one
  EXPECT_EQ(Of("x/a**c", "x/ab/bc"), "-");
}

TEST(IgnoreRulesTest, TwoStarsStandForFolders) {
  EXPECT_EQ(Of("**/a", "a"), "out");
  EXPECT_EQ(Of("**/a", "x/y/a"), "out");
  EXPECT_EQ(Of("**/x/a", "y/x/a"), "out");
  EXPECT_EQ(Of("**/x/a", "x/y/a"), "-");
  EXPECT_EQ(Of("x/**", "x/a"), "out");
  EXPECT_EQ(Of("x/**", "x/y/a"), "out");
  EXPECT_EQ(Of("x/**", "x/"), "-");
  EXPECT_EQ(Of("x/**/a", "x/a"), "out");
  EXPECT_EQ(Of("x/**/a", "x/y/z/a"), "out");
  EXPECT_EQ(Of("x/**/a", "y/x/a"), "-");
  EXPECT_EQ(Of("x/**/b/**/a", "x/b/c/b/a"), "out");
  EXPECT_EQ(Of("**", "x/a"), "out");
  EXPECT_EQ(Of("**/", "x/"), "out");
  EXPECT_EQ(Of("**/", "x"), "-");
  EXPECT_EQ(Of("****/a", "x/y/a"), "out");  // so do more
}

TEST(IgnoreRulesTest, Brackets) {
  EXPECT_EQ(Of("[abc].txt", "b.txt"), "out");
  EXPECT_EQ(Of("[a-c].txt", "d.txt"), "-");
  EXPECT_EQ(Of("[!a-c].txt", "d.txt"), "out");
  EXPECT_EQ(Of("[^a-c].txt", "b.txt"), "-");
  EXPECT_EQ(Of("[]].txt", "].txt"), "out");
  EXPECT_EQ(Of("[!]].txt", "].txt"), "-");
  EXPECT_EQ(Of("[a-].txt", "-.txt"), "out");
  EXPECT_EQ(Of("[\\]a].txt", "].txt"), "out");
  EXPECT_EQ(Of("[[:digit:]_]x", "7x"), "out");
  EXPECT_EQ(Of("[[:digit:]_]x", "ax"), "-");
  EXPECT_EQ(Of("[а-я].txt", "ж.txt"), "out");
  EXPECT_EQ(Of("[ab", "a"), "-");  // one that does not end matches nothing
  EXPECT_EQ(Of("*[ab]*", "xxb"), "out");
  EXPECT_EQ(Of("x[a/]b", "xab"), "out");  // no slash between names, though it ties
  EXPECT_EQ(Of("x[a/]b", "y/xab"), "-");
  EXPECT_EQ(Of("x[a/]b", "x/b"), "-");
  EXPECT_EQ(Of("x\\/b", "x/b"), "out");
}

TEST(IgnoreRulesTest, CommentsBlanksAndBackslashes) {
  const std::string rules =
      "\xef\xbb\xbf# a comment\n\n   \n\\#hash\n\\!bang\ntail\\ \nline  \r\na\\*b\nend\\";
  EXPECT_EQ(Of(rules, "# a comment"), "-");
  EXPECT_EQ(Of(rules, "#hash"), "out");
  EXPECT_EQ(Of(rules, "!bang"), "out");
  EXPECT_EQ(Of(rules, "tail "), "out");
  EXPECT_EQ(Of(rules, "tail"), "-");
  EXPECT_EQ(Of(rules, "line"), "out");
  EXPECT_EQ(Of(rules, "a*b"), "out");
  EXPECT_EQ(Of(rules, "axb"), "-");
  EXPECT_EQ(Of(rules, "end"), "-");
  EXPECT_EQ(Of("!", "a"), "-");
  EXPECT_EQ(Of("/", "a/"), "-");
  EXPECT_EQ(Of("", "a"), "-");
}

TEST(IgnoreRulesTest, ANameThatIsNotUtf8IsMatchedByStars) {
  EXPECT_EQ(Of("*.txt", "a\xff.txt"), "out");
}

TEST(IgnoreRulesTest, ManyStarsTakeNoTime) {
  std::string rules, path;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&rules, "**/*a*a*a*a*/");
    absl::StrAppend(&path, std::string(100, 'a'), "/");
  }
  EXPECT_EQ(Of(rules + "b", path + "c"), "-");
}

}  // namespace
}  // namespace sightline::cli
