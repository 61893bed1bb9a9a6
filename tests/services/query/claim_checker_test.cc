#include "services/query/claim_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "services/edge/error_details.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

class ClaimCheckerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open({.path = dir_->path()}));
    ASSERT_OK_AND_ASSIGN(const auto made,
                         corpus_->CreateCollection("c", encoder_.info().fingerprint, 64));
    Put("mill", {"The mill was built in 1850. It burned down in 1901."});
    Put("bridge", {"The bridge is 120 metres long.", "The bridge was painted green in 1998."});
    Put("empty", {});
    retriever_ = std::make_unique<Retriever>(
        RetrieverOptions{}, *corpus_, encoder_, nullptr,
        [](const index::Passage&, absl::Time) -> absl::StatusOr<ImagePtr> {
          return absl::NotFoundError("no picture");
        });
    request_.set_collection("c");
  }

  void Put(const std::string& id, const std::vector<std::string>& texts) {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = "c";
    write.document.source = id + ".txt";
    write.document.state = index::DocumentState::kIndexed;
    for (const std::string& text : texts) {
      index::PassageWrite passage;
      passage.passage.text = text;
      passage.passage.ordinal = static_cast<int>(write.passages.size());
      const model::EncodeInput input = {
          .instruction = "", .videos = {}, .images = {}, .texts = {text}};
      passage.vector = encoder_.Encode({&input, 1}, 64, {}).value()[0];
      write.passages.push_back(std::move(passage));
    }
    ASSERT_OK_AND_ASSIGN(const auto stored, corpus_->PutDocument(std::move(write)));
  }

  void PutPicture(const std::string& id) {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = "c";
    write.document.source = id + ".png";
    write.document.state = index::DocumentState::kIndexed;
    index::PassageWrite& passage = write.passages.emplace_back();
    passage.passage.kind = index::PassageKind::kImage;
    write.blobs = {{ContentHash(id), id, "image/png", 1, 1}};
    passage.passage.blob_hash = write.blobs[0].hash;
    const model::EncodeInput input = {.instruction = "", .videos = {}, .images = {}, .texts = {id}};
    passage.vector = encoder_.Encode({&input, 1}, 64, {}).value()[0];
    ASSERT_OK_AND_ASSIGN(const auto stored, corpus_->PutDocument(std::move(write)));
  }

  v1::Claim& Add(const std::string& text, const std::vector<std::string>& documents = {}) {
    v1::Claim& claim = *request_.add_claims();
    claim.set_text(text);
    for (const std::string& document : documents) claim.add_document_ids(document);
    return claim;
  }

  std::string PassageOf(const std::string& document) {
    return absl::StrCat(corpus_->DocumentPassages("c", document).value().front().id);
  }

  absl::StatusOr<v1::CheckClaimsResponse> Check() {
    const ClaimChecker checker({.corpus = *corpus_,
                                .retriever = *retriever_,
                                .entailment = entailment_,
                                .limits = limits_,
                                .filters = filters_,
                                .read = read_});
    return checker.Check(request_, call_);
  }

  std::unique_ptr<TempDir> dir_;
  FakeEncoder encoder_;
  std::unique_ptr<index::Corpus> corpus_;
  std::unique_ptr<Retriever> retriever_;
  EntailmentScorer entailment_;
  PictureWords read_;
  ContentLimits limits_;
  FilterOptions filters_;
  edge::CallLimits call_;
  v1::CheckClaimsRequest request_;
};

