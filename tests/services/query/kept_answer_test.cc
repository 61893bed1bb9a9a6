#include "services/query/kept_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/sealed_box.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::IsOk;

class KeptAnswerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    Open();
    ASSERT_THAT(corpus_->CreateCollection("c", "model", 4), IsOk());
    Put("mill");
    request_.mutable_search()->set_collection("c");
    request_.mutable_search()->add_query()->set_text("When did the mill burn down?");
  }

  void Open() {
    corpus_.reset();
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open({.path = dir_->path() + "/corpus"}));
  }

  void Put(const std::string& id) {
    index::DocumentWrite write;
    write.document.id = id;
    write.document.collection = "c";
    write.document.source = id;
    write.document.state = index::DocumentState::kIndexed;
    write.passages.emplace_back().passage.text = id;
    ASSERT_THAT(corpus_->PutDocument(std::move(write)), IsOk());
  }

  KeptAnswer New(bool repeats = true) {
    return KeptAnswer(&cache_, *corpus_, limits_, request_, repeats);
  }

  static void Write(KeptAnswer& kept) {
    v1::AnswerEvent event;
    event.mutable_retrieved()->mutable_search()->mutable_timings()->set_total_ms(5);
    kept.Add(event);
    event.mutable_done()->set_answer("1901");
    event.mutable_done()->mutable_timings()->set_total_ms(7);
    kept.Add(event);
  }
  // Answers the request as it is now, if it must be.
  void Ask() {
    KeptAnswer kept = New();
    if (!kept.Find().has_value()) Write(kept);
  }
  bool Known() { return New().Find().has_value(); }
  // Whether the request is another one after `change`.
  template <typename Change>
  bool Differs(const Change& change) {
    Ask();
    const v1::SearchAndAnswerRequest before = request_;
    change(request_);
    const bool differs = !Known();
    request_ = before;
    EXPECT_TRUE(Known());
    return differs;
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<index::Corpus> corpus_;
  cache::AnswerCache cache_{{.server = "s", .secret = RandomSecret()}, nullptr};
  edge::CallLimits limits_;
  v1::SearchAndAnswerRequest request_;
};

TEST_F(KeptAnswerTest, TheNextIdenticalRequestGetsTheEventsWithoutTimes) {
  EXPECT_FALSE(Known());
  Ask();
  const auto events = New().Find();
  ASSERT_TRUE(events.has_value());
  ASSERT_EQ(events->size(), 2u);
  EXPECT_FALSE(events->front().retrieved().search().has_timings());
  EXPECT_EQ(events->back().done().answer(), "1901");
  EXPECT_TRUE(events->back().done().cached());
  EXPECT_FALSE(events->back().done().has_timings());
}

TEST_F(KeptAnswerTest, EveryFieldOfTheRequestCounts) {
  using R = v1::SearchAndAnswerRequest;
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->mutable_query(0)->set_text("When?"); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->set_k(3); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->set_filter("lang = \"en\""); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->set_rerank(true); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->mutable_query(0)->set_weight(1); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_search()->add_query()->set_image("bytes"); }));
  EXPECT_TRUE(Differs([](R& r) { r.mutable_sampling()->set_seed(1); }));
  EXPECT_TRUE(Differs([](R& r) { (*r.mutable_sampling()->mutable_logit_bias())[3] = 1; }));
  EXPECT_TRUE(Differs([](R& r) { r.set_json_schema("{}"); }));
  EXPECT_TRUE(Differs([](R& r) { r.set_reasoning(true); }));
  EXPECT_TRUE(Differs([](R& r) { r.set_mode(v1::ANSWER_MODE_EXTRACTIVE); }));
}

TEST_F(KeptAnswerTest, WhatADefaultSaysNeedNotBeSaid) {
  EXPECT_FALSE(Differs([](v1::SearchAndAnswerRequest& request) {
    request.mutable_search()->set_mode(v1::SEARCH_MODE_HYBRID);
    request.mutable_search()->set_group_size(1);
    request.set_verdict_policy(v1::VERDICT_POLICY_FLAG);
    request.mutable_sampling();
  }));
}

