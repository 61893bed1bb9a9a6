#include "services/query/places.h"

#include <gtest/gtest.h>

namespace sightline::query {
namespace {

TEST(PlacesTest, APlaceThatThePassagesDoNotNameIsMissing) {
  EXPECT_EQ(MissingPlace("该公司位于维也纳。", "公司在布拉格，1902 年成立。"), "维也纳");
  EXPECT_EQ(MissingPlace("该公司位于布拉格。", "公司在布拉格，1902 年成立。"), "");
  EXPECT_EQ(MissingPlace("他来自湖南省。", "他出生在湖北。"), "湖南省");
  EXPECT_EQ(MissingPlace("他来自湖南省。", "他出生在湖南。"), "");
  EXPECT_EQ(MissingPlace("货物运往巴西。", "货物运往智利。"), "巴西");
}

TEST(PlacesTest, APlaceMayHaveItsNameInTheOtherScriptOrInEnglish) {
  EXPECT_EQ(MissingPlace("工坊在维也纳。", "工坊在維也納。"), "");
  EXPECT_EQ(MissingPlace("工坊在维也纳。", "The workshop is in Vienna."), "");
  EXPECT_EQ(MissingPlace("會議在紐約舉行。", "会议在纽约举行。"), "");
}

TEST(PlacesTest, OfALongerNameAPartIsNoPlace) {
  // India and Indonesia.
  EXPECT_EQ(MissingPlace("他来自印度尼西亚。", "他来自印度尼西亚的一个小镇。"), "");
  EXPECT_EQ(MissingPlace("他来自印度。", "他来自中国。"), "印度");
}

TEST(PlacesTest, WhatIsNoPlaceIsNotMissed) {
  EXPECT_EQ(MissingPlace("长江是中国最长的河。", "长江是我国最长的河流。"), "");
  EXPECT_EQ(MissingPlace("这座桥非常漂亮。", "大桥十分美丽。"), "");
  EXPECT_EQ(MissingPlace("The mill is in Vienna.", "工坊在布拉格。"), "");
  EXPECT_EQ(MissingPlace("", ""), "");
}

TEST(OtherQualifierTest, AWordBeforeANounThatThePassagesQualifyOtherwise) {
  EXPECT_EQ(OtherQualifier("椅子从山丘仓库发货。", "椅子存放在港口仓库。"), "山丘");
  EXPECT_EQ(OtherQualifier("椅子从港口仓库发货。", "椅子存放在港口仓库。"), "");
  EXPECT_EQ(OtherQualifier("椅子从山丘仓库发货。", "| 价格 | 85.00 |\n| 仓库 | 港口 |"), "山丘");
  EXPECT_EQ(OtherQualifier("椅子从港口仓库发货。", "| 价格 | 85.00 |\n| 仓库 | 港口 |"), "");
}

TEST(OtherQualifierTest, QualifiersThatTheDictionaryDoesNotKnowCountToo) {
  EXPECT_EQ(OtherQualifier("椅子从大桥仓库发货。", "它存放在河边仓库。"), "大桥");
  EXPECT_EQ(OtherQualifier("椅子从河边仓库发货。", "它存放在河边仓库。"), "");
  EXPECT_EQ(OtherQualifier("椅子从我们的仓库发货。", "它存放在河边仓库。"), "");
}

TEST(OtherQualifierTest, SaysNothingWhereTheNounStandsAloneOrTheWordIsKnown) {
  EXPECT_EQ(OtherQualifier("椅子从山丘仓库发货。", "椅子在仓库里。"), "");
  EXPECT_EQ(OtherQualifier("椅子从山丘仓库发货。", "山丘上的仓库和港口仓库。"), "");
  EXPECT_EQ(OtherQualifier("他在参观的学校里。", "他走访了城市学校。"), "");
  EXPECT_EQ(OtherQualifier("椅子和山丘仓库", "椅子存放在港口仓库。"), "");
}

TEST(OtherQualifierTest, APropertyWithAnotherValueCounts) {
  EXPECT_EQ(OtherQualifier("茶壶从港口仓库发货。", "茶壶\n价格\n9.00\n仓库\n森林"), "港口");
  EXPECT_EQ(OtherQualifier("茶壶从森林仓库发货。", "茶壶\n价格\n9.00\n仓库\n森林"), "");
}

TEST(OtherValueTest, AnotherValueOfAPropertyIsFoundOut) {
  EXPECT_EQ(OtherValue("发票 6045 的客户是周明。", "发票 6045\n2025-03-12\n客户 马军静\n货品 数量"),
            "周明");
  EXPECT_EQ(OtherValue("发票 6045 的客户是马军静。", "发票 6045\n客户：马军静"), "");
  EXPECT_EQ(OtherValue("客户是周明。", "客户：马军静"), "周明");
  // No property with a value.
  EXPECT_EQ(OtherValue("他的职业是医生。", "他的职业就是给人看病。"), "");
  // More than a name.
  EXPECT_EQ(OtherValue("客户是马军静和他的朋友。", "客户 马军静"), "");
  EXPECT_EQ(OtherValue("客户是马军静先生 12 年的朋友。", "客户 马军静"), "");
}

}  // namespace
}  // namespace sightline::query
