#include "ingest/ingestor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/file.h"
#include "index/corpus.h"
#include "ingest/failure.h"
#include "ingest/members.h"
#include "tests/ingest/controlled_encoder.h"
#include "tests/ingest/samples.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

namespace fs = std::filesystem;
using index::DocumentState;
using index::PassageKind;
using sightline::testing::ControlledEncoder;
using sightline::testing::IsOk;
using sightline::testing::SimplePdf;
using sightline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string GoldenPicture(const std::string& name) {
  auto bytes = ReadFile(absl::StrCat(SIGHTLINE_SOURCE_DIR "/tests/golden/images/", name));
  EXPECT_THAT(bytes, IsOk());
  return *std::move(bytes);
}

// The JPEG file with an EXIF mark of when it was taken, "2024:05:01 10:00:00".
std::string TakenAt(absl::string_view jpeg, absl::string_view time) {
  using namespace std::string_literals;
  const std::string exif =
      absl::StrCat("Exif\0\0II*\0\x08\0\0\0"s,                           // IFD0 at 8
                   "\x01\0\x69\x87\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0"s,  // EXIF IFD at 26
                   "\x01\0\x03\x90\x02\0\x14\0\0\0\x2C\0\0\0\0\0\0\0"s, time, "\0"s);  // text at 44
  const auto size = static_cast<uint8_t>(exif.size() + 2);
  return absl::StrCat(jpeg.substr(0, 2), "\xFF\xE1\0"s, std::string(1, static_cast<char>(size)),
                      exif, jpeg.substr(2));
}

// What a job reported, and how it ended.
struct Watch {
  absl::Notification finished;
  IngestResult result;
  std::vector<Progress> progress;
  int accepted = 0;
  int finishes = 0;
};

class IngestorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    media::MediaOptions media;
    media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media));
    options_.first_backoff = absl::Milliseconds(1);
    OpenCorpus();
    ASSERT_THAT(corpus_->CreateCollection("c", encoder_.info().fingerprint, 32), IsOk());
  }

  void OpenCorpus() {
    index::CorpusOptions corpus;
    corpus.path = dir_->path() + "/corpus";
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open(corpus));
  }

  std::string SpoolPath() const { return dir_->path() + "/spool"; }
  size_t SpoolFiles() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(SpoolPath()), fs::directory_iterator()));
  }

  void Make() {
    ASSERT_OK_AND_ASSIGN(ingestor_, Ingestor::Create(options_, SpoolPath(), *corpus_, encoder_,
                                                     *media_, generator_.get()));
  }
  void MakeAndStart() {
    Make();
    ASSERT_THAT(ingestor_->Start(), IsOk());
  }
  // As after the end of the process, but in order.
  void Restart() {
    ingestor_.reset();
    corpus_.reset();
    OpenCorpus();
    MakeAndStart();
  }

  static IngestRequest Request(const std::string& source) {
    IngestRequest request;
    request.collection = "c";
    request.source = source;
    return request;
  }

  std::shared_ptr<Watch> Submit(const IngestRequest& request, const std::string& bytes) {
    auto watch = std::make_shared<Watch>();
    IngestCallbacks callbacks;
    callbacks.on_accepted = [watch](const std::string&, const std::string&) { ++watch->accepted; };
    callbacks.on_progress = [watch](const Progress& progress) {
      watch->progress.push_back(progress);
    };
    callbacks.on_finished = [watch](const IngestResult& result) {
      watch->result = result;
      if (++watch->finishes == 1) watch->finished.Notify();
    };
    const auto id = ingestor_->Submit(request, bytes, std::move(callbacks));
    EXPECT_THAT(id, IsOk());
    EXPECT_EQ(watch->accepted, 1);
    return watch;
  }

  IngestResult Ingest(const IngestRequest& request, const std::string& bytes) {
    const auto watch = Submit(request, bytes);
    watch->finished.WaitForNotification();
    return watch->result;
  }

  // Polls until no job waits or runs.
  void AwaitIdle() {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (absl::Now() < end) {
      const IngestCounters counters = ingestor_->counters();
      if (counters.waiting == 0 && counters.running == 0) return;
      absl::SleepFor(absl::Milliseconds(2));
    }
    FAIL() << "jobs do not end";
  }
  void AwaitRunning() {
    while (encoder_.calls() == 0) absl::SleepFor(absl::Milliseconds(1));
  }

  std::vector<index::Passage> Passages(const std::string& document_id) {
    auto passages = corpus_->DocumentPassages("c", document_id);
    EXPECT_THAT(passages, IsOk());
    return *std::move(passages);
  }

  std::vector<index::Hit> SearchText(const std::string& text) {
    index::SearchQuery query;
    query.collection = "c";
    query.text = text;
    query.mode = index::FusionMode::kLexical;
    auto found = corpus_->Search(query);
    EXPECT_THAT(found, IsOk());
    return found->hits;
  }

  std::unique_ptr<TempDir> dir_;
  ControlledEncoder encoder_;
  std::unique_ptr<media::MediaClient> media_;
  std::unique_ptr<model::Generator> generator_;  // null unless a test sets one
  std::unique_ptr<index::Corpus> corpus_;
  IngestOptions options_;
  std::unique_ptr<Ingestor> ingestor_;  // last: goes first
};

// --- what becomes of files

