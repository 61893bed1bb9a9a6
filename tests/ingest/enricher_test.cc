#include "ingest/enricher.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "ingest/failure.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using ::sightline::testing::FakeGenerator;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

namespace json = boost::json;

constexpr char kSchema[] =
    R"({"type":"object","description":"Read the bill.","properties":{"total":{"type":"string"},)"
    R"("rows":{"type":"array","items":{"type":"string"}}}})";

class UntrainedGenerator : public FakeGenerator {
 public:
  UntrainedGenerator() : FakeGenerator("noise"), info_(FakeGenerator::info()) {
    info_.untrained = true;
  }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

class PickyGenerator : public FakeGenerator {
 public:
  PickyGenerator() : FakeGenerator("") {}
  absl::Status CheckFormat(const model::TextFormat&) const override {
    return absl::InvalidArgumentError("no");
  }
};

class EnricherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    media::MediaOptions media;
    media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media));
    write_.document.state = index::DocumentState::kIndexed;
    write_.document.metadata_json = R"({"year":2024})";
  }

  void AddText(int page, const std::string& text, std::optional<Box> box = std::nullopt) {
    index::PassageWrite& one = write_.passages.emplace_back();
    one.passage.page = page;
    one.passage.text = text;
    one.passage.box = box;
  }

  json::object Enrich(model::Generator& generator, const Enrichment& wanted) {
    EXPECT_THAT(Enricher(generator, *media_).Enrich(wanted, cancel_, write_), IsOk());
    return json::parse(write_.document.metadata_json).as_object();
  }

  std::unique_ptr<media::MediaClient> media_;
  model::CancelFlag cancel_ = std::make_shared<absl::Notification>();
  index::DocumentWrite write_;
};

TEST_F(EnricherTest, PagesAreReadIntoOneObjectWithTheirPlaces) {
  AddText(1, "Bill of ACME", Box{0, 0, 1, 0.1f});
  AddText(1, "bolts and nuts");
  AddText(2, "The total is 12.50.", Box{0.1f, 0.5f, 0.9f, 0.6f});
  AddText(2, "washers");
  FakeGenerator generator(std::vector<std::string>{R"({"total":"","rows":["bolts","nuts"]})",
                                                   R"({"total":"12.50","rows":["washers"]})"});
  const json::object metadata = Enrich(generator, {.extract_schema = kSchema});
  EXPECT_EQ(metadata.at("year"), 2024);
  EXPECT_EQ(json::serialize(metadata.at("extracted")),
            R"({"rows":["bolts","nuts","washers"],"total":"12.50"})");
  const json::object& from = metadata.at("extracted_from").as_object();
  EXPECT_EQ(from.at("/total").as_object().at("page"), 2);
  EXPECT_NEAR(from.at("/total").as_object().at("box").as_array()[1].as_double(), 0.5, 1e-6);
  EXPECT_EQ(json::serialize(from.at("/rows/1")), R"({"page":1})");
  EXPECT_EQ(json::serialize(from.at("/rows/2")), R"({"page":2})");
  EXPECT_FALSE(metadata.contains("review"));
  const auto asked = generator.inputs();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(std::get<std::string>(asked[0].messages[0].parts[0]),
            "Bill of ACME\nbolts and nuts\n\nRead the bill.");
  EXPECT_TRUE(std::holds_alternative<model::JsonSchemaFormat>(asked[0].format));
}

TEST_F(EnricherTest, WhatTheWordsDoNotSayIsMarkedForReview) {
  AddText(0, "The total is 12.50.");
  FakeGenerator generator(R"({"total":"99.00","rows":[]})");
  const json::object metadata = Enrich(generator, {.extract_schema = kSchema});
  EXPECT_EQ(metadata.at("extracted").as_object().at("total"), "99.00");
  EXPECT_THAT(json::serialize(metadata.at("review")), HasSubstr("does not stand in the document"));
}

