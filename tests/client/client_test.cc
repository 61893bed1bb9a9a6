// The client against a whole server in this process: real gRPC on loopback, corpus, ingest and
// decoders; a fake network.

#include "client/client.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/time/clock.h"
#include "base/file.h"
#include "services/server.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::client {
namespace {

using ::sightline::testing::EndlessGenerator;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string PhotoPath() {
  return std::string(SIGHTLINE_SOURCE_DIR) + "/tests/golden/images/photo_120x88.jpg";
}

v1::DocumentHeader Header(const std::string& source) {
  v1::DocumentHeader header;
  header.set_collection("c");
  header.set_source(source);
  header.set_create_collection(true);
  return header;
}

v1::SearchRequest Query(const v1::Content& part) {
  v1::SearchRequest request;
  request.set_collection("c");
  *request.add_query() = part;
  return request;
}

CallOptions Within(absl::Duration time) { return {.deadline = absl::Now() + time}; }

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TempDir::Create());
    const auto config = sightline::Config::Load(services::ServerConfigTable(),
                                                {.flags = {{"grpc", "127.0.0.1:0"},
                                                           {"http", "off"},
                                                           {"data", folder_->path() + "/data"},
                                                           {"log-level", "error"}}});
    services::ServerConfig server_config = services::ReadServerConfig(*config).value();
    server_config.media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    server_config.judge_by_reading = false;  // what this generator writes has no end
    auto generator = std::make_unique<EndlessGenerator>();
    generator_ = generator.get();
    model::LoadedModel model;
    model.encoder = std::make_unique<testing::FakeEncoder>();
    model.generator = std::move(generator);
    ASSERT_OK_AND_ASSIGN(server_,
                         services::Server::Start(server_config, std::move(model), "1.2.3"));
    ASSERT_OK_AND_ASSIGN(client_, Client::Connect({.address = server_->grpc_address()}));
  }

  void IngestSamples() {
    ASSERT_THAT(client_->IngestBytes("The mill was built in 1850.", Header("mill.txt")), IsOk());
    ASSERT_THAT(client_->IngestFile(PhotoPath(), Header("photo.jpg")), IsOk());
  }

  // Asks for an answer that is written until it is ended.
  v1::SearchAndAnswerRequest EndlessQuestion() {
    v1::SearchAndAnswerRequest request;
    *request.mutable_search() = Query(TextPart("mill"));
    return request;
  }

  // The generator stops a moment after the call.
  void ExpectGenerationEnds() {
    const absl::Time give_up = absl::Now() + absl::Seconds(30);
    while (generator_->running && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_FALSE(generator_->running);
  }

  std::unique_ptr<TempDir> folder_;
  EndlessGenerator* generator_ = nullptr;  // the server's
  std::unique_ptr<services::Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, IngestTellsItsProgressAndEqualBytesAreLeftAlone) {
  std::vector<v1::IngestStatus> told;
  const auto tell = [&](const v1::IngestStatus& status) { told.push_back(status); };
  ASSERT_OK_AND_ASSIGN(const auto status,
                       client_->IngestBytes("Built in 1850.", Header("a.txt"), tell));
  EXPECT_EQ(status.finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  ASSERT_GE(told.size(), 2u);
  EXPECT_TRUE(told.front().has_accepted());
  EXPECT_TRUE(told.back().has_finished());
  ASSERT_OK_AND_ASSIGN(const auto again, client_->IngestBytes("Built in 1850.", Header("a.txt")));
  EXPECT_EQ(again.finished().outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  ASSERT_OK_AND_ASSIGN(const auto job, client_->WaitForJob(status.job_id()));
  EXPECT_EQ(job.state(), v1::JOB_STATE_DONE);
  ASSERT_OK_AND_ASSIGN(const auto document, client_->GetDocument("c", status.document_id()));
  EXPECT_EQ(document.source(), "a.txt");
}

TEST_F(ClientTest, SearchesByTextByPhotoAndByBoth) {
  IngestSamples();
  ASSERT_OK_AND_ASSIGN(const v1::Content photo, PhotoFilePart(PhotoPath()));
  ASSERT_OK_AND_ASSIGN(const auto by_text, client_->Search(Query(TextPart("mill built"))));
  EXPECT_EQ(by_text.hits(0).passage().source(), "mill.txt");
  v1::SearchRequest request = Query(photo);
  request.set_k(1);
  request.set_mode(v1::SEARCH_MODE_DENSE);
  ASSERT_OK_AND_ASSIGN(const auto by_photo, client_->Search(request));
  ASSERT_EQ(by_photo.hits_size(), 1);
  const v1::Passage& passage = by_photo.hits(0).passage();
  EXPECT_EQ(passage.source(), "photo.jpg");
  *request.add_query() = TextPart("mill built");
  request.set_k(2);
  ASSERT_OK_AND_ASSIGN(const auto by_both, client_->Search(request));
  EXPECT_EQ(by_both.hits_size(), 2);
  ASSERT_OK_AND_ASSIGN(const auto same, client_->GetPassage(passage.passage_id()));
  EXPECT_EQ(same.source(), "photo.jpg");
  ASSERT_OK_AND_ASSIGN(const auto image, client_->GetPassageImage(passage.passage_id(), 32));
  EXPECT_EQ(image.width(), 32);
}

TEST_F(ClientTest, ClaimsAreCheckedByWhatIsStored) {
  IngestSamples();
  v1::CheckClaimsRequest request;
  request.set_collection("c");
  request.add_claims()->set_text("The mill was built in 1850. The mill was built in 1950.");
  ASSERT_OK_AND_ASSIGN(const auto reply, client_->CheckClaims(request));
  ASSERT_EQ(reply.verdicts_size(), 2);
  EXPECT_EQ(reply.verdicts(0).verdict(), v1::VERDICT_SUPPORTED);
  EXPECT_EQ(reply.verdicts(0).evidence(0).hit().passage().source(), "mill.txt");
  EXPECT_EQ(reply.verdicts(1).verdict(), v1::VERDICT_CONTRADICTED);
  EXPECT_GT(reply.timings().total_ms(), 0);
}

TEST_F(ClientTest, AnExtractiveAnswerComesWholeAndInPieces) {
  IngestSamples();
  v1::SearchAndAnswerRequest request = EndlessQuestion();
  request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
  ASSERT_OK_AND_ASSIGN(const auto whole, client_->Answer(request));
  std::string deltas;
  std::vector<std::string> cited;
  bool retrieved = false;
  ASSERT_OK_AND_ASSIGN(
      const auto streamed,
      client_->StreamAnswer(request,
                            {.retrieved = [&](const v1::SearchResponse&) { retrieved = true; },
                             .delta = [&](absl::string_view text) { deltas += std::string(text); },
                             .citation =
                                 [&](const v1::Citation& citation) {
                                   cited.push_back(citation.hit().passage().source());
                                 }}));
  EXPECT_THAT(whole.answer(), HasSubstr("The mill was built in 1850."));
  EXPECT_EQ(streamed.answer(), whole.answer());
  EXPECT_EQ(deltas, whole.answer());
  EXPECT_TRUE(retrieved);
  EXPECT_THAT(cited, ElementsAre("mill.txt"));
}

TEST_F(ClientTest, CollectionsAreMadeOnceAndListed) {
  ASSERT_OK_AND_ASSIGN(const auto made, client_->CreateCollection("c", 32));
  EXPECT_EQ(made.dimension(), 32);
  EXPECT_THAT(client_->CreateCollection("c"), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const auto listed, client_->ListCollections());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].name(), "c");
}