TEST_F(IngestorTest, WhatAGeneratorFoundOutIsKeptAndNotAskedAgain) {
  generator_ = std::make_unique<sightline::testing::FakeGenerator>("It is about mills.");
  MakeAndStart();
  IngestRequest request = Request("a.txt");
  request.metadata_json = R"({"year":1})";
  EXPECT_EQ(Ingest(request, "mills and rivers").outcome, Outcome::kIndexed);
  request.enrichment.summarize = true;
  const IngestResult read = Ingest(request, "mills and rivers");
  EXPECT_EQ(read.outcome, Outcome::kIndexed);
  EXPECT_EQ(read.document.metadata_json, R"({"year":1,"summary":"It is about mills."})");
  EXPECT_EQ(Ingest(request, "mills and rivers").outcome, Outcome::kUnchanged);
  request.enrichment.summarize = false;
  const IngestResult plain = Ingest(request, "mills and rivers");
  EXPECT_EQ(plain.outcome, Outcome::kIndexed);
  EXPECT_EQ(plain.document.metadata_json, R"({"year":1})");

  // A server without a generator refuses it before anything is stored.
  ingestor_.reset();
  generator_.reset();
  MakeAndStart();
  request.enrichment.summarize = true;
  EXPECT_THAT(ingestor_->Submit(request, "other", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(IngestorTest, ATextFileBecomesSearchablePassages) {
  MakeAndStart();
  const auto watch = Submit(Request("notes/birds.txt"), "Herons wade in shallow water.\n");
  watch->finished.WaitForNotification();
  const IngestResult& result = watch->result;
  EXPECT_EQ(result.outcome, Outcome::kIndexed);
  EXPECT_THAT(result.status, IsOk());
  EXPECT_EQ(result.document.state, DocumentState::kIndexed);
  EXPECT_EQ(result.document.id, DocumentIdFor("notes/birds.txt"));
  EXPECT_EQ(result.document.version, 1);
  EXPECT_EQ(result.document.passages, 1);
  EXPECT_EQ(result.document.bytes, 30);
  const auto hits = SearchText("herons");
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0].passage.text, "Herons wade in shallow water.");
  EXPECT_EQ(hits[0].passage.source, "notes/birds.txt");
  ASSERT_THAT(watch->progress, SizeIs(Ge(1)));
  EXPECT_EQ(watch->progress.back().pages_done, 1);
  EXPECT_EQ(watch->progress.back().passages, 1);
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(result.job_id));
  EXPECT_EQ(job.state, index::JobState::kDone);
  EXPECT_EQ(job.attempts, 1);
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, AMarkdownFileKeepsItsHeadings) {
  MakeAndStart();
  const IngestResult result =
      Ingest(Request("a.md"), "# Birds\n\n## Herons\n\nThey wade.\n\n## Owls\n\nThey hoot.\n");
  ASSERT_EQ(result.outcome, Outcome::kIndexed);
  const auto passages = Passages(result.document.id);
  ASSERT_THAT(passages, SizeIs(2));
  EXPECT_EQ(passages[0].heading, "Birds > Herons");
  EXPECT_EQ(passages[0].text, "They wade.");
  EXPECT_EQ(passages[1].heading, "Birds > Owls");
  EXPECT_EQ(passages[1].ordinal, 1);
  ASSERT_THAT(SearchText("herons"), SizeIs(1)) << "headings are searched with the text";
  EXPECT_EQ(SearchText("herons")[0].passage.text, "They wade.");
}

TEST_F(IngestorTest, AnHtmlPageBecomesPassages) {
  MakeAndStart();
  const IngestResult result =
      Ingest(Request("https://example.com/x.html?y=1"),
             "<!DOCTYPE html><html><body><h1>Rivers</h1><p>The Rhine is long.</p>"
             "<script>alert('no')</script></body></html>");
  ASSERT_EQ(result.outcome, Outcome::kIndexed);
  ASSERT_THAT(SearchText("rhine"), SizeIs(1));
  EXPECT_THAT(SearchText("alert"), IsEmpty());
}

TEST_F(IngestorTest, APictureIsFoundByItselfAndByItsCaption) {
  MakeAndStart();
  IngestRequest request = Request("IMG_0001.png");
  request.metadata_json = R"({"caption":"a checkered square"})";
  const std::string bytes = GoldenPicture("square_64x64.png");
  const IngestResult result = Ingest(request, bytes);
  ASSERT_EQ(result.outcome, Outcome::kIndexed);
  const auto passages = Passages(result.document.id);
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].kind, PassageKind::kImage);
  EXPECT_EQ(passages[0].page, 0);
  EXPECT_THAT(SearchText("checkered"), SizeIs(1));
  EXPECT_THAT(SearchText("IMG_0001"), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const index::Blob blob, corpus_->GetBlob(passages[0].blob_hash));
  EXPECT_EQ(blob.bytes, bytes);
  EXPECT_EQ(blob.width, 64);

  ASSERT_OK_AND_ASSIGN(const auto decoded, media_->DecodeImage(bytes, absl::InfiniteFuture()));
  model::EncodeInput input;
  input.images = {decoded.image};
  index::SearchQuery query;
  query.collection = "c";
  query.vector = encoder_.Encode({&input, 1}, 32, {})->front();
  ASSERT_OK_AND_ASSIGN(const auto found, corpus_->Search(query));
  ASSERT_THAT(found.hits, SizeIs(1));
  EXPECT_NEAR(*found.hits[0].dense, 1.0, 0.01);
}

