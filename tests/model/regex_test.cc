#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcre2.h>

#include "base/utf8.h"
#include "tests/model/format_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::FullVocabulary;
using ::sightline::testing::IsOk;
using ::sightline::testing::LetsThrough;
using ::sightline::testing::MasksFor;
using ::sightline::testing::StatusIs;
using ::sightline::testing::TinyVocabulary;
using ::sightline::testing::Vocabulary;
using ::sightline::testing::WriteAtRandom;
using ::sightline::testing::Written;
using ::testing::HasSubstr;

const char* const kPatterns[] = {
    "a",
    "abc|de|f",
    "a*",
    "a+b?",
    "[a-f]{3}",
    "[a-f]{2,5}x",
    "(ab){2,}",
    "(a|b)*c",
    "(?:yes|no|maybe)",
    "[^a-z]{4}",
    "\\d{4}-\\d{2}-\\d{2}",
    "\\w+@\\w+\\.(com|org)",
    "\\s*x\\s*",
    "\\S{3}",
    "\\D\\W",
    ".{1,10}",
    ".*",
    "\\p{L}+",
    "\\p{Lu}\\p{Ll}{2,6}",
    "\\P{L}{3}",
    "[\\p{N}_]{2,4}",
    "[\\d\\-x]{5}",
    "[\\]-]?|x",
    "日本語|[ぁ-ん]{2,3}",
    "é{2}[à-ü]*",
    "\\u{1F600}[\\u4e00-\\u9fff]{1,3}",
    "\\x41\\u0042\\t\\n?",
    "^anchored$",
    "^a|b$",
    "((a|b)(c|d)?){1,4}",
    "(a*)*b",
    "(a?){5}c",
    "(|x)y",
    "a{0}b{0,2}c{0,}",
    "[+*?.(){}|\\[\\]\\\\^$]{6}",
    "(?<year>\\d{4})",
    "a+?b*?c??",
    "\\{\\}",
    "[a-z]+( [a-z]+){0,3}[.!?]",
    "(0|[1-9]\\d{0,3})(\\.\\d+)?",
    "-?\\d{1,3}(,\\d{3})*",
};

// PCRE2's word on whether all of `text` matches.
bool Matches(const std::string& pattern, const std::string& text) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &error,
                    &offset, nullptr);
  EXPECT_NE(code, nullptr) << pattern << " at " << offset;
  if (code == nullptr) return false;
  pcre2_match_data* data = pcre2_match_data_create_from_pattern(code, nullptr);
  const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0,
                                data, nullptr);
  pcre2_match_data_free(data);
  pcre2_code_free(code);
  return found >= 0;
}

// PCRE2's spelling of \uHHHH and \u{H…} is \x{H…}.
std::string ForPcre(std::string pattern) {
  for (size_t at; (at = pattern.find("\\u")) != std::string::npos;) {
    pattern[at + 1] = 'x';
    if (pattern[at + 2] == '{') continue;
    pattern.insert(at + 6, "}");
    pattern.insert(at + 2, "{");
  }
  return pattern;
}

void WriteAndCheck(const Vocabulary& vocabulary, int runs, std::initializer_list<int64_t> budgets) {
  std::mt19937_64 random(11);
  for (const std::string pattern : kPatterns) {
    SCOPED_TRACE(pattern);
    ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(RegexFormat{pattern}, vocabulary));
    for (int run = 0; run < runs; ++run) {
      for (const int64_t more : budgets) {
        const int64_t budget = std::max<int64_t>(masks->MinTokens() + more, 1);
        const Written written = WriteAtRandom(masks, vocabulary, budget, random);
        ASSERT_EQ(written.fault, "") << written.text;
        EXPECT_LE(written.tokens, budget);
        EXPECT_TRUE(IsValidUtf8(written.text));
        EXPECT_TRUE(Matches(ForPcre(pattern), written.text)) << written.text;
      }
    }
  }
}

TEST(RegexTest, RandomTextsMatch) { WriteAndCheck(TinyVocabulary(), 6, {0, 1, 3, 30}); }

TEST(RegexTest, RandomTextsOfTheFullVocabularyMatch) {
  if (FullVocabulary() == nullptr) GTEST_SKIP() << "no full reference set";
  WriteAndCheck(*FullVocabulary(), 1, {0, 1, 20});
}

