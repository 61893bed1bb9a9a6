#include "services/query/field_citations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(JsonLeavesTest, KnowsEachValueByPointerAndPlace) {
  const std::string text = R"({"a/b": [1, {"c":"x\"\u00e9"}], "~":null,"e":{},"t":true})";
  const std::vector<JsonLeaf> leaves = JsonLeaves(text);
  std::vector<std::string> seen;
  for (const JsonLeaf& leaf : leaves) {
    seen.push_back(leaf.pointer + " " + leaf.name + "=" + leaf.value + " " +
                   text.substr(leaf.begin, leaf.end - leaf.begin));
  }
  EXPECT_THAT(seen, ElementsAre("/a~1b/0 a/b=1 1", R"(/a~1b/1/c c=x"é "x\"\u00e9")",
                                "/~0 ~=null null", "/t t=true true"));
  ASSERT_EQ(JsonLeaves("-1.5e3").size(), 1u);
  EXPECT_EQ(JsonLeaves("-1.5e3")[0].pointer, "");
}

TEST(JsonLeavesTest, WhatIsNotJsonHasNone) {
  EXPECT_THAT(JsonLeaves("{"), IsEmpty());
  EXPECT_THAT(JsonLeaves(std::string(300, '[') + std::string(300, ']')), IsEmpty());
  EXPECT_THAT(JsonLeaves("[]"), IsEmpty());
}

class CiteFieldsTest : public ::testing::Test {
 protected:
  CiteFieldsTest() : hits_(3) {
    hits_[0].passage.text = "Invoice 4711 of 12 March 2023, for Blue Heron Ltd.";
    hits_[1].passage.text = "Delivery note: 3 lamps for Blue Heron, total 1,250.00 euro.";
    hits_[2].passage.kind = index::PassageKind::kImage;
  }
  FieldSupport Cite(const std::string& json, int passages = 3) {
    return CiteFields(json, hits_, passages, scorer_, nullptr, {});
  }
  // "pointer=marker" of each citation.
  static std::vector<std::string> Pairs(const FieldSupport& support) {
    std::vector<std::string> out;
    for (const FieldCitation& field : support.citations) {
      out.push_back(field.pointer + "=" + std::to_string(field.citation.marker));
    }
    return out;
  }
  std::vector<Hit> hits_;
  EntailmentScorer scorer_;
};

TEST_F(CiteFieldsTest, AValueOfTextSaysOnWhichLine) {
  hits_[1].passage.text = "Delivery note: 3 lamps.\nBlue Heron, total 1,250.00 euro.";
  hits_[1].passage.lines = {{0, Box{0, 0, 1, 0.5f}}, {24, Box{0, 0.5f, 1, 1}}};
  const FieldSupport support = Cite(R"({"total":1250,"number":"4711"})");
  ASSERT_EQ(support.citations.size(), 2u);
  ASSERT_TRUE(support.citations[0].citation.region.has_value());
  EXPECT_EQ(support.citations[0].citation.region->y0, 0.5f);
  EXPECT_FALSE(support.citations[1].citation.region.has_value());
}

TEST_F(CiteFieldsTest, EachValueIsCitedWhereItStands) {
  const std::string json =
      R"({"number":"4711","date":"2023-03-12","customer":"blue  heron ltd","total":1250})";
  const FieldSupport support = Cite(json);
  EXPECT_THAT(Pairs(support), ElementsAre("/number=1", "/date=1", "/customer=1", "/total=2"));
  EXPECT_THAT(support.unsupported, IsEmpty());
  const Citation& total = support.citations[3].citation;
  EXPECT_EQ(json.substr(total.start, total.end - total.start), "1250");
  EXPECT_EQ(total.hit, 1u);
  EXPECT_EQ(total.verdict, Verdict::kSupported);
  EXPECT_EQ(total.snippet, hits_[1].passage.text);
}

TEST_F(CiteFieldsTest, ValuesThatStandNowhereAreNamed) {
  const FieldSupport support =
      Cite(R"({"number":"471","total":1251,"items":["lamp shade",""],"paid":true,"note":null})");
  EXPECT_THAT(Pairs(support), IsEmpty());
  EXPECT_THAT(support.unsupported, ElementsAre("/number", "/total", "/items/0", "/paid"));
}

TEST_F(CiteFieldsTest, WhatStandsBesideChoosesThePassage) {
  EXPECT_THAT(Pairs(Cite(R"({"customer":"Blue Heron","lamps":3})")),
              ElementsAre("/customer=2", "/lamps=2"));
  EXPECT_THAT(Pairs(Cite(R"({"customer":"Blue Heron","invoice":"4711"})")),
              ElementsAre("/customer=1", "/invoice=1"));
}

TEST_F(CiteFieldsTest, PassagesOutsideThePromptSupportNothing) {
  EXPECT_THAT(Cite(R"({"total":1250})", 1).unsupported, ElementsAre("/total"));
}

TEST_F(CiteFieldsTest, TheScorerIsAskedForTheRest) {
  std::vector<std::string> claims;
  scorer_ = [&](const std::string& claim, std::span<const index::Passage* const> passages,
                const edge::CallLimits&) -> absl::StatusOr<float> {
    claims.push_back(claim);
    return passages[0]->kind == index::PassageKind::kImage && claim == "colour: red" ? 0.8f : 0.2f;
  };
  const FieldSupport support = Cite(R"({"number":"4711","colour":"red","paid":true})");
  EXPECT_THAT(Pairs(support), ElementsAre("/number=1", "/colour=3"));
  EXPECT_FLOAT_EQ(support.citations[1].citation.support, 0.8f);
  EXPECT_THAT(support.unsupported, ElementsAre("/paid"));
  EXPECT_EQ(claims.size(), 6u);
}

}  // namespace
}  // namespace sightline::query
