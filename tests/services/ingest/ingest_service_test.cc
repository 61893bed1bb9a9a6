#include "services/ingest/ingest_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/edge/error_details.h"
#include "tests/ingest/samples.h"
#include "tests/services/ingest/service_fixture.h"

namespace sightline::services {
namespace {

using sightline::testing::IsOk;
using sightline::testing::ServiceFixture;
using sightline::testing::SimplePdf;
using sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What the server said of each document.
struct Replies {
  std::map<int64_t, int> accepted;
  std::map<int64_t, v1::IngestStatus> finished;
  std::vector<v1::IngestStatus> all;
};

class IngestServiceTest : public ServiceFixture {
 protected:
  using ClientStream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestStatus>;

  void Begin() {
    Serve();
    ASSERT_THAT(CreateCollection("c"), IsOk());
  }

  static v1::IngestRequest Header(int64_t tag, const std::string& source,
                                  const std::string& collection = "c") {
    v1::IngestRequest request;
    request.set_tag(tag);
    request.mutable_header()->set_collection(collection);
    request.mutable_header()->set_source(source);
    return request;
  }
  static v1::IngestRequest Chunk(int64_t tag, const std::string& data, bool last = true) {
    v1::IngestRequest request;
    request.set_tag(tag);
    request.mutable_chunk()->set_data(data);
    request.mutable_chunk()->set_last(last);
    return request;
  }
  static void Send(ClientStream& stream, const v1::IngestRequest& header,
                   const std::string& bytes) {
    ASSERT_TRUE(stream.Write(header));
    ASSERT_TRUE(stream.Write(Chunk(header.tag(), bytes)));
  }

  static Replies ReadAll(ClientStream& stream) {
    Replies replies;
    v1::IngestStatus status;
    while (stream.Read(&status)) {
      replies.all.push_back(status);
      if (status.has_accepted()) ++replies.accepted[status.tag()];
      if (status.has_finished()) {
        EXPECT_FALSE(replies.finished.contains(status.tag())) << "finished twice";
        replies.finished[status.tag()] = status;
      }
    }
    return replies;
  }

