#include "services/ingest/worker_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "ingest/pipeline.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/worker_client.h"
#include "services/ingest/worker_session.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using sightline::testing::FakeEncoder;
using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::HasSubstr;

class WorkerServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    media_options_.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media_options_));
    index::CorpusOptions corpus;
    corpus.path = dir_->path() + "/corpus";
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open(corpus));
    ASSERT_THAT(corpus_->CreateCollection("c", encoder_.info().fingerprint, 8), IsOk());
    options_.workers = 0;
    options_.remote_workers = true;
    options_.max_picture_bytes = 1000;
    ASSERT_OK_AND_ASSIGN(ingestor_, ingest::Ingestor::Create(options_, dir_->path() + "/spool",
                                                             *corpus_, encoder_, *media_));
    ASSERT_THAT(ingestor_->Start(), IsOk());
    service_ = std::make_unique<WorkerService>(WorkerService::Parts{.ingestor = *ingestor_,
                                                                    .encoder = encoder_,
                                                                    .generator = nullptr,
                                                                    .media = *media_,
                                                                    .watcher = watcher_},
                                               options_, media_options_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel(grpc::ChannelArguments());
    stub_ = v1::WorkerService::NewStub(channel_);
    client_ = std::make_unique<WorkerClient>(channel_);
  }
  void TearDown() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string Submit(const std::string& source, const std::string& bytes) {
    ingest::IngestRequest request;
    request.collection = "c";
    request.document_id = request.source = source;
    const auto id = ingestor_->Submit(request, bytes, {});
    EXPECT_THAT(id, IsOk());
    return id.value_or("");
  }

  v1::LeaseJobRequest Request() {
    const auto pipeline = client_->GetPipeline(encoder_.info().fingerprint);
    EXPECT_THAT(pipeline, IsOk());
    v1::LeaseJobRequest request;
    request.set_worker_id("test");
    request.set_model_fingerprint(encoder_.info().fingerprint);
    request.set_pipeline_id(pipeline->id());
    request.set_reading(ingest::ReadingFingerprint(options_, *media_));
    request.set_wait_ms(100);
    return request;
  }

  static v1::ReportRequest Header(const std::string& lease) {
    v1::ReportRequest part;
    part.mutable_header()->set_lease_id(lease);
    part.mutable_header()->set_media_type("text/plain");
    part.mutable_header()->set_pages(1);
    part.mutable_header()->set_metadata_json("{}");
    part.mutable_header()->set_state(v1::DOCUMENT_STATE_INDEXED);
    part.mutable_header()->set_is_complete(true);
    return part;
  }
  static v1::ReportRequest Passage(const std::vector<float>& vector) {
    v1::ReportRequest part;
    part.mutable_passage()->set_kind(v1::PASSAGE_KIND_TEXT);
    part.mutable_passage()->set_text("words");
    part.mutable_passage()->mutable_vector()->Assign(vector.begin(), vector.end());
    return part;
  }
  static v1::ReportRequest Picture(int64_t bytes) {
    v1::ReportRequest part;
    part.mutable_picture()->set_hash(ContentHash("x"));
    part.mutable_picture()->set_media_type("image/png");
    part.mutable_picture()->set_width(1);
    part.mutable_picture()->set_height(1);
    part.mutable_picture()->set_bytes(bytes);
    return part;
  }
  static v1::ReportRequest Chunk(const std::string& bytes) {
    v1::ReportRequest part;
    part.set_chunk(bytes);
    return part;
  }

  absl::Status Report(const std::vector<v1::ReportRequest>& parts) {
    grpc::ClientContext context;
    v1::ReportResultResponse response;
    const auto writer = stub_->ReportResult(&context, &response);
    for (const auto& part : parts) {
      if (!writer->Write(part)) break;
    }
    writer->WritesDone();
    return edge::FromGrpcStatus(writer->Finish());
  }

  std::unique_ptr<TempDir> dir_;
  FakeEncoder encoder_;
  ingest::IngestOptions options_;
  media::MediaOptions media_options_;
  std::unique_ptr<media::MediaClient> media_;
  std::unique_ptr<index::Corpus> corpus_;
  std::unique_ptr<ingest::Ingestor> ingestor_;
  edge::CancelWatcher watcher_;
  std::unique_ptr<WorkerService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<WorkerClient> client_;
};

const std::vector<float> kUnit = {1, 0, 0, 0, 0, 0, 0, 0};

TEST_F(WorkerServiceTest, ADocumentOfManyMessagesArrivesWholeAndItsPassagesAreStored) {
  const std::string bytes(3 * kWorkerChunkBytes + 17, 'x');
  const std::string job = Submit("a", bytes);
  ASSERT_OK_AND_ASSIGN(const WorkerClient::Leased leased, client_->Lease(Request()));
  EXPECT_EQ(leased.bytes, bytes);
  EXPECT_EQ(leased.lease.job().job_id(), job);
  EXPECT_EQ(leased.lease.dimension(), 8);
  const std::string& lease = leased.lease.lease_id();
  EXPECT_THAT(client_->Keep(lease, std::nullopt), IsOk());
  EXPECT_THAT(Report({Header(lease), Picture(1), Chunk("x"), Passage(kUnit)}), IsOk());
  ASSERT_OK_AND_ASSIGN(const index::Document document, corpus_->GetDocument("c", "a"));
  EXPECT_EQ(document.passages, 1);
  EXPECT_EQ(document.bytes, static_cast<int64_t>(bytes.size()));
}

