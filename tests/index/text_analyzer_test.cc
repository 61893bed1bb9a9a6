#include "index/text_analyzer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TextAnalyzerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto analyzer = TextAnalyzer::Create();
    ASSERT_THAT(analyzer, IsOk());
    analyzer_ = *std::move(analyzer);
  }
  std::vector<std::string> Terms(const std::string& text) {
    auto terms = analyzer_->Terms(text);
    EXPECT_THAT(terms, IsOk());
    return terms.ok() ? *terms : std::vector<std::string>();
  }
  std::unique_ptr<TextAnalyzer> analyzer_;
};

TEST_F(TextAnalyzerTest, FoldsCaseAndWidthAndDropsMarks) {
  EXPECT_THAT(Terms("Hello, WORLD! can't 3.14 x2"),
              ElementsAre("hello", "world", "can't", "3.14", "x2"));
  EXPECT_THAT(Terms("ＦＵＬＬ ﬁne Straße"), ElementsAre("full", "fine", "strasse"));
  EXPECT_THAT(Terms("e\u0301"), ElementsAre("é"));
  EXPECT_THAT(Terms(""), IsEmpty());
  EXPECT_THAT(Terms(" \n.,;!? — …"), IsEmpty());
}

TEST_F(TextAnalyzerTest, GivesPairsOfNeighboursInUnspacedScripts) {
  const auto terms = Terms("多模态检索");
  for (const char* pair : {"\x01多模", "\x01模态", "\x01态检", "\x01检索"}) {
    EXPECT_THAT(terms, Contains(std::string(pair)));
  }
  EXPECT_EQ(std::count_if(terms.begin(), terms.end(),
                          [](const std::string& term) { return term[0] == '\x01'; }),
            4);
  // Runs do not join over what stands between them.
  EXPECT_THAT(Terms("图a像"), ::testing::Not(Contains(std::string("\x01图像"))));
  EXPECT_THAT(Terms("データ"), Contains(std::string("\x01デー")));
}

TEST_F(TextAnalyzerTest, FindsAWordInsideARunTheDictionaryCutsElsewhere) {
  const auto inside = Terms("我们的多模态检索系统很快");
  const auto alone = Terms("检索系统");
  const auto shared = std::count_if(alone.begin(), alone.end(), [&](const std::string& term) {
    return std::find(inside.begin(), inside.end(), term) != inside.end();
  });
  EXPECT_GE(shared, 3);
}

TEST_F(TextAnalyzerTest, PhraseUnitsAreWordsAndSingleCharacters) {
  const auto units = [&](const std::string& text) { return *analyzer_->PhraseUnits(text); };
  EXPECT_THAT(units("An OLD, boat"), ElementsAre("an", "old", "boat"));
  EXPECT_THAT(units("我们的3月report，データ"),
              ElementsAre("我", "们", "的", "3", "月", "report", "デ", "ー", "タ"));
  EXPECT_THAT(units("b_カ_c"), ElementsAre("b_", "カ", "_c")) << "one word of ICU's";
  EXPECT_THAT(units(" …"), IsEmpty());
  EXPECT_TRUE(HasUnspaced("a月"));
  EXPECT_FALSE(HasUnspaced("é3"));
}

TEST_F(TextAnalyzerTest, StandsAnyBytes) {
  Terms(std::string("a\0b", 3));
  Terms("\xff\xfe\xc3");
  EXPECT_THAT(Terms("ok \xff ok"), Contains("ok"));
  for (const std::string& term : Terms(std::string(100'000, 'x'))) EXPECT_LE(term.size(), 64u);
  Terms(std::string(100'000, ' '));
}

TEST_F(TextAnalyzerTest, ItsVersionNamesTheIcu) {
  EXPECT_THAT(analyzer_->version(), ::testing::HasSubstr("icu"));
}

}  // namespace
}  // namespace sightline::index