TEST_F(IngestorTest, APhotoKnowsWhenItWasTaken) {
  MakeAndStart();
  const std::string photo = GoldenPicture("photo_120x88.jpg");
  const std::string dated = TakenAt(photo, "2024:05:01 10:00:00");
  const auto metadata = [&](const IngestRequest& request, const std::string& bytes) {
    return Ingest(request, bytes).document.metadata_json;
  };
  EXPECT_EQ(metadata(Request("plain.jpg"), photo), "{}");
  IngestRequest request = Request("dated.jpg");
  EXPECT_EQ(metadata(request, dated), R"({"taken":"2024-05-01T10:00:00"})");
  EXPECT_EQ(Ingest(request, dated).outcome, Outcome::kUnchanged);
  // What the caller says goes first.
  request.metadata_json = R"({"date":"2020-01-01"})";
  EXPECT_EQ(metadata(request, dated), request.metadata_json);
  request.metadata_json = R"({"taken":"2020-01-01"})";
  EXPECT_EQ(metadata(request, dated), request.metadata_json);
  for (const char* nonsense : {"0000:00:00 00:00:00", "2024:13:01 10:00:00", "2024-05-01 Passage",
                               "2024:05:01 10:00:6x"}) {
    EXPECT_EQ(metadata(Request("nonsense.jpg"), TakenAt(photo, nonsense)), "{}") << nonsense;
  }
}

TEST_F(IngestorTest, APdfHasAPictureAndTextOfEachPage) {
  MakeAndStart();
  const IngestResult result =
      Ingest(Request("two.pdf"), SimplePdf({"Alpha page speaks.", "Beta page answers."}));
  ASSERT_EQ(result.outcome, Outcome::kIndexed);
  EXPECT_EQ(result.document.pages, 2);
  EXPECT_EQ(result.document.media_type, "application/pdf");
  const auto passages = Passages(result.document.id);
  ASSERT_THAT(passages, SizeIs(4));
  EXPECT_EQ(passages[0].kind, PassageKind::kPage);
  EXPECT_EQ(passages[0].page, 1);
  EXPECT_EQ(passages[0].text, "");
  EXPECT_EQ(passages[1].kind, PassageKind::kText);
  EXPECT_EQ(passages[1].page, 1);
  EXPECT_EQ(passages[1].text, "Alpha page speaks.");
  ASSERT_TRUE(passages[1].box.has_value());
  EXPECT_LT(passages[1].box->y1, 0.2f);
  EXPECT_EQ(passages[1].blob_hash, passages[0].blob_hash);
  EXPECT_EQ(passages[3].page, 2);
  EXPECT_THAT(corpus_->GetBlob(passages[2].blob_hash), IsOk());
}

TEST_F(IngestorTest, PagePicturesCanBeLeftOut) {
  options_.embed_page_pictures = false;
  MakeAndStart();
  const IngestResult result = Ingest(Request("two.pdf"), SimplePdf({"Alpha page.", "Beta page."}));
  const auto passages = Passages(result.document.id);
  ASSERT_THAT(passages, SizeIs(2));
  EXPECT_THAT(passages, Each(Field(&index::Passage::blob_hash, "")));
}

TEST_F(IngestorTest, PicturesAboveTheBoundAreLeftOutAndNamed) {
  options_.max_picture_bytes = 1;
  MakeAndStart();
  const IngestResult result = Ingest(Request("two.pdf"), SimplePdf({"Alpha page.", "Beta page."}));
  EXPECT_EQ(result.outcome, Outcome::kPartial);
  ASSERT_THAT(result.document.failures, SizeIs(1));
  EXPECT_EQ(result.document.failures[0].page, 2);
  EXPECT_EQ(result.document.failures[0].reason, "too_many_pictures");
  EXPECT_THAT(SearchText("beta"), SizeIs(1));
}

// --- the same document again

TEST_F(IngestorTest, TheSameBytesAgainChangeNothing) {
  MakeAndStart();
  ASSERT_EQ(Ingest(Request("a.txt"), "one two").outcome, Outcome::kIndexed);
  const int calls = encoder_.calls();
  const auto watch = Submit(Request("a.txt"), "one two");
  watch->finished.WaitForNotification();
  EXPECT_EQ(watch->result.outcome, Outcome::kUnchanged);
  EXPECT_EQ(watch->result.document.version, 1);
  EXPECT_EQ(encoder_.calls(), calls);
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(watch->result.job_id));
  EXPECT_EQ(job.state, index::JobState::kDone);
}

TEST_F(IngestorTest, TheSameBytesBehindTheFirstInTheQueueChangeNothing) {
  Make();
  const auto first = Submit(Request("a.txt"), "one two");
  const auto second = Submit(Request("a.txt"), "one two");
  ASSERT_THAT(ingestor_->Start(), IsOk());
  second->finished.WaitForNotification();
  EXPECT_EQ(first->result.outcome, Outcome::kIndexed);
  EXPECT_EQ(second->result.outcome, Outcome::kUnchanged);
  EXPECT_EQ(second->result.document.version, 1);
  AwaitIdle();
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, ForceChangedMetadataAndChangedOptionsIngestAgain) {
  MakeAndStart();
  IngestRequest request = Request("a.txt");
  request.metadata_json = R"({"year":2023,"tag":"x"})";
  ASSERT_EQ(Ingest(request, "one two").document.version, 1);
  request.metadata_json = R"({"tag":"x","year":2023})";
  EXPECT_EQ(Ingest(request, "one two").outcome, Outcome::kUnchanged);
  request.metadata_json = R"({"tag":"y"})";
  EXPECT_EQ(Ingest(request, "one two").document.version, 2);
  request.force = true;
  EXPECT_EQ(Ingest(request, "one two").document.version, 3);
  request.force = false;
  options_.passage_tokens = 64;
  Restart();
  EXPECT_EQ(Ingest(request, "one two").document.version, 4);
}

