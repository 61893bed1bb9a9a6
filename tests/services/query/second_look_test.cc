#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "services/query/retriever.h"
#include "services/query/terms.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::FakeReranker;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// Refuses from its `refuses_from`th call on, as a queue that is full.
class BusyEncoder : public FakeEncoder {
 public:
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    absl::SleepFor(delay);
    if (++calls >= refuses_from) return absl::ResourceExhaustedError("full");
    return FakeEncoder::Encode(inputs, dimension, call);
  }
  int calls = 0;
  int refuses_from = 1000;
  absl::Duration delay;
};

// What is asked stands in "maker", to which no word of the question leads.
class SecondLookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open({.path = dir_->path()}));
    ASSERT_OK_AND_ASSIGN(const auto made,
                         corpus_->CreateCollection("c", encoder_.info().fingerprint, 64));
    Put("vase", "Orsen Forge makes the Quinhol vase.");
    Put("maker", "Orsen Forge sits at a canal.", R"({"year": 1990, "date": "1990-01-01"})");
    for (int i = 0; i < 40; ++i) {
      Put(absl::StrCat("other-", i), absl::StrCat("a vase in a city, n", i));
    }
    request_.collection = "c";
    request_.k = 8;
    request_.second_look = 8;
    request_.content.texts = {"In which city is the maker of the Quinhol vase?"};
  }

  void Put(const std::string& id, const std::string& text,
           const std::string& metadata = R"({"date": "2000-01-01"})") {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = "c";
    write.document.source = id + ".txt";
    write.document.state = index::DocumentState::kIndexed;
    write.document.metadata_json = metadata;
    index::PassageWrite& passage = write.passages.emplace_back();
    passage.passage.text = text;
    const model::EncodeInput input = {
        .instruction = "", .videos = {}, .images = {}, .texts = {text}};
    passage.vector = FakeEncoder().Encode({&input, 1}, 64, {}).value()[0];
    ASSERT_OK_AND_ASSIGN(const auto stored, corpus_->PutDocument(std::move(write)));
  }

  Retrieved Found(model::Reranker* reranker = nullptr) {
    const Retriever retriever({}, *corpus_, encoder_, reranker,
                              [](const index::Passage&, absl::Time) {
                                return absl::StatusOr<ImagePtr>(absl::NotFoundError("none"));
                              });
    return retriever.Retrieve(request_, limits_).value();
  }

  static std::vector<std::string> Documents(const Retrieved& found) {
    std::vector<std::string> out;
    for (const Hit& hit : found.hits) out.push_back(hit.passage.document_id);
    return out;
  }

  std::unique_ptr<TempDir> dir_;
  BusyEncoder encoder_;
  std::unique_ptr<index::Corpus> corpus_;
  RetrieveRequest request_;
  edge::CallLimits limits_;
};

TEST_F(SecondLookTest, FindsWhatAPassageLeadsTo) {
  for (const auto mode : {index::FusionMode::kHybrid, index::FusionMode::kLexical}) {
    request_.mode = mode;
    request_.second_look = 0;
    const std::vector<std::string> once = Documents(Found());
    EXPECT_EQ(once[0], "vase");
    EXPECT_THAT(once, Not(Contains("maker")));
    request_.second_look = 8;
    const Retrieved found = Found();
    const std::vector<std::string> twice = Documents(found);
    ASSERT_EQ(twice.size(), 8u);
    EXPECT_EQ(twice[7], "maker");
    EXPECT_EQ(std::vector(twice.begin(), twice.end() - 1),
              std::vector(once.begin(), once.end() - 1))
        << "it took the last place alone";
    EXPECT_THAT(found.hits[7].led_by, ElementsAre("orsen", "forge"));
    EXPECT_TRUE(found.hits[7].lexical.has_value());
    EXPECT_THAT(found.hits[0].led_by, IsEmpty());
    EXPECT_GT(found.second_look_ms, 0);
  }
}

TEST_F(SecondLookTest, TellsWhereAHitStoodWhereAsked) {
  request_.explain = true;
  const Retrieved found = Found();
  ASSERT_TRUE(found.hits[7].reason.has_value());
  EXPECT_GT(found.hits[7].reason->fused_rank, 0);
  EXPECT_THAT(found.hits[7].reason->stages.matched_terms, IsSupersetOf({"orsen", "forge"}));
}

TEST_F(SecondLookTest, AnAnswersPassagesAreTheFirstOfTheHits) {
  request_.k = 10;
  request_.second_look = 0;
  const std::vector<std::string> once = Documents(Found());
  request_.second_look = 8;
  std::vector<std::string> expected(once.begin(), once.begin() + 7);
  expected.insert(expected.end(), {"maker", once[7], once[8]});
  EXPECT_EQ(Documents(Found()), expected);
}

TEST_F(SecondLookTest, TakesAQuarterOfThePlacesAtMost) {
  for (int i = 0; i < 9; ++i) Put(absl::StrCat("more-", i), absl::StrCat("Orsen Forge sells x", i));
  const auto second = [&](int k) {
    request_.k = request_.second_look = k;
    int count = 0;
    for (const Hit& hit : Found().hits) count += hit.led_by.empty() ? 0 : 1;
    return count;
  };
  for (int i = 0; i < 200; ++i) Put(absl::StrCat("fill-", i), absl::StrCat("nothing here ", i));
  EXPECT_EQ(second(3), 0);
  EXPECT_EQ(second(4), 1);
  EXPECT_EQ(second(8), 2);
  EXPECT_EQ(second(20), 3);
}