TEST_F(ClaimCheckerTest, DocumentsAndPassagesThatAreNamedJudge) {
  Add("The mill was built in 1850.", {"mill"});
  Add("The mill was built in 1950.", {"mill"});
  Add("The mill was built in 1850.", {"bridge"});
  Add("The bridge is 120 metres long.").add_passage_ids(PassageOf("bridge"));
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  ASSERT_EQ(reply.verdicts_size(), 4);
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_CONTRADICTED);
  EXPECT_EQ(reply.verdicts(2).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_EQ(reply.verdicts(3).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(3).claim(), 3);
  ASSERT_EQ(reply.verdicts(0).evidence_size(), 1);
  const v1::Citation& evidence = reply.verdicts(0).evidence(0);
  EXPECT_EQ(evidence.hit().passage().document_id(), "mill");
  EXPECT_EQ(evidence.snippet(), "The mill was built in 1850.");
  EXPECT_EQ(evidence.verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_GT(evidence.support(), 0.9f);
}

TEST_F(ClaimCheckerTest, PassagesThatAreNamedAreTakenTogether) {
  Add("The bridge is 120 metres long and was painted green in 1998.", {"bridge"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(0).evidence_size(), 2);
}

TEST_F(ClaimCheckerTest, EachSentenceIsJudgedApartWithoutItsMarkers) {
  Add("  The mill was built in 1850 [7]. It burned down in 1902.[3]", {"mill"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  ASSERT_EQ(reply.verdicts_size(), 2);
  const std::string& text = request_.claims(0).text();
  const auto words = [&](const v1::ClaimVerdict& verdict) {
    return text.substr(verdict.start(), verdict.end() - verdict.start());
  };
  EXPECT_EQ(words(reply.verdicts(0)), "The mill was built in 1850 [7].");
  EXPECT_EQ(reply.verdicts(0).text(), "The mill was built in 1850 .");
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(words(reply.verdicts(1)), "It burned down in 1902.");
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_CONTRADICTED);
}

TEST_F(ClaimCheckerTest, WithoutNamesTheCollectionIsSearchedAndThePassageThatSupportsCounts) {
  Add("The bridge is 120 metres long.");
  Add("The bridge is 130 metres long.");
  // Half stands in one passage and half in another: none of them says it alone.
  Add("The mill was built in 1850 and painted green in 1998.");
  request_.set_k(3);
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  ASSERT_EQ(reply.verdicts_size(), 3);
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(0).evidence_size(), 3);
  EXPECT_EQ(reply.verdicts(0).evidence(0).hit().passage().text(), "The bridge is 120 metres long.");
  EXPECT_EQ(reply.verdicts(0).evidence(2).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_CONTRADICTED);
  EXPECT_EQ(reply.verdicts(2).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_GT(reply.timings().encode_ms(), 0);
  request_.set_filter("_document_id = \"mill\"");
  ASSERT_OK_AND_ASSIGN(const auto filtered, Check());
  EXPECT_EQ(filtered.verdicts(0).verdict(), v1::VERDICT_UNSUPPORTED);
}

TEST_F(ClaimCheckerTest, NothingSupportsWhatNoPassageIsFoundFor) {
  Add("The mill was built in 1850.", {"empty"});
  Add("The mill was built in 1850.");
  request_.set_filter("false");
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_TRUE(reply.verdicts(1).evidence().empty());
}

TEST_F(ClaimCheckerTest, ARerankerJudgesWhatTheGatesLeaveOpen) {
  entailment_ = [](const std::string&, std::span<const index::Passage* const>,
                   const edge::CallLimits&) { return absl::StatusOr<float>(0.01f); };
  Add("The mill was built in 1850.", {"mill"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_TRUE(reply.warnings().empty());
}

TEST_F(ClaimCheckerTest, AVerdictWithoutTheRerankerThatFailedSaysSo) {
  entailment_ = [](const std::string&, std::span<const index::Passage* const>,
                   const edge::CallLimits&) -> absl::StatusOr<float> {
    return absl::ResourceExhaustedError("busy");
  };
  Add("The mill was built in 1850.", {"mill"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  ASSERT_EQ(reply.warnings_size(), 1);
  EXPECT_THAT(reply.warnings(0), HasSubstr("done without"));
}

TEST_F(ClaimCheckerTest, PicturesWithoutWordsAreReadWhereNothingElseSettlesIt) {
  PutPicture("photo");
  int readings = 0;
  read_ = [&](const index::Passage& picture, bool chinese,
              const edge::CallLimits&) -> absl::StatusOr<std::string> {
    ++readings;
    EXPECT_TRUE(IsUnread(picture));
    if (chinese) return absl::InternalError("broken");
    return "The mill\nbuilt 1920";
  };
  Add("The mill was built in 1920.", {"photo"});
  Add("The mill was built in 1930.", {"photo"});
  Add("磨坊建于1920年。", {"photo"});
  Add("The mill was built in 1950.", {"mill"});
  Add("The mill was built in 1850.", {"mill", "photo"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_EQ(reply.verdicts(2).verdict(), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(reply.verdicts(3).verdict(), v1::VERDICT_CONTRADICTED);
  EXPECT_EQ(reply.verdicts(4).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(readings, 3);
  ASSERT_EQ(reply.warnings_size(), 1);
  EXPECT_EQ(reply.warnings(0), edge::kMakeshiftWarning);
}

TEST_F(ClaimCheckerTest, WhatIsSearchedIsReadOnlyWhereNoTextSupportsTheClaim) {
  PutPicture("photo");
  int readings = 0;
  read_ = [&](const index::Passage&, bool, const edge::CallLimits&) -> absl::StatusOr<std::string> {
    ++readings;
    return "The mill\nbuilt 1920";
  };
  Add("The mill was built in 1850.");
  ASSERT_OK_AND_ASSIGN(const auto by_text, Check());
  EXPECT_EQ(by_text.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(readings, 0);
  request_.clear_claims();
  Add("The mill was built in 1920.");
  ASSERT_OK_AND_ASSIGN(const auto by_picture, Check());
  EXPECT_EQ(by_picture.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(by_picture.verdicts(0).evidence(0).hit().passage().document_id(), "photo");
  EXPECT_EQ(readings, 1);
}

TEST_F(ClaimCheckerTest, ARequestReadsOnlySoManyPictures) {
  for (int i = 0; i < kMaxReadings / 2 + 10; ++i) {
    PutPicture(absl::StrCat("photo", i, "a"));
    PutPicture(absl::StrCat("photo", i, "b"));
  }
  int readings = 0;
  read_ = [&](const index::Passage&, bool, const edge::CallLimits&) -> absl::StatusOr<std::string> {
    ++readings;
    return "The mill\nbuilt 1920";
  };
  // Two sentences about the same pictures: what was read counts once.
  for (int i = 0; i < kMaxReadings / 2 + 10; ++i) {
    Add("The mill was built in 1920. The mill was not built in 1930.",
        {absl::StrCat("photo", i, "a"), absl::StrCat("photo", i, "b")});
  }
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(readings, 2 * kMaxReadings);
  EXPECT_EQ(reply.verdicts(kMaxReadings - 2).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(kMaxReadings - 1).verdict(), v1::VERDICT_UNSUPPORTED);
  EXPECT_EQ(reply.verdicts(kMaxReadings).verdict(), v1::VERDICT_UNSPECIFIED);
  ASSERT_EQ(reply.warnings_size(), 1);
  EXPECT_THAT(reply.warnings(0), HasSubstr("at most 100: 20"));
}

TEST_F(ClaimCheckerTest, ContentRulesHoldForClaimsAndEvidence) {
  filters_.questions = ContentRules::Parse("mask words bridge: bridge").value_or(nullptr);
  filters_.answers = ContentRules::Parse("mask words mill: mill").value_or(nullptr);
  ASSERT_NE(filters_.questions, nullptr);
  Add("The mill was built in 1850, the bridge was not.", {"mill"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  EXPECT_EQ(reply.verdicts(0).text(), "The mill was built in 1850, the [bridge] was not.");
  EXPECT_THAT(reply.verdicts(0).evidence(0).hit().passage().text(), HasSubstr("[mill]"));
  filters_.questions = ContentRules::Parse("block words bridge: bridge").value_or(nullptr);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClaimCheckerTest, PlacesAreThoseOfTheTextThatTheCallerSent) {
  filters_.questions = ContentRules::Parse("mask email\nmask words b: burned").value_or(nullptr);
  Add("Ask ann.of.the.mill@example.org. The mill was built in 1850. It burned.", {"mill"});
  ASSERT_OK_AND_ASSIGN(const auto reply, Check());
  ASSERT_EQ(reply.verdicts_size(), 3);
  const std::string& text = request_.claims(0).text();
  const std::string said[] = {"Ask ann.of.the.mill@example.org.", "The mill was built in 1850.",
                              "It burned."};
  for (int i = 0; i < 3; ++i) {
    const v1::ClaimVerdict& verdict = reply.verdicts(i);
    EXPECT_EQ(text.substr(verdict.start(), verdict.end() - verdict.start()), said[i]);
    EXPECT_EQ(verdict.evidence(0).start(), verdict.start());
    EXPECT_EQ(verdict.evidence(0).end(), verdict.end());
  }
  EXPECT_EQ(reply.verdicts(2).text(), "It [b].");
}

TEST_F(ClaimCheckerTest, SearchesGoWithoutTheCacheWhereTheRequestSaysSo) {
  cache::EmbeddingCache cache(1 << 20, SecretKey());
  retriever_ = std::make_unique<Retriever>(RetrieverOptions{}, *corpus_, encoder_, nullptr,
                                           PassagePicture(), &cache);
  Add("The bridge is 120 metres long.");
  request_.set_no_cache(true);
  ASSERT_THAT(Check(), IsOk());
  EXPECT_EQ(cache.stats().misses, 0u);
  request_.set_no_cache(false);
  ASSERT_THAT(Check(), IsOk());
  EXPECT_EQ(cache.stats().misses, 1u);
}

TEST_F(ClaimCheckerTest, WhatIsWrongIsNamed) {
  struct Case {
    std::function<void(v1::CheckClaimsRequest&)> change;
    absl::StatusCode code;
    const char* field;
  };
  const absl::StatusCode wrong = absl::StatusCode::kInvalidArgument;
  const std::vector<Case> cases = {
      {[](auto& request) { request.clear_claims(); }, wrong, "claims"},
      {[](auto& request) { request.mutable_claims(0)->set_text(" … [2]"); }, wrong,
       "claims[0].text"},
      {[](auto& request) { request.mutable_claims(0)->set_text(std::string(40'000, 'a')); }, wrong,
       "claims[0].text"},
      {[](auto& request) {
         for (int i = 0; i < 300; ++i)
           request.mutable_claims(0)->mutable_text()->append(" It is so.");
       },
       wrong, "claims[0].text"},
      {[](auto& request) {
         for (int i = 0; i < kMaxClaims; ++i) *request.add_claims() = request.claims(0);
       },
       wrong, "claims"},
      {[](auto& request) { request.set_k(21); }, wrong, "k"},
      {[](auto& request) { request.clear_collection(); }, wrong, "collection"},
      {[](auto& request) { request.mutable_claims(0)->add_passage_ids("x"); }, wrong,
       "claims[0].passage_ids[0]"},
      {[](auto& request) { request.mutable_claims(0)->add_passage_ids("99"); },
       absl::StatusCode::kNotFound, "claims[0].passage_ids[0]"},
      {[](auto& request) { request.mutable_claims(0)->add_document_ids("none"); },
       absl::StatusCode::kNotFound, "claims[0].document_ids[0]"},
  };
  for (const Case& one : cases) {
    request_.clear_claims();
    request_.set_collection("c");
    request_.set_k(0);
    Add("The mill was built in 1850.");
    one.change(request_);
    const auto reply = Check();
    ASSERT_THAT(reply, StatusIs(one.code)) << one.field;
    ASSERT_FALSE(edge::Fields(reply.status()).empty()) << one.field;
    EXPECT_EQ(edge::Fields(reply.status())[0].field, one.field);
  }
}

TEST_F(ClaimCheckerTest, NoMorePassagesAreNamedThanCanBeReadTogether) {
  Put("long", std::vector<std::string>(kMaxPassagesOfClaim, "A line."));
  Add("A line.", {"long"});
  EXPECT_THAT(Check(), IsOk());
  request_.mutable_claims(0)->add_document_ids("mill");
  const auto reply = Check();
  ASSERT_THAT(reply, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(edge::Reason(reply.status()), "too_many_passages");
}

TEST_F(ClaimCheckerTest, ACallThatNobodyWaitsForEnds) {
  Add("The mill was built in 1850.", {"mill"});
  call_.deadline = absl::Now() - absl::Seconds(1);
  EXPECT_THAT(Check(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::query