TEST_F(EnricherTest, AFailedPageCostsItselfAlone) {
  AddText(1, "one 1");
  AddText(2, "two 2");
  FakeGenerator generator(std::vector<std::string>{"not JSON", R"({"total":"2","rows":[]})"});
  const json::object metadata = Enrich(generator, {.extract_schema = kSchema});
  EXPECT_EQ(metadata.at("extracted").as_object().at("total"), "2");
  EXPECT_THAT(json::serialize(metadata.at("review")), HasSubstr("extract: page 1: "));
}

TEST_F(EnricherTest, ADocumentIsSummarisedAndTagged) {
  AddText(0, "A blue wooden chair in the style of the fifties.");
  FakeGenerator generator(std::vector<std::string>{
      " A chair. \n",
      R"({"title":"Chair","color":"blue","material":"wood","style":"","keywords":["chair"]})"});
  const json::object metadata = Enrich(generator, {.summarize = true, .tag = true});
  EXPECT_EQ(metadata.at("summary"), "A chair.");
  EXPECT_EQ(metadata.at("tags").as_object().at("color"), "blue");
  EXPECT_FALSE(metadata.contains("extracted"));
}

TEST_F(EnricherTest, KeysOfTheCallerStay) {
  write_.document.metadata_json = R"({"summary":"mine"})";
  AddText(0, "words");
  FakeGenerator generator("another");
  EXPECT_EQ(Enrich(generator, {.summarize = true}).at("summary"), "mine");
}

TEST_F(EnricherTest, WhatDoesNotFitIsSaid) {
  AddText(0, "words");
  write_.document.metadata_json =
      json::serialize(json::object{{"big", std::string((64 << 10) - 200, 'x')}});
  FakeGenerator generator(std::string(500, 'y'));
  const json::object metadata = Enrich(generator, {.summarize = true});
  EXPECT_FALSE(metadata.contains("summary"));
  EXPECT_THAT(json::serialize(metadata.at("review")), HasSubstr("summary does not fit"));
}

TEST_F(EnricherTest, ManyPagesAreReadInPart) {
  for (int page = 1; page <= Enricher::kMostPages + 3; ++page) AddText(page, "x");
  FakeGenerator generator(R"({"total":"","rows":[]})");
  const json::object metadata = Enrich(generator, {.extract_schema = kSchema});
  EXPECT_EQ(generator.inputs().size(), static_cast<size_t>(Enricher::kMostPages));
  EXPECT_THAT(json::serialize(metadata.at("review")), HasSubstr("only the first 16 of 19 pages"));
}

TEST_F(EnricherTest, ACancelledJobStops) {
  AddText(0, "x");
  FakeGenerator generator("y");
  cancel_->Notify();
  EXPECT_THAT(Enricher(generator, *media_).Enrich({.summarize = true}, cancel_, write_),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(CheckEnrichmentTest, ItNeedsATrainedGeneratorAndASchemaOfAnObject) {
  FakeGenerator generator("");
  UntrainedGenerator untrained;
  PickyGenerator picky;
  EXPECT_THAT(CheckEnrichment({}, nullptr), IsOk());
  EXPECT_THAT(CheckEnrichment({.extract_schema = kSchema}, &generator), IsOk());
  EXPECT_EQ(ReasonOf(CheckEnrichment({.tag = true}, nullptr)), "no_generator");
  EXPECT_EQ(ReasonOf(CheckEnrichment({.tag = true}, &untrained)), "no_generator");
  EXPECT_THAT(CheckEnrichment({.extract_schema = "{"}, &generator),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("extract_schema")));
  EXPECT_THAT(CheckEnrichment({.extract_schema = kSchema}, &picky),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("extract_schema: no")));
  EXPECT_THAT(CheckEnrichment({.extract_schema = R"({"type":"string"})"}, &generator),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("object")));
}

}  // namespace
}  // namespace sightline::ingest
