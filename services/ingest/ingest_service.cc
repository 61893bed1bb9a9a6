#include "services/ingest/ingest_service.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/convert.h"
#include "services/ingest/ingest_stream.h"
#include "services/ingest/request_checks.h"

namespace sightline::services {
namespace {

// Runs the body of a call; nothing is thrown into gRPC.
template <typename Body>
grpc::Status Answer(absl::string_view call, Body&& body) {
  return edge::ToGrpcStatus(
      CatchStatus(call, [&]() -> absl::Status { return std::forward<Body>(body)(); }));
}

constexpr int kShownOfGroup = 100;

absl::StatusOr<int> GroupLimit(int32_t asked) {
  if (asked < 0 || asked > 1000) {
    return edge::InvalidField("limit", absl::StrCat("expected 0..1000, got ", asked),
                              "out_of_range");
  }
  return asked == 0 ? 100 : asked;
}

// Passages that were deleted meanwhile are left out, and a group of which one is left.
absl::Status AddGroup(const index::Corpus& corpus, std::span<const uint64_t> passages,
                      v1::ListDuplicatesResponse& response) {
  v1::DuplicateGroup group;
  std::string first;  // picture
  for (const uint64_t id : passages.first(std::min<size_t>(passages.size(), kShownOfGroup))) {
    const auto passage = corpus.GetPassage(id);
    if (absl::IsNotFound(passage.status())) continue;
    SL_RETURN_IF_ERROR(passage.status());
    if (first.empty()) first = passage->blob_hash;
    v1::DuplicatePicture& picture = *group.add_pictures();
    picture.set_passage_id(absl::StrCat(id));
    picture.set_document_id(passage->document_id);
    picture.set_source(ToValidUtf8(passage->source));
    if (passage->page > 0) picture.set_page(passage->page);
    picture.set_exact(passage->blob_hash == first);
  }
  if (group.pictures_size() > 1) *response.add_groups() = std::move(group);
  return absl::OkStatus();
}

}  // namespace

IngestService::IngestService(const IngestServiceOptions& options, index::Corpus& corpus,
                             ingest::Ingestor& ingestor, const fetch::UrlFetcher* fetcher)
    : options_(options), corpus_(corpus), ingestor_(ingestor), fetcher_(fetcher) {}

grpc::Status IngestService::IngestDocuments(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>* stream) {
  return Answer("IngestDocuments", [&] {
    return IngestStream(options_, corpus_, ingestor_, fetcher_, bytes_in_flight_, *context, *stream)
        .Run();
  });
}

grpc::Status IngestService::DeleteDocument(grpc::ServerContext* context,
                                           const v1::DeleteDocumentRequest* request,
                                           v1::DeleteDocumentResponse* response) {
  return Answer("DeleteDocument", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->collection(), "collection"));
    SL_RETURN_IF_ERROR(RequireField(request->document_id(), "document_id"));
    const auto removed = ingestor_.DeleteDocument(request->collection(), request->document_id());
    SL_RETURN_IF_ERROR(About(removed.status(), "document", request->document_id()));
    response->set_passages_removed(*removed);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::GetDocument(grpc::ServerContext* context,
                                        const v1::GetDocumentRequest* request,
                                        v1::GetDocumentResponse* response) {
  return Answer("GetDocument", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->collection(), "collection"));
    SL_RETURN_IF_ERROR(RequireField(request->document_id(), "document_id"));
    const auto document = corpus_.GetDocument(request->collection(), request->document_id());
    SL_RETURN_IF_ERROR(About(document.status(), "document", request->document_id()));
    *response->mutable_document() = ToProto(*document);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::ListDocuments(grpc::ServerContext* context,
                                          const v1::ListDocumentsRequest* request,
                                          v1::ListDocumentsResponse* response) {
  return Answer("ListDocuments", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->collection(), "collection"));
    SL_ASSIGN_OR_RETURN(const int page_size, PageSize(request->page_size()));
    SL_ASSIGN_OR_RETURN(const auto page,
                        corpus_.ListDocuments(request->collection(), request->filter(), page_size,
                                              request->page_token()));
    for (const auto& document : page.items) *response->add_documents() = ToProto(document);
    response->set_next_page_token(page.next_token);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::ListDuplicates(grpc::ServerContext* context,
                                           const v1::ListDuplicatesRequest* request,
                                           v1::ListDuplicatesResponse* response) {
  return Answer("ListDuplicates", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->collection(), "collection"));
    SL_ASSIGN_OR_RETURN(const int limit, GroupLimit(request->limit()));
    const auto found =
        corpus_.FindNearPictures(request->collection(), absl::FromChrono(context->deadline()));
    SL_RETURN_IF_ERROR(About(found.status(), "collection", request->collection()));
    response->set_groups_found(static_cast<int64_t>(found->groups.size()));
    response->set_pictures(found->pictures);
    for (const std::vector<uint64_t>& group : found->groups) {
      if (response->groups_size() == limit) break;
      SL_RETURN_IF_ERROR(AddGroup(corpus_, group, *response));
    }
    return absl::OkStatus();
  });
}

grpc::Status IngestService::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) {
  return Answer("GetJob", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->job_id(), "job_id"));
    const auto job = corpus_.GetJob(request->job_id());
    SL_RETURN_IF_ERROR(About(job.status(), "job", request->job_id()));
    *response->mutable_job() = ToProto(*job);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::ListJobs(grpc::ServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) {
  return Answer("ListJobs", [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const int page_size, PageSize(request->page_size()));
    SL_ASSIGN_OR_RETURN(const auto state, JobStateFromProto(request->state()));
    SL_ASSIGN_OR_RETURN(const auto page, corpus_.ListJobs(request->collection(), state, page_size,
                                                          request->page_token()));
    for (const auto& job : page.items) *response->add_jobs() = ToProto(job);
    response->set_next_page_token(page.next_token);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::RetryJob(grpc::ServerContext* context,
                                     const v1::RetryJobRequest* request,
                                     v1::RetryJobResponse* response) {
  return Answer("RetryJob", [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->job_id(), "job_id"));
    SL_RETURN_IF_ERROR(About(ingestor_.Retry(request->job_id()), "job", request->job_id()));
    SL_ASSIGN_OR_RETURN(const auto job, corpus_.GetJob(request->job_id()));
    *response->mutable_job() = ToProto(job);
    return absl::OkStatus();
  });
}

grpc::Status IngestService::ListIngestStages(grpc::ServerContext*,
                                             const v1::ListIngestStagesRequest*,
                                             v1::ListIngestStagesResponse* response) {
  return Answer("ListIngestStages", [&]() -> absl::Status {
    for (const StageWork& work : ingestor_.stages()) {
      v1::IngestStage& stage = *response->add_stages();
      stage.set_stage(work.stage);
      stage.set_threads(work.threads);
      stage.set_seconds(work.seconds);
      stage.set_items(work.items);
      stage.set_bytes(work.bytes);
    }
    return absl::OkStatus();
  });
}

}  // namespace sightline::services