TEST_F(SecondLookTest, AHitAboutWhatIsAskedKeepsItsPlace) {
  for (int i = 0; i < 200; ++i) Put(absl::StrCat("fill-", i), absl::StrCat("nothing here ", i));
  request_.k = request_.second_look = 4;
  EXPECT_THAT(Documents(Found()), Contains("maker"));
  for (int i = 0; i < 3; ++i) {
    Put(absl::StrCat("about-", i), absl::StrCat("The Quinhol vase, view ", i));
  }
  EXPECT_THAT(Documents(Found()), UnorderedElementsAre("vase", "about-0", "about-1", "about-2"));
}

TEST_F(SecondLookTest, KeepsToTheFilterTheTimeAndWhatIsThere) {
  request_.filter = "NOT year = 1990";
  EXPECT_THAT(Documents(Found()), Not(Contains("maker")));
  request_.filter = "";
  EXPECT_THAT(Documents(Found()), Contains("maker"));
  const auto from = index::ReadDate("1991-01-01");
  ASSERT_TRUE(from.has_value());
  request_.time.from = from->first;
  EXPECT_THAT(Documents(Found()), Contains("vase"));
  EXPECT_THAT(Documents(Found()), Not(Contains("maker")));
  request_.time = {};
  ASSERT_OK_AND_ASSIGN(const int gone, corpus_->DeleteDocument("c", "maker"));
  EXPECT_EQ(gone, 1);
  EXPECT_THAT(Documents(Found()), Not(Contains("maker")));
}

TEST_F(SecondLookTest, LooksOnceWhereThereIsNothingToFollow) {
  request_.content.texts = {"In which city is the maker of the vase?"};
  encoder_.calls = 0;
  const Retrieved found = Found();
  EXPECT_EQ(encoder_.calls, 1);
  for (const Hit& hit : found.hits) EXPECT_THAT(hit.led_by, IsEmpty());
}

TEST_F(SecondLookTest, ShowsNothingTwice) {
  for (int i = 0; i < 100; ++i) Put(absl::StrCat("fill-", i), absl::StrCat("nothing here ", i));
  Put("copy", "orsen forge  sits at a CANAL.");
  Put("vase-copy", "Orsen Forge makes the  Quinhol vase.");
  std::vector<std::string> texts;
  for (const Hit& hit : Found().hits) texts.push_back(NormalisedText(hit.passage.text));
  EXPECT_THAT(texts, Contains("orsen forge sits at a canal."));
  EXPECT_EQ(std::set(texts.begin(), texts.end()).size(), texts.size());
}

TEST_F(SecondLookTest, GroupedHitsStayAsTheyAre) {
  request_.group_by_document = true;
  EXPECT_THAT(Documents(Found()), Not(Contains("maker")));
}

TEST_F(SecondLookTest, TheRerankersOrderStaysAndTheLastPlaceGoes) {
  request_.rerank = true;
  FakeReranker reranker;
  const Retrieved found = Found(&reranker);
  ASSERT_EQ(found.hits.size(), 8u);
  EXPECT_TRUE(found.hits[0].rerank.has_value());
  EXPECT_THAT(found.hits[7].led_by, ElementsAre("orsen", "forge"));
  EXPECT_FALSE(found.hits[7].rerank.has_value());
}

TEST_F(SecondLookTest, ABusyEncoderLeavesTheHitsAsTheyAre) {
  limits_.makeshift = std::make_shared<std::atomic<bool>>(false);
  encoder_.refuses_from = 2;
  const Retrieved found = Found();
  EXPECT_EQ(found.hits.size(), 8u);
  EXPECT_THAT(Documents(found), Not(Contains("maker")));
  EXPECT_TRUE(*limits_.makeshift);
}

TEST_F(SecondLookTest, IsLeftOutWhereItWouldMissTheDeadline) {
  limits_.makeshift = std::make_shared<std::atomic<bool>>(false);
  encoder_.delay = absl::Seconds(3);
  limits_.deadline = absl::Now() + absl::Milliseconds(5900);
  const Retrieved found = Found();
  EXPECT_EQ(found.hits.size(), 8u);
  EXPECT_THAT(Documents(found), Not(Contains("maker")));
  EXPECT_EQ(encoder_.calls, 1);
  EXPECT_TRUE(*limits_.makeshift);
}

TEST_F(SecondLookTest, WhatEveryHitMustHoldIsNotGivenUp) {
  request_.text_syntax = true;
  EXPECT_THAT(Documents(Found()), Contains("maker"));
  request_.content.texts[0] += " \"Quinhol vase\"";
  EXPECT_THAT(Documents(Found()), Not(Contains("maker")));
}

TEST_F(SecondLookTest, EqualRequestsFindEqualHits) {
  const std::vector<std::string> first = Documents(Found());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Documents(Found()), first);
}

TEST_F(SecondLookTest, ChineseLeadsOn) {
  Put("zh-vase", "昆荷香炉由奥森工坊制造。");
  Put("zh-maker", "奥森工坊位于运河边。");
  for (int i = 0; i < 20; ++i) Put(absl::StrCat("zh-", i), absl::StrCat("香炉的厂家在城市", i));
  request_.content.texts = {"昆荷香炉的厂家在哪个城市？"};
  request_.mode = index::FusionMode::kLexical;  // the fake network takes a sentence for a word
  const Retrieved found = Found();
  EXPECT_EQ(found.hits[0].passage.document_id, "zh-vase");
  ASSERT_THAT(Documents(found), Contains("zh-maker"));
  EXPECT_THAT(found.hits[7].led_by, IsSupersetOf({"奥森", "工坊"}));
}

}  // namespace
}  // namespace sightline::query
