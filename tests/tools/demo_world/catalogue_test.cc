#include "tools/demo_world/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>

namespace sightline::demo_world {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

auto Parts(const Look& look) {
  return std::tuple(look.kind, look.color, look.pattern, look.second, look.material);
}

int Differences(const Look& a, const Look& b) {
  return (a.kind != b.kind) + (a.color != b.color) + (a.pattern != b.pattern) +
         (a.second != b.second) + (a.material != b.material);
}

class CatalogueTest : public ::testing::TestWithParam<Split> {};
INSTANTIATE_TEST_SUITE_P(BothSplits, CatalogueTest,
                         ::testing::Values(Split::kTraining, Split::kEvaluation));

TEST_P(CatalogueTest, HoldsUniqueItemsOfItsSplit) {
  Random random(1);
  const Catalogue catalogue = MakeCatalogue(GetParam(), 3000, random);
  ASSERT_EQ(catalogue.items.size(), 3000u);
  std::set<decltype(Parts(Look()))> looks;
  std::set<std::string> names;
  for (size_t i = 0; i < catalogue.items.size(); ++i) {
    const Item& item = catalogue.items[i];
    EXPECT_EQ(item.number, static_cast<int>(i));
    EXPECT_TRUE(looks.insert(Parts(item.look)).second) << item.name;
    EXPECT_TRUE(names.insert(item.name).second) << item.name;
    EXPECT_EQ(SplitOfLook(item.look), GetParam());
    EXPECT_EQ(SplitOfName(item.name), GetParam());
    EXPECT_EQ(item.look.pattern == 0, item.look.second == -1);
    EXPECT_NE(item.look.color, item.look.second);
    EXPECT_THAT(item.price_cents, AllOf(Ge(100), Le(19999)));
    EXPECT_THAT(item.stock, AllOf(Ge(0), Le(999)));
    ASSERT_LT(static_cast<size_t>(item.maker), catalogue.makers.size());
  }
  for (const Maker& maker : catalogue.makers) EXPECT_EQ(SplitOfName(maker.name), GetParam());
}

TEST_P(CatalogueTest, ItemsOfAGroupDifferFromItsFirstInOneAttribute) {
  Random random(2);
  const Catalogue catalogue = MakeCatalogue(GetParam(), 1000, random);
  std::map<int, Look> firsts;
  std::map<int, int> sizes;
  for (const Item& item : catalogue.items) {
    const auto [first, is_first] = firsts.emplace(item.group, item.look);
    EXPECT_EQ(Differences(first->second, item.look), is_first ? 0 : 1) << item.name;
    EXPECT_LE(++sizes[item.group], 5);
  }
  EXPECT_GT(catalogue.items.size(), firsts.size() * 2);
}

TEST(SplitTest, AFifthOfLooksAndNamesIsForEvaluation) {
  int looks = 0;
  for (int kind = 0; kind < kKinds; ++kind) {
    for (int pattern = 0; pattern < kPatterns; ++pattern) {
      for (int material = 0; material < kMaterials; ++material) {
        const Look look{kind, 0, pattern, pattern == 0 ? -1 : 1, material};
        if (SplitOfLook(look) == Split::kEvaluation) ++looks;
      }
    }
  }
  EXPECT_NEAR(looks / double{kKinds * kPatterns * kMaterials}, 0.2, 0.04);
  int names = 0;
  for (int i = 0; i < 10000; ++i) {
    if (SplitOfName(std::to_string(i)) == Split::kEvaluation) ++names;
  }
  EXPECT_NEAR(names / 10000.0, 0.2, 0.02);
}

TEST(DescriptionTest, SaysEveryAttributeInEveryWording) {
  const Look look{.kind = 0, .color = 1, .pattern = 5, .second = 9, .material = 0};
  for (const Language language : {Language::kEnglish, Language::kChinese}) {
    std::set<std::string> wordings;
    Random random(3);
    for (int i = 0; i < 100; ++i) wordings.insert(Description(look, language, random));
    EXPECT_EQ(wordings.size(), 5u);
    for (const std::string& wording : wordings) {
      EXPECT_THAT(wording, HasSubstr(KindWord(look.kind).In(language)));
      EXPECT_THAT(wording, HasSubstr(ColorWord(look.color).In(language)));
      EXPECT_THAT(wording, HasSubstr(PatternWord(look.pattern).In(language)));
      EXPECT_THAT(wording, HasSubstr(ColorWord(look.second).In(language)));
      EXPECT_THAT(wording, HasSubstr(MaterialWord(look.material).In(language)));
    }
    if (language == Language::kEnglish) {
      EXPECT_TRUE(wordings.contains("an orange ceramic mug with a white band"));
    }
  }
}

TEST(PriceTest, HasTwoDecimals) {
  EXPECT_EQ(PriceText(3250), "32.50");
  EXPECT_EQ(PriceText(105), "1.05");
}

}  // namespace
}  // namespace sightline::demo_world
