#include "cli/eval_fields.h"

#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

constexpr char kGold[] =
    R"({"number":"12","items":[{"item":"mug","quantity":2},{"item":"lamp","quantity":1}],"total":"9.50"})";

void ExpectCount(absl::string_view reply, int right, int fields) {
  const FieldCount count = CompareFields(kGold, reply);
  EXPECT_EQ(count.right, right) << reply;
  EXPECT_EQ(count.fields, fields) << reply;
}

TEST(CompareFieldsTest, EveryLeafIsAField) {
  ExpectCount(kGold, 6, 6);
  ExpectCount(R"({"total":"9.50","number":"12","items":[{"item":"mug","quantity":2.0},)"
              R"({"item":"lamp","quantity":3}]})",
              5, 6);
  ExpectCount(R"({"number":12})", 0, 6);  // a number is no text
}

TEST(CompareFieldsTest, RowsThatAreMissingOrTooManyAreWrong) {
  ExpectCount(R"({"number":"12","items":[{"item":"mug","quantity":2}],"total":"9.50"})", 4, 6);
  ExpectCount(R"({"number":"12","items":[{"item":"mug","quantity":2},{"item":"lamp",)"
              R"("quantity":1},{"item":"cup","quantity":1}],"total":"9.50"})",
              6, 8);
}

TEST(CompareFieldsTest, WhatIsNoJsonHasNoneRight) {
  for (const char* reply : {"", "12", "{\"number\":\"12\"", "The number is 12."}) {
    EXPECT_EQ(CompareFields(kGold, reply).right, 0) << reply;
    EXPECT_GE(CompareFields(kGold, reply).fields, 6) << reply;
  }
}

TEST(ReadBoxTest, ReadsThousandths) {
  for (const char* reply : {R"({"bbox_2d": [100, 200, 300, 1000]})",
                            R"([{"bbox_2d":[100,200,300,1000],"label":"x"}])"}) {
    const auto box = ReadBox(reply);
    ASSERT_TRUE(box.has_value()) << reply;
    EXPECT_EQ(box->x0, 0.1);
    EXPECT_EQ(box->y0, 0.2);
    EXPECT_EQ(box->x1, 0.3);
    EXPECT_EQ(box->y1, 1.0);
  }
}

TEST(ReadBoxTest, AnythingElseIsNone) {
  for (const char* reply : {"", "[]", "{}", "none", R"({"bbox_2d":[1,2,3]})",
                            R"({"bbox_2d":[1,2,"3",4]})", R"({"bbox_2d":[300,200,100,400]})",
                            R"({"bbox_2d":[100,200,100,400]})", R"({"bbox_2d":1})"}) {
    EXPECT_FALSE(ReadBox(reply).has_value()) << reply;
  }
}

TEST(BestBoxTest, IsTheFirstPlace) {
  v1::LocateResponse reply;
  EXPECT_FALSE(BestBox(reply).has_value());
  reply.add_places()->mutable_box()->set_x1(0.5f);
  reply.add_places()->mutable_box()->set_x1(1);
  EXPECT_EQ(BestBox(reply)->x1, 0.5);
}

}  // namespace
}  // namespace sightline::cli