  // One document over its own stream.
  v1::IngestStatus Ingest(const v1::IngestRequest& header, const std::string& bytes) {
    grpc::ClientContext context;
    const auto stream = ingest_->IngestDocuments(&context);
    Send(*stream, header, bytes);
    stream->WritesDone();
    Replies replies = ReadAll(*stream);
    EXPECT_TRUE(stream->Finish().ok());
    return replies.finished[header.tag()];
  }
};

TEST_F(IngestServiceTest, GoodAndBadDocumentsOfOneStreamEndEachOnItsOwn) {
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  Send(*stream, Header(1, "a.txt"), "a heron");
  Send(*stream, Header(2, "empty.txt"), "");
  Send(*stream, Header(3, "x.txt", "unknown"), "an owl");
  Send(*stream, Header(4, "two.pdf"), SimplePdf({"Alpha page.", "Beta page."}));
  Send(*stream, Header(5, ""), "nobody");
  v1::IngestRequest fetched = Header(6, "http://example.com/x");
  fetched.mutable_header()->set_uri("http://example.com/x");
  ASSERT_TRUE(stream->Write(fetched));
  Send(*stream, Header(7, "b.txt"), "the last");
  stream->WritesDone();
  Replies replies = ReadAll(*stream);
  ASSERT_TRUE(stream->Finish().ok());
  ASSERT_THAT(replies.finished, SizeIs(7));

  const auto& good = replies.finished[1];
  EXPECT_EQ(good.finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(good.finished().document().passages(), 1);
  EXPECT_EQ(good.finished().code(), 0);
  EXPECT_EQ(good.document_id(), ingest::DocumentIdFor("a.txt"));
  EXPECT_FALSE(good.job_id().empty());
  EXPECT_EQ(replies.accepted[1], 1);

  const auto& empty = replies.finished[2];
  EXPECT_EQ(empty.finished().outcome(), v1::INGEST_OUTCOME_FAILED);
  EXPECT_EQ(empty.finished().failures(0).reason(), "empty");
  EXPECT_EQ(replies.accepted[2], 1);

  const auto& unknown = replies.finished[3];
  EXPECT_EQ(unknown.finished().outcome(), v1::INGEST_OUTCOME_FAILED);
  EXPECT_EQ(unknown.finished().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(unknown.finished().failures(0).message(), HasSubstr("unknown"));
  EXPECT_EQ(replies.accepted[3], 0);

  EXPECT_EQ(replies.finished[4].finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(replies.finished[4].finished().document().pages(), 2);
  EXPECT_EQ(replies.finished[5].finished().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(replies.finished[6].finished().failures(0).reason(), "url_not_allowed");
  EXPECT_EQ(replies.finished[6].finished().code(),
            static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(replies.finished[7].finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
}

TEST_F(IngestServiceTest, AcceptedComesBeforeProgressAndProgressBeforeFinished) {
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  Send(*stream, Header(9, "two.pdf"), SimplePdf({"Alpha page.", "Beta page."}));
  stream->WritesDone();
  const Replies replies = ReadAll(*stream);
  ASSERT_GE(replies.all.size(), 2u);
  EXPECT_TRUE(replies.all.front().has_accepted());
  EXPECT_TRUE(replies.all.back().has_finished());
  for (const auto& status : replies.all) {
    EXPECT_EQ(status.tag(), 9);
    EXPECT_EQ(status.job_id(), replies.all.front().job_id());
  }
}

TEST_F(IngestServiceTest, BytesComeInManyInterleavedChunks) {
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  ASSERT_TRUE(stream->Write(Header(1, "a.txt")));
  ASSERT_TRUE(stream->Write(Header(2, "b.txt")));
  ASSERT_TRUE(stream->Write(Chunk(1, "a he", false)));
  ASSERT_TRUE(stream->Write(Chunk(2, "an o", false)));
  ASSERT_TRUE(stream->Write(Chunk(1, "ron", false)));
  ASSERT_TRUE(stream->Write(Chunk(2, "wl", true)));
  ASSERT_TRUE(stream->Write(Chunk(1, "", true)));
  stream->WritesDone();
  Replies replies = ReadAll(*stream);
  EXPECT_EQ(replies.finished[1].finished().document().bytes(), 7);
  EXPECT_EQ(replies.finished[2].finished().document().bytes(), 6);
}

TEST_F(IngestServiceTest, MetadataAndOptionsArrive) {
  Begin();
  v1::IngestRequest header = Header(1, "a.txt", "fresh");
  header.mutable_header()->set_create_collection(true);
  header.mutable_header()->set_document_id("mine");
  (*header.mutable_header()->mutable_metadata()->mutable_fields())["year"].set_number_value(2023);
  EXPECT_EQ(Ingest(header, "a heron").finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(Ingest(header, "a heron").finished().outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  header.mutable_header()->set_force(true);
  const auto forced = Ingest(header, "a heron").finished();
  EXPECT_EQ(forced.outcome(), v1::INGEST_OUTCOME_INDEXED);
  EXPECT_EQ(forced.document().document_id(), "mine");
  EXPECT_EQ(forced.document().version(), 2);
  EXPECT_EQ(forced.document().metadata().fields().at("year").number_value(), 2023);
}

TEST_F(IngestServiceTest, ATooLargeDocumentIsRefusedByAnnouncementAndByCount) {
  service_options_.max_document_bytes = 100;
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  v1::IngestRequest announced = Header(1, "a.txt");
  announced.mutable_header()->set_total_bytes(101);
  ASSERT_TRUE(stream->Write(announced));
  ASSERT_TRUE(stream->Write(Header(2, "b.txt")));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Write(Chunk(2, std::string(50, 'x'), false)));
  }
  ASSERT_TRUE(stream->Write(Chunk(2, "the end")));
  Send(*stream, Header(3, "c.txt"), "small enough");
  stream->WritesDone();
  Replies replies = ReadAll(*stream);
  ASSERT_TRUE(stream->Finish().ok());
  for (const int64_t tag : {1, 2}) {
    EXPECT_EQ(replies.finished[tag].finished().failures(0).reason(), "too_large");
    EXPECT_EQ(replies.finished[tag].finished().retry_after_ms(), 0);
  }
  EXPECT_EQ(replies.finished[3].finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
}

TEST_F(IngestServiceTest, AProbeTellsWhetherAVersionIsStored) {
  Begin();
  v1::IngestRequest whole = Header(1, "s3://b/a.txt");
  whole.mutable_header()->set_etag("\"v1\"");
  whole.mutable_header()->set_total_bytes(7);
  const auto probe = [&](const std::function<void(v1::DocumentHeader&)>& change) {
    v1::IngestRequest request = whole;
    request.mutable_header()->set_probe(true);
    change(*request.mutable_header());
    grpc::ClientContext context;
    const auto stream = ingest_->IngestDocuments(&context);
    EXPECT_TRUE(stream->Write(request));
    stream->WritesDone();
    Replies replies = ReadAll(*stream);
    EXPECT_TRUE(stream->Finish().ok());
    const v1::IngestFinished& finished = replies.finished[1].finished();
    if (!finished.failures().empty()) return finished.failures(0).reason();
    return v1::IngestOutcome_Name(finished.outcome());
  };
  const auto as_it_is = [](v1::DocumentHeader&) {};
  EXPECT_EQ(probe(as_it_is), "needs_bytes");
  EXPECT_EQ(Ingest(whole, "a heron").finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  // The end is told before the job leaves the queue; until then the bytes are asked for.
  while (ingestor_->counters().running > 0) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(probe(as_it_is), "INGEST_OUTCOME_UNCHANGED");
  EXPECT_EQ(probe([](auto& header) { header.set_etag("\"v2\""); }), "needs_bytes");
  EXPECT_EQ(probe([](auto& header) { header.set_etag(""); }), "needs_bytes");
  EXPECT_EQ(probe([](auto& header) { header.set_total_bytes(8); }), "needs_bytes");
  EXPECT_EQ(probe([](auto& header) { header.set_force(true); }), "needs_bytes");
  EXPECT_EQ(probe([](auto& header) { header.set_source("s3://b/b.txt"); }), "needs_bytes");
  EXPECT_EQ(probe([](auto& header) {
              (*header.mutable_metadata()->mutable_fields())["year"].set_number_value(1999);
            }),
            "needs_bytes");
  // Equal bytes of another version are known by its ETag from then on.
  v1::IngestRequest renewed = whole;
  renewed.mutable_header()->set_etag("\"v2\"");
  EXPECT_EQ(Ingest(renewed, "a heron").finished().outcome(), v1::INGEST_OUTCOME_UNCHANGED);
  while (ingestor_->counters().running > 0) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(probe([](auto& header) { header.set_etag("\"v2\""); }), "INGEST_OUTCOME_UNCHANGED");
  EXPECT_EQ(probe([](auto& header) { header.set_etag("a\nb"); }), "invalid_field");
  EXPECT_EQ(probe([](auto& header) { header.set_etag(std::string(1025, 'a')); }), "invalid_field");
}

TEST_F(IngestServiceTest, TheStagesTellWhatTheyDid) {
  Begin();
  EXPECT_EQ(Ingest(Header(1, "a.txt"), "a heron").finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
  grpc::ClientContext context;
  v1::ListIngestStagesResponse reply;
  ASSERT_TRUE(ingest_->ListIngestStages(&context, {}, &reply).ok());
  std::map<std::string, int64_t> items;
  for (const v1::IngestStage& stage : reply.stages()) {
    items[stage.stage()] = stage.items();
    EXPECT_GE(stage.threads(), 1);
    EXPECT_EQ(stage.seconds() > 0, stage.items() > 0) << stage.stage();
  }
  EXPECT_THAT(items,
              ::testing::ElementsAre(::testing::Pair("commit", 1), ::testing::Pair("decode", 1),
                                     ::testing::Pair("embed", 1), ::testing::Pair("ocr", 0),
                                     ::testing::Pair("render", 0), ::testing::Pair("tokenize", 1)));
}

TEST_F(IngestServiceTest, TooManyBytesAtOnceAreForLater) {
  service_options_.max_bytes_in_flight = 100;
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  ASSERT_TRUE(stream->Write(Header(1, "a.txt")));
  ASSERT_TRUE(stream->Write(Chunk(1, std::string(80, 'a'), false)));
  Send(*stream, Header(2, "b.txt"), std::string(30, 'b'));
  ASSERT_TRUE(stream->Write(Chunk(1, "end")));
  const auto end_of = [&](int64_t tag) {
    v1::IngestStatus status;
    while (stream->Read(&status) && !(status.tag() == tag && status.has_finished())) {
    }
    return status.finished();
  };
  const v1::IngestFinished second = end_of(2);
  EXPECT_EQ(second.failures(0).reason(), "too_many_bytes_in_flight");
  EXPECT_GT(second.retry_after_ms(), 0);
  EXPECT_EQ(end_of(1).outcome(), v1::INGEST_OUTCOME_INDEXED);
  // The room is given back, a moment after the document was accepted.
  v1::IngestFinished third;
  for (int64_t tag = 3; third.outcome() != v1::INGEST_OUTCOME_INDEXED; ++tag) {
    Send(*stream, Header(tag, "c.txt"), std::string(90, 'c'));
    third = end_of(tag);
    ASSERT_LT(tag, 1000);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(IngestServiceTest, AFullQueueRefusesTheDocumentAndSaysWhenToComeBack) {
  ingest_options_.queue_capacity = 1;
  start_ = false;
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  Send(*stream, Header(1, "a.txt"), "a heron");
  v1::IngestStatus status;
  ASSERT_TRUE(stream->Read(&status));
  EXPECT_TRUE(status.has_accepted());
  Send(*stream, Header(2, "b.txt"), "an owl");
  stream->WritesDone();
  ASSERT_TRUE(stream->Read(&status));
  ASSERT_TRUE(status.has_finished());
  EXPECT_EQ(status.tag(), 2);
  EXPECT_EQ(status.finished().code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(status.finished().failures(0).reason(), "queue_full");
  EXPECT_GT(status.finished().retry_after_ms(), 0);
  ASSERT_THAT(ingestor_->Start(), IsOk());
  while (stream->Read(&status)) {
  }
  EXPECT_EQ(status.tag(), 1);
  EXPECT_EQ(status.finished().outcome(), v1::INGEST_OUTCOME_INDEXED);
}

TEST_F(IngestServiceTest, MoreDocumentsThanMayBeOpenAreTakenOneAfterAnother) {
  service_options_.max_open_documents = 2;
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  Replies replies;
  // The server reads on only when its statuses are taken.
  std::thread reader([&] { replies = ReadAll(*stream); });
  for (int i = 0; i < 30; ++i) {
    Send(*stream, Header(i, absl::StrCat(i, ".txt")), absl::StrCat("text ", i));
  }
  stream->WritesDone();
  reader.join();
  EXPECT_THAT(replies.finished, SizeIs(30));
}

TEST_F(IngestServiceTest, AMalformedStreamEndsWithItsFault) {
  Begin();
  const auto status_of = [&](const std::vector<v1::IngestRequest>& requests) {
    grpc::ClientContext context;
    const auto stream = ingest_->IngestDocuments(&context);
    for (const auto& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    ReadAll(*stream);
    return edge::FromGrpcStatus(stream->Finish());
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(status_of({Chunk(4, "x")}), StatusIs(invalid, HasSubstr("tag 4")));
  EXPECT_THAT(status_of({Header(1, "a.txt"), Chunk(1, "x"), Header(1, "a.txt")}),
              StatusIs(invalid, HasSubstr("two documents")));
  EXPECT_THAT(status_of({Header(1, "a.txt"), Chunk(1, "x"), Chunk(1, "y")}),
              StatusIs(invalid, HasSubstr("after")));
  EXPECT_THAT(status_of({v1::IngestRequest()}), StatusIs(invalid));
  EXPECT_EQ(edge::Reason(status_of({Chunk(4, "x")})), "malformed_stream");
}

TEST_F(IngestServiceTest, UnfinishedAndWronglyCountedDocumentsFailAlone) {
  Begin();
  grpc::ClientContext context;
  const auto stream = ingest_->IngestDocuments(&context);
  v1::IngestRequest counted = Header(1, "a.txt");
  counted.mutable_header()->set_total_bytes(5);
  Send(*stream, counted, "seven b");
  ASSERT_TRUE(stream->Write(Header(2, "b.txt")));
  ASSERT_TRUE(stream->Write(Chunk(2, "half", false)));
  ASSERT_TRUE(stream->Write(Header(3, "c.txt")));
  ASSERT_TRUE(stream->Write(Chunk(3, std::string((1 << 20) + 1, 'x'))));
  stream->WritesDone();
  Replies replies = ReadAll(*stream);
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_THAT(replies.finished[1].finished().failures(0).message(), HasSubstr("5 announced"));
  EXPECT_EQ(replies.finished[2].finished().failures(0).reason(), "incomplete");
  EXPECT_THAT(replies.finished[3].finished().failures(0).message(), HasSubstr("chunk"));
  EXPECT_EQ(corpus_->ListDocuments("c", "", 10, "")->items.size(), 0u);
}

TEST_F(IngestServiceTest, AcceptedJobsRunOnWhenTheClientGoes) {
  Begin();
  encoder_.Hold();
  {
    grpc::ClientContext context;
    const auto stream = ingest_->IngestDocuments(&context);
    Send(*stream, Header(1, "a.txt"), "a heron");
    v1::IngestStatus status;
    ASSERT_TRUE(stream->Read(&status));
    ASSERT_TRUE(status.has_accepted());
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  encoder_.LetGo();
  const std::string id = ingest::DocumentIdFor("a.txt");
  while (!corpus_->GetDocument("c", id).ok()) absl::SleepFor(absl::Milliseconds(2));
  EXPECT_EQ(corpus_->GetDocument("c", id)->state, index::DocumentState::kIndexed);
}

TEST_F(IngestServiceTest, ACallWithADeadlineDoesNotHoldTheServer) {
  Begin();
  encoder_.Hold();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  const auto stream = ingest_->IngestDocuments(&context);
  Send(*stream, Header(1, "a.txt"), "a heron");
  stream->WritesDone();
  ReadAll(*stream);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  encoder_.LetGo();
}

TEST_F(IngestServiceTest, DocumentsAreShownListedInPagesAndDeleted) {
  Begin();
  for (int i = 0; i < 5; ++i) {
    v1::IngestRequest header = Header(i, absl::StrCat("f", i, ".txt"));
    header.mutable_header()->set_document_id(absl::StrCat("d", i));
    (*header.mutable_header()->mutable_metadata()->mutable_fields())["n"].set_number_value(i);
    Ingest(header, "text");
  }
  v1::ListDocumentsRequest list;
  list.set_collection("c");
  list.set_page_size(2);
  std::vector<std::string> ids;
  int pages = 0;
  do {
    v1::ListDocumentsResponse response;
    ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::ListDocuments, list, &response), IsOk());
    for (const auto& document : response.documents()) ids.push_back(document.document_id());
    list.set_page_token(response.next_page_token());
    ++pages;
  } while (!list.page_token().empty());
  EXPECT_THAT(ids, ::testing::ElementsAre("d0", "d1", "d2", "d3", "d4"));
  EXPECT_EQ(pages, 3);

  list.set_page_size(0);
  list.set_filter("n >= 3");
  v1::ListDocumentsResponse filtered;
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::ListDocuments, list, &filtered), IsOk());
  EXPECT_EQ(filtered.documents_size(), 2);

  v1::DeleteDocumentRequest remove;
  remove.set_collection("c");
  remove.set_document_id("d3");
  v1::DeleteDocumentResponse removed;
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::DeleteDocument, remove, &removed), IsOk());
  EXPECT_EQ(removed.passages_removed(), 1);
  v1::GetDocumentRequest get;
  get.set_collection("c");
  get.set_document_id("d3");
  v1::GetDocumentResponse got;
  const auto missing = Call(*ingest_, &v1::IngestService::Stub::GetDocument, get, &got);
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound));
  ASSERT_TRUE(edge::ResourceOf(missing).has_value());
  EXPECT_EQ(edge::ResourceOf(missing)->type, "document");
  get.set_document_id("d4");
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::GetDocument, get, &got), IsOk());
  EXPECT_EQ(got.document().source(), "f4.txt");
}

TEST_F(IngestServiceTest, ListsRefuseWrongArguments) {
  Begin();
  v1::ListDocumentsRequest list;
  v1::ListDocumentsResponse response;
  const auto status = [&] {
    return Call(*ingest_, &v1::IngestService::Stub::ListDocuments, list, &response);
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(status(), StatusIs(invalid, HasSubstr("collection")));
  list.set_collection("c");
  list.set_page_size(1001);
  EXPECT_THAT(status(), StatusIs(invalid, HasSubstr("page_size")));
  list.set_page_size(10);
  list.set_filter("n >=");
  EXPECT_THAT(status(), StatusIs(invalid));
  list.set_filter("");
  list.set_page_token("garbage");
  EXPECT_THAT(status(), StatusIs(invalid));
  list.set_page_token("");
  list.set_collection("unknown");
  EXPECT_THAT(status(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(IngestServiceTest, JobsAreShownListedAndTriedAgain) {
  ingest_options_.first_backoff = absl::Milliseconds(1);
  Begin();
  encoder_.FailNext(3, absl::UnavailableError("no device"));
  const std::string failed = Ingest(Header(1, "a.txt"), "a heron").job_id();
  const std::string done = Ingest(Header(2, "b.txt"), "an owl").job_id();

  v1::ListJobsRequest list;
  v1::ListJobsResponse jobs;
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::ListJobs, list, &jobs), IsOk());
  EXPECT_EQ(jobs.jobs_size(), 2);
  list.set_collection("c");
  list.set_state(v1::JOB_STATE_FAILED);
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::ListJobs, list, &jobs), IsOk());
  ASSERT_EQ(jobs.jobs_size(), 1);
  EXPECT_EQ(jobs.jobs(0).job_id(), failed);
  EXPECT_EQ(jobs.jobs(0).failures(0).reason(), "unavailable");

  v1::RetryJobRequest retry;
  retry.set_job_id(failed);
  v1::RetryJobResponse retried;
  ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::RetryJob, retry, &retried), IsOk());
  EXPECT_EQ(retried.job().job_id(), failed);
  v1::GetJobRequest get;
  get.set_job_id(failed);
  v1::GetJobResponse got;
  do {
    ASSERT_THAT(Call(*ingest_, &v1::IngestService::Stub::GetJob, get, &got), IsOk());
  } while (got.job().state() != v1::JOB_STATE_DONE);

  retry.set_job_id(done);
  EXPECT_THAT(Call(*ingest_, &v1::IngestService::Stub::RetryJob, retry, &retried),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  retry.set_job_id("nothing");
  EXPECT_THAT(Call(*ingest_, &v1::IngestService::Stub::RetryJob, retry, &retried),
              StatusIs(absl::StatusCode::kNotFound));
  get.set_job_id("");
  EXPECT_THAT(Call(*ingest_, &v1::IngestService::Stub::GetJob, get, &got),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("job_id")));
}

}  // namespace
}  // namespace sightline::services