TEST_F(IngestorTest, ChangedBytesReplaceThePassagesAndKeepTheId) {
  MakeAndStart();
  const IngestResult before = Ingest(Request("a.txt"), "old heron");
  const IngestResult after = Ingest(Request("a.txt"), "new owl");
  EXPECT_EQ(after.document.id, before.document.id);
  EXPECT_EQ(after.document.version, 2);
  EXPECT_THAT(SearchText("heron"), IsEmpty());
  EXPECT_THAT(SearchText("owl"), SizeIs(1));
}

TEST_F(IngestorTest, ADeletedDocumentCanBeIngestedAgain) {
  MakeAndStart();
  const IngestResult first = Ingest(Request("a.txt"), "a heron");
  EXPECT_EQ(*ingestor_->DeleteDocument("c", first.document.id), 1);
  EXPECT_THAT(SearchText("heron"), IsEmpty());
  EXPECT_THAT(ingestor_->DeleteDocument("c", first.document.id),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Ingest(Request("a.txt"), "a heron").outcome, Outcome::kIndexed);
  EXPECT_THAT(SearchText("heron"), SizeIs(1));
}

TEST_F(IngestorTest, TheLastSubmittedVersionWins) {
  options_.workers = 4;
  MakeAndStart();
  std::vector<std::shared_ptr<Watch>> watches;
  for (int i = 0; i < 20; ++i) {
    watches.push_back(Submit(Request("a.txt"), absl::StrCat("version number", i)));
  }
  for (const auto& watch : watches) watch->finished.WaitForNotification();
  EXPECT_THAT(SearchText("version"), SizeIs(1));
  EXPECT_THAT(SearchText("number19"), SizeIs(1));
  for (size_t i = 0; i < watches.size(); ++i) {
    EXPECT_EQ(watches[i]->result.document.version, static_cast<int64_t>(i) + 1);
  }
}

TEST_F(IngestorTest, ManyThreadsOnFewDocumentsLeaveEachWhole) {
  options_.workers = 4;
  MakeAndStart();
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        Ingest(Request(absl::StrCat("doc", i % 3, ".txt")), absl::StrCat("word", t, " turn", i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK_AND_ASSIGN(const auto documents, corpus_->ListDocuments("c", "", 100, ""));
  EXPECT_THAT(documents.items, SizeIs(3));
  for (const auto& document : documents.items) EXPECT_THAT(Passages(document.id), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const auto report, corpus_->Fsck());
  EXPECT_THAT(report.problems, IsEmpty());
}

// --- what fails

TEST_F(IngestorTest, ARefusedPassageMarksItsPageAndKeepsTheOthers) {
  MakeAndStart();
  const IngestResult result =
      Ingest(Request("two.pdf"), SimplePdf({"Alpha UNENCODABLE page.", "Beta page."}));
  EXPECT_EQ(result.outcome, Outcome::kPartial);
  ASSERT_THAT(result.document.failures, SizeIs(1));
  EXPECT_EQ(result.document.failures[0].page, 1);
  EXPECT_EQ(result.document.failures[0].reason, "not_encodable");
  EXPECT_THAT(SearchText("beta"), SizeIs(1));
  EXPECT_THAT(SearchText("unencodable"), SizeIs(1)) << "words are found without a vector";
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(result.job_id));
  EXPECT_EQ(job.state, index::JobState::kDone);
  EXPECT_THAT(job.failures, SizeIs(1));
}

TEST_F(IngestorTest, APageThatCannotBeReadMarksItselfAndTheOthersStay) {
  MakeAndStart();
  const std::string pdf = SimplePdf({"Alpha page.", "DAMAGED", "Gamma page."});
  const IngestResult result = Ingest(Request("three.pdf"), pdf);
  EXPECT_EQ(result.outcome, Outcome::kPartial);
  EXPECT_THAT(result.status, IsOk());
  ASSERT_OK_AND_ASSIGN(const index::Document stored, corpus_->GetDocument("c", result.document.id));
  EXPECT_EQ(stored.state, DocumentState::kPartial);
  EXPECT_EQ(stored.pages, 3);
  ASSERT_THAT(stored.failures, SizeIs(1));
  EXPECT_EQ(stored.failures[0].page, 2);
  EXPECT_EQ(stored.failures[0].reason, "bad_page");
  ASSERT_THAT(SearchText("gamma"), SizeIs(1));
  EXPECT_EQ(SearchText("gamma")[0].passage.page, 3);
  EXPECT_EQ(Ingest(Request("three.pdf"), pdf).outcome, Outcome::kUnchanged)
      << "the same bytes have the same damage";
}

TEST_F(IngestorTest, ADocumentWithoutOneReadablePageFails) {
  MakeAndStart();
  const IngestResult result = Ingest(Request("one.pdf"), SimplePdf({"DAMAGED"}));
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(ReasonOf(result.status), "bad_page");
  EXPECT_EQ(corpus_->GetDocument("c", result.document.id)->state, DocumentState::kFailed);
}

TEST_F(IngestorTest, AFileThatCannotBeReadIsStoredAsFailed) {
  MakeAndStart();
  const IngestResult result = Ingest(Request("a.png"), "\x89PNG\r\n\x1a\n and nothing else");
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_FALSE(result.status.ok());
  ASSERT_OK_AND_ASSIGN(const index::Document stored, corpus_->GetDocument("c", result.document.id));
  EXPECT_EQ(stored.state, DocumentState::kFailed);
  ASSERT_THAT(stored.failures, SizeIs(1));
  EXPECT_EQ(stored.failures[0].page, 0);
  EXPECT_EQ(stored.failures[0].reason, ReasonOf(result.status));
  EXPECT_EQ(stored.passages, 0);
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(result.job_id));
  EXPECT_EQ(job.state, index::JobState::kFailed);
  EXPECT_THAT(job.failures, SizeIs(1));
}