TEST_F(KeptAnswerTest, ACropIsAnotherPicture) {
  request_.mutable_search()->add_query()->set_image("bytes");
  EXPECT_TRUE(Differs([](v1::SearchAndAnswerRequest& request) {
    request.mutable_search()->mutable_query(1)->mutable_crop()->set_x1(1);
  }));
}

TEST_F(KeptAnswerTest, AWriteMakesItAnotherQuestion) {
  Ask();
  Put("bridge");
  EXPECT_FALSE(Known());
  Ask();
  ASSERT_THAT(corpus_->DeleteDocument("c", "bridge"), IsOk());
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, ACollectionMadeAnewUnderTheNameIsAnother) {
  Ask();
  ASSERT_THAT(corpus_->DeleteCollection("c"), IsOk());
  EXPECT_FALSE(Known());
  ASSERT_THAT(corpus_->CreateCollection("c", "model", 4), IsOk());
  Put("mill");
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, ARestartKeepsTheDocumentsAndARestoredBackupIsAnotherOnceWrittenTo) {
  Ask();
  Open();
  EXPECT_TRUE(Known());
  corpus_.reset();
  namespace fs = std::filesystem;
  fs::copy(dir_->path() + "/corpus", dir_->path() + "/backup", fs::copy_options::recursive);
  Open();
  Put("bridge");
  Ask();  // of sequence number 2
  corpus_.reset();
  fs::remove_all(dir_->path() + "/corpus");
  fs::rename(dir_->path() + "/backup", dir_->path() + "/corpus");
  Open();
  EXPECT_TRUE(Known());  // as it was at the backup
  Put("tower");          // has sequence number 2 again
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, AWriteWhileTheAnswerIsWrittenKeepsItOut) {
  KeptAnswer kept = New();
  EXPECT_FALSE(kept.Find().has_value());
  Put("bridge");
  Write(kept);
  EXPECT_FALSE(Known());
  EXPECT_EQ(cache_.memory().bytes, 0);
}

TEST_F(KeptAnswerTest, AnAnswerMadeWithoutSomethingThatFailedIsNotKept) {
  limits_.makeshift = std::make_shared<std::atomic<bool>>(false);
  KeptAnswer kept = New();
  edge::NoteMakeshift(limits_);
  Write(kept);
  limits_.makeshift = nullptr;
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, AnAnswerThatBreaksOffIsNotKept) {
  KeptAnswer kept = New();
  v1::AnswerEvent event;
  event.mutable_delta()->set_text("In 19");
  kept.Add(event);
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, WhatDoesNotRepeatOrRefusesIsNeitherFoundNorKept) {
  KeptAnswer drawn = New(/*repeats=*/false);
  Write(drawn);
  EXPECT_FALSE(Known());
  Ask();
  EXPECT_FALSE(New(false).Find().has_value());
  request_.mutable_search()->set_no_cache(true);
  EXPECT_FALSE(Known());
  const int64_t bytes = cache_.memory().bytes;
  Ask();
  EXPECT_EQ(cache_.memory().bytes, bytes);
}

TEST_F(KeptAnswerTest, AUrlWhosePictureMayChangeIsAskedAnew) {
  v1::Content& picture = *request_.mutable_search()->add_query();
  picture.set_image_uri("file:///pictures/mill.png");
  Ask();
  EXPECT_FALSE(Known());
  picture.set_image_uri("data:image/png;base64,AAAA");
  Ask();
  EXPECT_TRUE(Known());
}

TEST_F(KeptAnswerTest, OneTenantsAnswersAreNeverAnothers) {
  limits_.tenant = "a";
  Ask();
  EXPECT_TRUE(Known());
  limits_.tenant = "b";
  EXPECT_FALSE(Known());
  limits_.tenant = "";
  EXPECT_FALSE(Known());
}

TEST_F(KeptAnswerTest, WithoutACacheNothingHappens) {
  KeptAnswer kept(nullptr, *corpus_, limits_, request_, true);
  EXPECT_FALSE(kept.Find().has_value());
  Write(kept);
}

}  // namespace
}  // namespace sightline::query