TEST(RegexTest, TextsThatMatchGetThroughAndOthersDoNot) {
  const struct {
    const char* pattern;
    std::vector<std::string> good, bad;
  } cases[] = {
      {"a|bc", {"a", "bc"}, {"", "b", "ab", "abc"}},
      {"^[a-c]{2,3}$", {"ab", "abc"}, {"a", "abcd", "^ab"}},
      {"\\p{L}+", {"straße", "日本"}, {"a1", ""}},
      {"(x|y)+z?", {"xyxz", "y"}, {"z"}},
      {".", {"é", "語", "😀"}, {"\n", "ab"}},
      {"[^ab]", {"c", "\n"}, {"a", "b"}},
      {"a{2}", {"aa"}, {"a", "aaa"}},
      {"[\\w.]+@[a-z]+", {"a.b@c"}, {"@c", "a@"}},
      {"a\\.b", {"a.b"}, {"axb"}},
      {"\\d+", {"0123"}, {"٣"}},
  };
  for (const auto& c : cases) {
    ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(RegexFormat{c.pattern}, TinyVocabulary()));
    for (const std::string& text : c.good) {
      EXPECT_TRUE(LetsThrough(masks, TinyVocabulary(), text)) << c.pattern << " " << text;
      EXPECT_TRUE(Matches(c.pattern, text)) << c.pattern << " " << text;
    }
    for (const std::string& text : c.bad) {
      EXPECT_FALSE(LetsThrough(masks, TinyVocabulary(), text)) << c.pattern << " " << text;
    }
  }
}

TEST(RegexTest, RefusesWhatItDoesNotUnderstandAndSaysWhere) {
  const std::pair<std::string, const char*> cases[] = {
      {"a(?=b)", "character 2: look-around"},
      {"(?<!a)b", "character 1: look-around"},
      {"(a)\\1", "character 4: back references"},
      {"(?i)a", "character 1: this kind of group"},
      {"a\\b", "character 2: word boundaries"},
      {"a^b", "character 2: ^"},
      {"(a$)", "character 3: $"},
      {"a)", "character 2: a ) without"},
      {"(a", "character 1: a ( without"},
      {"[a", "character 1: a [ without"},
      {"[b-a]", "character 2: a range in the wrong order"},
      {"[\\d-z]", "character 2: a range between classes"},
      {"*a", "character 1: nothing to repeat"},
      {"a**", "character 3: a repeat of a repeat"},
      {"a{2", "character 2: expected {n}"},
      {"a{3,2}", "character 2: counts in the wrong order"},
      {"a{70000}", "character 2: a count over"},
      {"\\p{Nonsense}", "character 1: no property"},
      {"\\q", "character 1: this escape"},
      {"\\ud800", "character 1: not a character"},
      {"\\", "character 1: a backslash"},
      {"[[:alpha:]]", "character 2: POSIX"},
      {"(a{1000}){1000}", "over"},
      {"((((){60000}){60000}){60000}){60000}", "over"},
      {std::string(200, '('), "groups in one another"},
      {"\xff", "UTF-8"},
      {"", "empty text"},
  };
  for (const auto& [pattern, message] : cases) {
    EXPECT_THAT(CompileFormat(RegexFormat{pattern}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << pattern;
  }
}

TEST(RegexTest, CountsCodePoints) {
  ASSERT_OK_AND_ASSIGN(const CodePointNfa any, ParseRegex("[ab]*", RegexMatch::kWhole));
  for (const auto& [min, max] : {std::pair(2, 3), {0, 0}, {3, -1}}) {
    ASSERT_OK_AND_ASSIGN(const CodePointNfa counted, WithLength(any, min, max));
    // Walks all texts of up to five characters.
    for (int length = 0; length <= 5; ++length) {
      std::vector<int> at = {counted.start};
      const auto close = [&] {
        for (size_t i = 0; i < at.size(); ++i) {
          for (const CodePointNfa::Edge& edge : counted.edges[at[i]]) {
            if (edge.set == CodePointNfa::kNoCodePoint &&
                std::find(at.begin(), at.end(), edge.to) == at.end()) {
              at.push_back(edge.to);
            }
          }
        }
      };
      close();
      for (int i = 0; i < length; ++i) {
        std::vector<int> next;
        for (const int state : at) {
          for (const CodePointNfa::Edge& edge : counted.edges[state]) {
            if (edge.set != CodePointNfa::kNoCodePoint && counted.sets[edge.set].Contains('a')) {
              next.push_back(edge.to);
            }
          }
        }
        at = next;
        close();
      }
      const bool whole = std::find(at.begin(), at.end(), counted.end) != at.end();
      EXPECT_EQ(whole, length >= min && (max < 0 || length <= max)) << length << " " << min;
    }
  }
}

}  // namespace
}  // namespace sightline::model