TEST_F(IngestorTest, AnEmptyFileFailsWithItsReason) {
  MakeAndStart();
  const IngestResult result = Ingest(Request("a.txt"), "");
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(ReasonOf(result.status), "empty");
}

TEST_F(IngestorTest, AFailedReplacementKeepsTheEarlierVersionSearchable) {
  MakeAndStart();
  const IngestResult good = Ingest(Request("a.txt"), "a heron");
  IngestRequest request = Request("a.txt");
  const IngestResult bad = Ingest(request, "\x89PNG\r\n\x1a\n and nothing else");
  EXPECT_EQ(bad.outcome, Outcome::kFailed);
  EXPECT_EQ(bad.document.state, DocumentState::kFailed);
  EXPECT_THAT(SearchText("heron"), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const index::Document stored, corpus_->GetDocument("c", good.document.id));
  EXPECT_EQ(stored.state, DocumentState::kIndexed);
  EXPECT_EQ(stored.version, 1);
  EXPECT_EQ(corpus_->GetJob(bad.job_id)->state, index::JobState::kFailed);
}

TEST_F(IngestorTest, AFailedDocumentIsReplacedByAGoodOne) {
  MakeAndStart();
  const IngestResult bad = Ingest(Request("a.txt"), "");
  const IngestResult good = Ingest(Request("a.txt"), "a heron");
  EXPECT_EQ(good.outcome, Outcome::kIndexed);
  EXPECT_THAT(corpus_->GetDocument("c", bad.document.id)->failures, IsEmpty());
}

TEST_F(IngestorTest, PassingErrorsAreTriedAgain) {
  MakeAndStart();
  encoder_.FailNext(2, absl::ResourceExhaustedError("queue full"));
  const IngestResult result = Ingest(Request("a.txt"), "a heron");
  EXPECT_EQ(result.outcome, Outcome::kIndexed);
  EXPECT_EQ(corpus_->GetJob(result.job_id)->attempts, 3);
}