TEST_F(ClientTest, AFailureKeepsTheServersReasonAndField) {
  IngestSamples();
  v1::SearchRequest request = Query(TextPart("mill"));
  request.set_k(5000);
  const auto bad = client_->Search(request);
  EXPECT_THAT(bad, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(FailureField(bad.status()), "k");
  EXPECT_EQ(FailureReason(bad.status()), "out_of_range");
  request = Query(TextPart("mill"));
  request.set_collection("none");
  const auto missing = client_->Search(request);
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(FailureReason(missing.status()), "not_found");
  const auto failed = client_->IngestBytes("%PDF-1.4 and no more", Header("broken.pdf"));
  EXPECT_FALSE(failed.ok());
  EXPECT_NE(FailureReason(failed.status()), "");
  EXPECT_THAT(client_->IngestFile("/no/such/file", Header("x")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(PhotoFilePart(folder_->path()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClientTest, ADeadlineEndsAnAnswerAtTheServerToo) {
  IngestSamples();
  EXPECT_THAT(client_->StreamAnswer(EndlessQuestion(), {}, Within(absl::Seconds(1))),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  ExpectGenerationEnds();
}

TEST_F(ClientTest, CancellingInMidStreamEndsTheAnswerAtTheServerToo) {
  IngestSamples();
  Cancellation cancellation;
  int deltas = 0;
  const auto count = [&](absl::string_view) {
    if (++deltas == 3) {
      EXPECT_TRUE(generator_->running);
      cancellation.Cancel();
    }
  };
  CallOptions options = Within(absl::Seconds(60));
  options.cancellation = &cancellation;
  EXPECT_THAT(client_->StreamAnswer(EndlessQuestion(), {.delta = count}, options),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_GE(deltas, 3);
  ExpectGenerationEnds();
  // It stays cancelled.
  EXPECT_THAT(client_->ListCollections(options), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace sightline::client