TEST_F(WorkerServiceTest, RefusesWorkersThatReadInAnotherWay) {
  EXPECT_THAT(client_->GetPipeline("another"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another encoder")));
  const auto reason = [&](const v1::LeaseJobRequest& request) {
    const auto leased = client_->Lease(request);
    EXPECT_EQ(leased.status().code(), absl::StatusCode::kFailedPrecondition);
    return edge::Reason(leased.status());
  };
  v1::LeaseJobRequest request = Request();
  request.set_model_fingerprint("another");
  EXPECT_EQ(reason(request), "model_mismatch");
  request = Request();
  request.set_pipeline_id("of before");
  EXPECT_EQ(reason(request), "pipeline_changed");
  request = Request();
  request.set_reading("another");
  EXPECT_EQ(reason(request), "pipeline_mismatch");
}

TEST_F(WorkerServiceTest, WithoutAJobItSaysSoInTime) {
  EXPECT_THAT(client_->Lease(Request()), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(WorkerServiceTest, AForeignLeaseIsRefusedWhateverIsAskedOfIt) {
  EXPECT_THAT(client_->Keep("none", std::nullopt), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(client_->Release("none"), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Report({Header("none"), Passage(kUnit)}), StatusIs(absl::StatusCode::kAborted));
  const auto cancel = std::make_shared<absl::Notification>();
  EXPECT_THAT(client_->HoldsMember("none", {}, cancel), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(WorkerServiceTest, ReportsThatAreNoneAreRefusedAndTheJobFailsInTheEnd) {
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::function<std::vector<v1::ReportRequest>(const std::string&)>> hostile = {
      [&](const std::string& lease) {
        return std::vector{Header(lease), Passage({nan, 0, 0, 0, 0, 0, 0, 0})};
      },
      [](const std::string& lease) { return std::vector{Header(lease), Passage({1})}; },
      [](const std::string& lease) { return std::vector{Header(lease), Header(lease)}; },
      [](const std::string& lease) { return std::vector{Header(lease), Chunk("x")}; },
      [](const std::string& lease) { return std::vector{Header(lease), Picture(1001)}; },
      [](const std::string& lease) { return std::vector{Header(lease), Picture(2), Chunk("x")}; },
      [](const std::string& lease) { return std::vector{Header(lease), Picture(2), Chunk("xyz")}; },
      [](const std::string& lease) { return std::vector{Header(lease), Picture(-1)}; },
      [](const std::string& lease) { return std::vector{Header(lease), v1::ReportRequest()}; },
  };
  for (size_t i = 0; i < hostile.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string job = Submit(std::to_string(i), "text");
    for (int attempt = 0; attempt < options_.max_attempts; ++attempt) {
      ASSERT_OK_AND_ASSIGN(const WorkerClient::Leased leased, client_->Lease(Request()));
      EXPECT_EQ(leased.lease.job().job_id(), job);
      EXPECT_THAT(Report(hostile[i](leased.lease.lease_id())),
                  StatusIs(absl::StatusCode::kInvalidArgument));
    }
    ASSERT_OK_AND_ASSIGN(const index::Job failed, corpus_->GetJob(job));
    EXPECT_EQ(failed.state, index::JobState::kFailed);
    EXPECT_EQ(failed.failures[0].reason, "bad_result");
  }
  EXPECT_THAT(Report({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Report({Passage(kUnit)}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(WorkerServiceTest, AWorkerThatIsGoneInTheMiddleOfAReportStoresNothing) {
  const std::string job = Submit("a", "text");
  ASSERT_OK_AND_ASSIGN(const WorkerClient::Leased leased, client_->Lease(Request()));
  {
    grpc::ClientContext context;
    v1::ReportResultResponse response;
    const auto writer = stub_->ReportResult(&context, &response);
    EXPECT_TRUE(writer->Write(Header(leased.lease.lease_id())));
    EXPECT_TRUE(writer->Write(Passage(kUnit)));
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }
  EXPECT_THAT(corpus_->GetDocument("c", "a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(client_->Keep(leased.lease.lease_id(), std::nullopt), IsOk());
  EXPECT_THAT(Report({Header(leased.lease.lease_id()), Passage(kUnit)}), IsOk());
}

TEST_F(WorkerServiceTest, ASessionDoesJobsUntilItIsStopped) {
  std::vector<WorkedJob> worked;
  WorkerSession session({.name = "test", .jobs = 2, .own = media_options_}, *client_, encoder_,
                        nullptr, [&](const WorkedJob& job) { worked.push_back(job); });
  absl::Notification stop;
  absl::Status end;
  std::thread thread([&] { end = session.Run(stop); });
  for (int i = 0; i < 6; ++i) Submit(std::to_string(i), "words of " + std::to_string(i));
  for (int i = 0; i < 3000 && ingestor_->counters().indexed < 6; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  stop.Notify();
  client_->Stop();
  thread.join();
  EXPECT_THAT(end, IsOk());
  EXPECT_EQ(ingestor_->counters().indexed, 6);
  ASSERT_EQ(worked.size(), 6u);
  for (const WorkedJob& job : worked) EXPECT_EQ(job.outcome, "indexed");
}

}  // namespace
}  // namespace sightline::services
