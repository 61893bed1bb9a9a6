#include "services/query/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NamesInTest, AreTheCapitalsInsideASentence) {
  EXPECT_THAT(NamesIn("The mill of Ada Brook is in Leeds. It closed."),
              ElementsAre("ada", "brook", "leeds"));
  EXPECT_THAT(NamesIn("Orsen Forge was founded late."), ElementsAre("orsen", "forge"));
  EXPECT_THAT(NamesIn("Bread is dear. Prices: Rising."), IsEmpty());
  EXPECT_THAT(NamesIn("According to Passage 2, Dr. Brook left on Monday in March."),
              ElementsAre("brook"));
}

TEST(NamesInTest, AreForeignWordsAmongChinese) {
  EXPECT_THAT(NamesIn("Gafo 手提包由 Momi Forge 制造，重 3 kg。"),
              ElementsAre("gafo", "momi", "forge"));
}

TEST(MissingNameTest, NamesWhatThePassagesDoNotHave) {
  EXPECT_EQ(MissingName("The mill belongs to Ada Brook.", "The mill belongs to Ada Stone."),
            "brook");
  EXPECT_EQ(MissingName("The mill belongs to Ada Brook.", "ADA BROOK owns a mill."), "");
  EXPECT_EQ(MissingName("Gafo 手提包很贵。", "Jegus 手提包很贵。"), "gafo");
}

TEST(MissingNameTest, OtherFormsOfANameAreThatName) {
  EXPECT_EQ(MissingName("It is a German firm.", "The firm is in Germany."), "");
  EXPECT_EQ(MissingName("It is an Italian firm.", "The firm is in Italy."), "");
  EXPECT_EQ(MissingName("It belongs to the UN.", "It belongs to the United Nations."), "");
}

TEST(MissingNameTest, IsSilentWhereLettersOrCapitalsTellNothing) {
  EXPECT_EQ(MissingName("The mill is in Paris.", "磨坊在巴黎。"), "");
  EXPECT_EQ(MissingName("Die Mühle steht in der Stadt und hat ein Wasserrad.",
                        "Die Mühle ist ein altes Haus mit Rad."),
            "");
}

}  // namespace
}  // namespace sightline::query