TEST_F(IngestorTest, PermanentErrorsAreNot) {
  MakeAndStart();
  encoder_.FailNext(1, absl::InternalError("not finite"));
  const IngestResult result = Ingest(Request("a.txt"), "a heron");
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_THAT(result.status, StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(encoder_.calls(), 1);
}

TEST_F(IngestorTest, AFailedJobCanBeTriedAgainAlsoAfterARestart) {
  MakeAndStart();
  encoder_.FailNext(3, absl::UnavailableError("no device"));
  const IngestResult result = Ingest(Request("a.txt"), "a heron");
  ASSERT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(corpus_->GetJob(result.job_id)->attempts, 3);
  Restart();
  EXPECT_THAT(ingestor_->Retry(result.job_id), IsOk());
  AwaitIdle();
  EXPECT_THAT(SearchText("heron"), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(result.job_id));
  EXPECT_EQ(job.state, index::JobState::kDone);
  EXPECT_THAT(job.failures, IsEmpty());
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, RetryNamesWhatStandsAgainstIt) {
  MakeAndStart();
  EXPECT_THAT(ingestor_->Retry("nothing"), StatusIs(absl::StatusCode::kNotFound));
  const IngestResult good = Ingest(Request("a.txt"), "a heron");
  EXPECT_THAT(ingestor_->Retry(good.job_id),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not failed")));
  const IngestResult bad = Ingest(Request("b.txt"), "");
  Ingest(Request("b.txt"), "better");
  EXPECT_THAT(ingestor_->Retry(bad.job_id),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("gone")))
      << "an old file must not replace a newer version";
}

TEST_F(IngestorTest, FilesOfFailedJobsAreBounded) {
  options_.max_failed_bytes = 25;
  MakeAndStart();
  encoder_.FailNext(6, absl::UnavailableError("no device"));
  const IngestResult kept = Ingest(Request("a.txt"), "twenty bytes of text");
  const IngestResult dropped = Ingest(Request("b.txt"), "twenty bytes of more");
  EXPECT_EQ(SpoolFiles(), 1u);
  EXPECT_THAT(ingestor_->Retry(dropped.job_id), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ingestor_->Retry(kept.job_id), IsOk());
  AwaitIdle();
}

TEST_F(IngestorTest, DamagedStoredBytesAreNotIngested) {
  Make();
  const auto watch = Submit(Request("a.txt"), "a heron");
  for (const auto& entry : fs::directory_iterator(SpoolPath())) {
    ASSERT_THAT(WriteFileAtomic(entry.path().string(), "a horse"), IsOk());
  }
  ASSERT_THAT(ingestor_->Start(), IsOk());
  watch->finished.WaitForNotification();
  EXPECT_EQ(watch->result.outcome, Outcome::kFailed);
  EXPECT_EQ(ReasonOf(watch->result.status), "bytes_damaged");
}

// --- requests

TEST_F(IngestorTest, WrongRequestsAreRefusedWithWhatIsWrong) {
  Make();
  const auto refused = [&](IngestRequest request) {
    return ingestor_->Submit(request, "x", {}).status();
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(refused(Request("")), StatusIs(invalid, HasSubstr("source")));
  EXPECT_THAT(refused(Request("a\xff")), StatusIs(invalid, HasSubstr("source")));
  EXPECT_THAT(refused(Request(std::string(9000, 'a'))), StatusIs(invalid, HasSubstr("8192")));
  IngestRequest request = Request("a");
  for (const std::string& metadata : {std::string("[1]"), std::string("{"), std::string(),
                                      absl::StrCat("{\"a\":\"", std::string(70'000, 'x'), "\"}")}) {
    request.metadata_json = metadata;
    EXPECT_THAT(refused(request), StatusIs(invalid, HasSubstr("metadata")));
  }
  request = Request("a");
  request.document_id = std::string(513, 'i');
  EXPECT_THAT(refused(request), StatusIs(invalid, HasSubstr("document id")));
  request = Request("a");
  request.collection = "unknown";
  EXPECT_THAT(refused(request), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, ACollectionIsMadeWhereTheRequestSaysSo) {
  MakeAndStart();
  IngestRequest request = Request("a.txt");
  request.collection = "fresh";
  request.create_collection = true;
  EXPECT_EQ(Ingest(request, "a heron").outcome, Outcome::kIndexed);
  EXPECT_EQ(corpus_->GetCollection("fresh")->dimension, 64);
}

TEST_F(IngestorTest, VectorsOfAnotherModelAreNotMixedIn) {
  Make();
  ASSERT_THAT(corpus_->CreateCollection("other", std::string(64, 'f'), 32), IsOk());
  IngestRequest request = Request("a.txt");
  request.collection = "other";
  EXPECT_THAT(ingestor_->Submit(request, "x", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("other")));
}

TEST_F(IngestorTest, AFullQueueRefusesAtOnce) {
  options_.queue_capacity = 2;
  Make();
  const auto first = Submit(Request("a.txt"), "one");
  const auto second = Submit(Request("b.txt"), "two");
  const auto third = ingestor_->Submit(Request("c.txt"), "three", {});
  EXPECT_THAT(third, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(third.status()), "queue_full");
  EXPECT_EQ(SpoolFiles(), 2u);
  ASSERT_THAT(ingestor_->Start(), IsOk());
  first->finished.WaitForNotification();
  second->finished.WaitForNotification();
  EXPECT_EQ(Ingest(Request("c.txt"), "three").outcome, Outcome::kIndexed);
}

TEST_F(IngestorTest, WrongOptionsAreRefused) {
  options_.overlap_tokens = options_.passage_tokens;
  EXPECT_THAT(Ingestor::Create(options_, SpoolPath(), *corpus_, encoder_, *media_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("overlap_tokens")));
}

// --- deletes against jobs

TEST_F(IngestorTest, DeleteEndsAWaitingJob) {
  Make();
  const auto watch = Submit(Request("a.txt"), "a heron");
  const std::string id = DocumentIdFor("a.txt");
  EXPECT_EQ(*ingestor_->DeleteDocument("c", id), 0);
  ASSERT_TRUE(watch->finished.HasBeenNotified());
  EXPECT_EQ(watch->result.outcome, Outcome::kFailed);
  EXPECT_EQ(ReasonOf(watch->result.status), "deleted");
  EXPECT_EQ(SpoolFiles(), 0u);
  Restart();
  AwaitIdle();
  EXPECT_THAT(corpus_->GetDocument("c", id), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(corpus_->GetJob(watch->result.job_id)->state, index::JobState::kFailed);
}

TEST_F(IngestorTest, DeleteDuringAFirstIngestTakesTheMembersThatWereStored) {
  MakeAndStart();
  std::string mail =
      "From: a@example.org\r\nSubject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (const char* name : {"one.txt", "two.txt"}) {
    absl::StrAppend(&mail, "--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; ",
                    "filename=", name, "\r\n\r\nheron in ", name, "\r\n");
  }
  mail += "--b--\r\n";
  const std::string id = DocumentIdFor("a.eml");
  absl::Notification first_stored;
  IngestCallbacks callbacks;
  callbacks.on_progress = [&](const Progress&) {
    if (first_stored.HasBeenNotified() ||
        !corpus_->GetDocument("c", MemberId(id, "one.txt")).ok()) {
      return;
    }
    encoder_.Hold();
    first_stored.Notify();
  };
  absl::Notification finished;
  callbacks.on_finished = [&](const IngestResult&) { finished.Notify(); };
  ASSERT_THAT(ingestor_->Submit(Request("a.eml"), mail, std::move(callbacks)), IsOk());
  first_stored.WaitForNotification();
  EXPECT_EQ(*ingestor_->DeleteDocument("c", id), 0);
  encoder_.LetGo();
  finished.WaitForNotification();
  AwaitIdle();
  EXPECT_THAT(corpus_->ListDocuments("c", "", 10, "")->items, IsEmpty());
}

TEST_F(IngestorTest, AnotherVersionOfTheSameBytesIsNoted) {
  MakeAndStart();
  IngestRequest request = Request("a.txt");
  request.etag = "\"1\"";
  const IngestResult first = Ingest(request, "a heron");
  request.etag = "\"2\"";
  EXPECT_EQ(Ingest(request, "a heron").outcome, Outcome::kUnchanged);
  const auto stored = corpus_->GetDocument("c", first.document.id);
  EXPECT_EQ(stored->etag, "\"2\"");
  EXPECT_EQ(stored->version, 1);
  EXPECT_THAT(SearchText("heron"), SizeIs(1));
  // Who does not say, changes nothing.
  Ingest(Request("a.txt"), "a heron");
  EXPECT_EQ(corpus_->GetDocument("c", first.document.id)->etag, "\"2\"");
  Restart();
  EXPECT_EQ(corpus_->GetDocument("c", first.document.id)->etag, "\"2\"");
}

TEST_F(IngestorTest, StagesAreMeasured) {
  MakeAndStart();
  Ingest(Request("a.pdf"), SimplePdf({"a heron", "an owl"}));
  std::map<std::string, StageWork> stages;
  for (const StageWork& work : ingestor_->stages()) stages[work.stage] = work;
  EXPECT_EQ(stages.at("render").items, 2);
  EXPECT_EQ(stages.at("decode").items, 2) << "the pictures of the pages";
  EXPECT_EQ(stages.at("ocr").items, 0);
  EXPECT_EQ(stages.at("tokenize").items, 2);
  EXPECT_EQ(stages.at("embed").items, 4);
  EXPECT_EQ(stages.at("commit").items, 1);
  for (const auto& [name, work] : stages) {
    EXPECT_EQ(work.seconds > 0, work.items > 0) << name;
  }
}

TEST_F(IngestorTest, ManyDocumentsWithPicturesFinishWithLittleRoom) {
  options_.max_held_bytes = 1;
  options_.batch_pixels = 2'000'000;  // one page and a half
  MakeAndStart();
  const std::string picture = GoldenPicture("photo_120x88.jpg");
  const std::string pdf = SimplePdf({"a heron", "an owl", "a swift"});
  std::vector<std::shared_ptr<Watch>> watches;
  for (int i = 0; i < 6; ++i) {
    watches.push_back(Submit(Request(absl::StrCat(i, ".jpg")), picture));
    watches.push_back(Submit(Request(absl::StrCat(i, ".pdf")), pdf));
  }
  for (const auto& watch : watches) {
    watch->finished.WaitForNotification();
    EXPECT_EQ(watch->result.outcome, Outcome::kIndexed);
  }
}

TEST_F(IngestorTest, DeleteEndsARunningJob) {
  MakeAndStart();
  const IngestResult old = Ingest(Request("a.txt"), "an owl");
  encoder_.Hold();
  const int calls = encoder_.calls();
  const auto watch = Submit(Request("a.txt"), "a heron");
  while (encoder_.calls() == calls) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(*ingestor_->DeleteDocument("c", old.document.id), 1);
  watch->finished.WaitForNotification();
  EXPECT_EQ(watch->result.outcome, Outcome::kFailed);
  EXPECT_EQ(ReasonOf(watch->result.status), "deleted");
  encoder_.LetGo();
  AwaitIdle();
  EXPECT_THAT(corpus_->GetDocument("c", old.document.id), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(SearchText("heron"), IsEmpty());
  EXPECT_EQ(corpus_->GetJob(watch->result.job_id)->failures[0].reason, "deleted");
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, DeleteDropsTheFilesOfFailedJobs) {
  MakeAndStart();
  encoder_.FailNext(3, absl::UnavailableError("no device"));
  const IngestResult failed = Ingest(Request("a.txt"), "a secret");
  EXPECT_EQ(SpoolFiles(), 1u);
  EXPECT_THAT(ingestor_->DeleteDocument("c", failed.document.id), IsOk());
  EXPECT_EQ(SpoolFiles(), 0u);
  EXPECT_THAT(ingestor_->Retry(failed.job_id), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(IngestorTest, DeletingACollectionEndsItsJobs) {
  MakeAndStart();
  encoder_.Hold();
  const auto first = Submit(Request("a.txt"), "a heron");
  AwaitRunning();
  std::vector<std::shared_ptr<Watch>> others;
  for (int i = 0; i < 5; ++i) others.push_back(Submit(Request(absl::StrCat("b", i)), "an owl"));
  EXPECT_THAT(ingestor_->DeleteCollection("c"), IsOk());
  encoder_.LetGo();
  first->finished.WaitForNotification();
  for (const auto& watch : others) watch->finished.WaitForNotification();
  AwaitIdle();
  EXPECT_EQ(first->result.outcome, Outcome::kFailed);
  EXPECT_EQ(SpoolFiles(), 0u);
  ASSERT_THAT(corpus_->CreateCollection("c", encoder_.info().fingerprint, 32), IsOk());
  Restart();
  AwaitIdle();
  EXPECT_THAT(corpus_->ListDocuments("c", "", 100, "")->items, IsEmpty());
}

// --- stops and starts

TEST_F(IngestorTest, DrainLetsRunningJobsEndAndLeavesWaitingOnesForTheNextRun) {
  options_.workers = 1;
  MakeAndStart();
  encoder_.Hold();
  const auto running = Submit(Request("a.txt"), "a heron");
  AwaitRunning();
  const auto waiting = Submit(Request("b.txt"), "an owl");
  std::thread drain([this] { ingestor_->Drain(absl::InfiniteFuture()); });
  while (ingestor_->Submit(Request("c.txt"), "late", {}).ok()) {
  }
  EXPECT_THAT(ingestor_->Submit(Request("c.txt"), "late", {}),
              StatusIs(absl::StatusCode::kUnavailable));
  encoder_.LetGo();
  drain.join();
  EXPECT_TRUE(running->finished.HasBeenNotified());
  EXPECT_FALSE(waiting->finished.HasBeenNotified());
  Restart();
  AwaitIdle();
  EXPECT_THAT(SearchText("owl"), SizeIs(1));
}

TEST_F(IngestorTest, DrainGivesUpAtItsDeadline) {
  MakeAndStart();
  encoder_.Hold();
  const auto running = Submit(Request("a.txt"), "a heron");
  AwaitRunning();
  ingestor_->Drain(absl::Now() + absl::Milliseconds(5));
  EXPECT_FALSE(running->finished.HasBeenNotified());
}

TEST_F(IngestorTest, TheNextRunFinishesWhatWasAcceptedInOrder) {
  Make();
  for (int i = 0; i < 5; ++i) Submit(Request("a.txt"), absl::StrCat("version number", i));
  Submit(Request("b.txt"), "an owl");
  Restart();
  AwaitIdle();
  EXPECT_THAT(SearchText("number4"), SizeIs(1));
  EXPECT_THAT(SearchText("owl"), SizeIs(1));
  EXPECT_THAT(corpus_->ListJobs("", index::JobState::kQueued, 10, "")->items, IsEmpty());
  EXPECT_EQ(corpus_->GetDocument("c", DocumentIdFor("a.txt"))->version, 5);
  EXPECT_EQ(SpoolFiles(), 0u);
}

TEST_F(IngestorTest, AnInterruptedJobIsFinishedByTheNextRun) {
  MakeAndStart();
  encoder_.Hold();
  const auto watch = Submit(Request("a.txt"), "a heron");
  AwaitRunning();
  ingestor_.reset();
  EXPECT_FALSE(watch->finished.HasBeenNotified());
  EXPECT_THAT(SearchText("heron"), IsEmpty());
  encoder_.LetGo();
  Restart();
  AwaitIdle();
  EXPECT_THAT(SearchText("heron"), SizeIs(1));
}

TEST_F(IngestorTest, FilesWithoutAJobAreRemovedAtStart) {
  Make();
  Submit(Request("a.txt"), "a heron");
  ASSERT_THAT(WriteFileAtomic(SpoolPath() + "/stray", "x"), IsOk());
  EXPECT_EQ(SpoolFiles(), 2u);
  ingestor_.reset();
  Make();
  EXPECT_EQ(SpoolFiles(), 1u);
}

TEST_F(IngestorTest, AJobWhoseBytesAreGoneFails) {
  Make();
  const auto watch = Submit(Request("a.txt"), "a heron");
  ASSERT_OK_AND_ASSIGN(const auto jobs, corpus_->ListJobs("c", index::JobState::kQueued, 10, ""));
  ASSERT_THAT(jobs.items, SizeIs(1));
  ingestor_.reset();
  fs::remove_all(SpoolPath());
  Restart();
  AwaitIdle();
  ASSERT_OK_AND_ASSIGN(const index::Job job, corpus_->GetJob(jobs.items[0].id));
  EXPECT_EQ(job.state, index::JobState::kFailed);
  EXPECT_EQ(job.failures[0].reason, "bytes_missing");
}

TEST_F(IngestorTest, AChangeOfHowWordsInPicturesAreReadReadsAnew) {
  MakeAndStart();
  EXPECT_EQ(Ingest(Request("a.pdf"), SimplePdf({"Alpha page."})).outcome, Outcome::kIndexed);
  EXPECT_EQ(Ingest(Request("a.pdf"), SimplePdf({"Alpha page."})).outcome, Outcome::kUnchanged);
  ingestor_.reset();
  media::MediaOptions media;
  media.program = SIGHTLINE_BIN_DIR "/sightline-media";
  media.ocr_languages = "eng";
  ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media));
  Restart();
  EXPECT_EQ(Ingest(Request("a.pdf"), SimplePdf({"Alpha page."})).outcome, Outcome::kIndexed);
  EXPECT_EQ(Ingest(Request("a.pdf"), SimplePdf({"Alpha page."})).outcome, Outcome::kUnchanged);
}

TEST_F(IngestorTest, CountsWhatItDid) {
  MakeAndStart();
  Ingest(Request("a.txt"), "a heron");
  Ingest(Request("a.txt"), "a heron");
  Ingest(Request("b.txt"), "");
  const IngestCounters counters = ingestor_->counters();
  EXPECT_EQ(counters.indexed, 1);
  EXPECT_EQ(counters.unchanged, 1);
  EXPECT_EQ(counters.failed, 1);
  EXPECT_EQ(counters.passages, 1);
  EXPECT_EQ(counters.bytes, 7);
}

}  // namespace
}  // namespace sightline::ingest
