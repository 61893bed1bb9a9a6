#include "tests/cli/fake_server.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"

namespace sightline::testing {
namespace {

void WaitForCancel(grpc::ServerContext& context) {
  while (!context.IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
}

grpc::Status BadFilter() {
  google::rpc::Status details;
  details.set_code(grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::ErrorInfo info;
  info.set_reason("bad_filter");
  info.set_domain("sightline");
  details.add_details()->PackFrom(info);
  google::rpc::BadRequest bad;
  bad.add_field_violations()->set_field("filter");
  details.add_details()->PackFrom(bad);
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "filter: position 3: expected a value",
                      details.SerializeAsString());
}

grpc::Status CheckSearch(grpc::ServerContext& context, const v1::SearchRequest& request) {
  if (request.collection() == "missing") {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no collection missing");
  }
  if (request.filter() == "y >") return BadFilter();
  if (!request.query().empty() && request.query(0).text() == "slow") WaitForCancel(context);
  return grpc::Status::OK;
}

v1::Hit CannedHit() {
  v1::Hit hit;
  hit.set_score(0.85f);
  hit.mutable_scores()->set_dense(0.85f);
  v1::Passage& passage = *hit.mutable_passage();
  passage.set_passage_id("p/1");
  passage.set_document_id("d1");
  passage.set_source("/docs/handbook.pdf");
  passage.set_kind(v1::PASSAGE_KIND_TEXT);
  passage.set_page(3);
  passage.mutable_box()->set_x0(0.1f);
  passage.mutable_box()->set_y0(0.25f);
  passage.mutable_box()->set_x1(0.9f);
  passage.mutable_box()->set_y1(0.5f);
  passage.set_text("Turn the key.\x1b[31m red \x07");
  passage.set_has_image(true);
  (*passage.mutable_metadata()->mutable_fields())["year"].set_number_value(2024);
  (*passage.mutable_metadata()->mutable_fields())["lang"].set_string_value("zh");
  return hit;
}

}  // namespace

v1::SearchResponse CannedSearch() {
  v1::SearchResponse out;
  *out.add_hits() = CannedHit();
  out.set_exact(true);
  out.add_warnings("the weights are untrained");
  out.mutable_timings()->set_total_ms(12.5);
  return out;
}

v1::AnswerResponse CannedAnswer() {
  v1::AnswerResponse out;
  out.set_answer("Turn the key [1].");
  v1::Citation& citation = *out.add_citations();
  citation.set_marker(1);
  citation.set_start(0);
  citation.set_end(13);
  *citation.mutable_hit() = CannedHit();
  citation.set_snippet("Turn the key.");
  citation.set_verdict(v1::VERDICT_SUPPORTED);
  citation.set_support(0.5f);
  *out.add_hits() = CannedHit();
  out.mutable_usage()->set_prompt_tokens(20);
  out.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
  out.set_finish_reason("stop");
  return out;
}

grpc::Status FakeQueryService::GetPassageHeatmap(grpc::ServerContext*,
                                                 const v1::GetPassageHeatmapRequest* request,
                                                 v1::GetPassageHeatmapResponse* response) {
  if (request->query(0).text() == "nowhere") {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "the picture is gone");
  }
  response->set_drawn(request->picture() == v1::HEATMAP_PICTURE_OVER ? "drawn" : "");
  return grpc::Status::OK;
}

grpc::Status FakeQueryService::Search(grpc::ServerContext* context,
                                      const v1::SearchRequest* request,
                                      v1::SearchResponse* response) {
  {
    absl::MutexLock lock(&mu_);
    last_ = *request;
    ++searches_[request->mode()];
  }
  *response = CannedSearch();
  return CheckSearch(*context, *request);
}

grpc::Status FakeQueryService::SearchAndAnswer(grpc::ServerContext* context,
                                               const v1::SearchAndAnswerRequest* request,
                                               grpc::ServerWriter<v1::AnswerEvent>* writer) {
  {
    absl::MutexLock lock(&mu_);
    last_ = request->search();
  }
  if (auto status = CheckSearch(*context, request->search()); !status.ok()) return status;
  v1::AnswerEvent event;
  *event.mutable_retrieved()->mutable_search() = CannedSearch();
  writer->Write(event);
  for (const char* text : {"Turn the ", "key [1]."}) {
    event.mutable_delta()->set_text(text);
    writer->Write(event);
  }
  if (request->search().query(0).text() == "cut") return grpc::Status::OK;
  *event.mutable_done() = CannedAnswer();
  if (request->search().query(0).text() == "checked") event.mutable_done()->set_answer("Nothing.");
  writer->Write(event);
  return grpc::Status::OK;
}

grpc::Status FakeQueryService::Answer(grpc::ServerContext* context,
                                      const v1::SearchAndAnswerRequest* request,
                                      v1::AnswerResponse* response) {
  *response = CannedAnswer();
  return CheckSearch(*context, request->search());
}

grpc::Status FakeQueryService::CheckClaims(grpc::ServerContext* context,
                                           const v1::CheckClaimsRequest* request,
                                           v1::CheckClaimsResponse* response) {
  for (int i = 0; i < request->claims_size(); ++i) {
    v1::ClaimVerdict& verdict = *response->add_verdicts();
    verdict.set_claim(i);
    verdict.set_verdict(v1::VERDICT_UNSUPPORTED);
  }
  absl::MutexLock lock(&mu_);
  claims_ += request->claims_size();
  return grpc::Status::OK;
}

int FakeQueryService::claims() const {
  absl::MutexLock lock(&mu_);
  return claims_;
}

int FakeQueryService::searches(v1::SearchMode mode) const {
  absl::MutexLock lock(&mu_);
  const auto it = searches_.find(mode);
  return it == searches_.end() ? 0 : it->second;
}

v1::SearchRequest FakeQueryService::last() const {
  absl::MutexLock lock(&mu_);
  return last_;
}

v1::IngestStatus FakeIngestService::Finish(int64_t tag, const Stored& document) {
  const std::string& source = document.header.source();
  v1::IngestStatus status;
  status.set_tag(tag);
  v1::IngestFinished& finished = *status.mutable_finished();
  v1::Document& out = *finished.mutable_document();
  out.set_source(source);
  out.set_bytes(static_cast<int64_t>(document.bytes.size()));
  out.set_pages(2);
  out.set_passages(3);
  absl::MutexLock lock(&mu_);
  const int arrival = ++arrivals_[source];
  if (absl::StrContains(source, "busy") && arrival == 1) {
    finished.set_outcome(v1::INGEST_OUTCOME_FAILED);
    finished.set_retry_after_ms(1);
    finished.add_failures()->set_reason("queue_full");
    return status;
  }
  if (absl::StrContains(source, "fail")) {
    finished.set_outcome(v1::INGEST_OUTCOME_FAILED);
    finished.add_failures()->set_reason("bad_pdf");
    finished.mutable_failures(0)->set_message("no trailer \x1b[2J");
    return status;
  }
  const auto known = stored_.find(source);
  const bool same = known != stored_.end() && known->second.bytes == document.bytes;
  stored_[source] = document;
  finished.set_outcome(same ? v1::INGEST_OUTCOME_UNCHANGED : v1::INGEST_OUTCOME_INDEXED);
  if (absl::StrContains(source, "partial")) {
    finished.set_outcome(v1::INGEST_OUTCOME_PARTIAL);
    finished.add_failures()->set_page(2);
    finished.mutable_failures(0)->set_reason("too_many_pixels");
  }
  return status;
}

grpc::Status FakeIngestService::IngestDocuments(grpc::ServerContext* context, Stream* stream) {
  std::map<int64_t, Stored> open;
  v1::IngestRequest request;
  bool hang = false;
  while (stream->Read(&request)) {
    Stored& document = open[request.tag()];
    if (request.has_header()) document.header = request.header();
    document.bytes += request.chunk().data();
    const bool whole =
        request.has_chunk() ? request.chunk().last() : !document.header.uri().empty();
    if (!whole) continue;
    const std::string source = document.header.source();
    if (absl::StrContains(source, "drop")) {
      absl::MutexLock lock(&mu_);
      if (++arrivals_[source] == 1) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
      }
    }
    v1::IngestStatus accepted;
    accepted.set_tag(request.tag());
    accepted.mutable_accepted();
    stream->Write(accepted);
    if (absl::StrContains(source, "stuck") && !let_go_) {
      hang = true;
      absl::MutexLock lock(&mu_);
      hanging_ = true;
      continue;
    }
    stream->Write(Finish(request.tag(), document));
  }
  if (hang) WaitForCancel(*context);
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::ListDocuments(grpc::ServerContext* context,
                                              const v1::ListDocumentsRequest* request,
                                              v1::ListDocumentsResponse* response) {
  absl::MutexLock lock(&mu_);
  int at = 0;
  if (!request->page_token().empty() && !absl::SimpleAtoi(request->page_token(), &at)) {
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad page token");
  }
  // Pages of two at most, so that callers have to ask again.
  const int end = std::min<int>(at + std::min(2, request->page_size()), stored_.size());
  auto it = std::next(stored_.begin(), at);
  for (; at < end; ++at, ++it) {
    v1::Document& document = *response->add_documents();
    document.set_document_id(absl::StrCat("id-", at));
    document.set_source(it->first);
    document.set_state(v1::DOCUMENT_STATE_INDEXED);
    document.set_content_hash(ContentHash(it->second.bytes));
    *document.mutable_metadata() = it->second.header.metadata();
  }
  if (end < static_cast<int>(stored_.size())) response->set_next_page_token(absl::StrCat(end));
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::GetDocument(grpc::ServerContext* context,
                                            const v1::GetDocumentRequest* request,
                                            v1::GetDocumentResponse* response) {
  if (request->document_id() == "none") {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no document none");
  }
  response->mutable_document()->set_document_id(request->document_id());
  response->mutable_document()->set_state(v1::DOCUMENT_STATE_PARTIAL);
  response->mutable_document()->add_failures()->set_page(4);
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::DeleteDocument(grpc::ServerContext* context,
                                               const v1::DeleteDocumentRequest* request,
                                               v1::DeleteDocumentResponse* response) {
  if (request->document_id() == "none") {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "no document none");
  }
  response->set_passages_removed(1);
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::ListJobs(grpc::ServerContext* context,
                                         const v1::ListJobsRequest* request,
                                         v1::ListJobsResponse* response) {
  v1::Job& job = *response->add_jobs();
  job.set_job_id("job-1");
  job.set_state(v1::JOB_STATE_FAILED);
  job.add_failures()->set_reason("encrypted");
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::RetryJob(grpc::ServerContext* context,
                                         const v1::RetryJobRequest* request,
                                         v1::RetryJobResponse* response) {
  response->mutable_job()->set_job_id(request->job_id());
  response->mutable_job()->set_state(v1::JOB_STATE_QUEUED);
  return grpc::Status::OK;
}

grpc::Status FakeIngestService::ListIngestStages(grpc::ServerContext*,
                                                 const v1::ListIngestStagesRequest*,
                                                 v1::ListIngestStagesResponse* response) {
  absl::MutexLock lock(&mu_);
  for (const char* name : {"decode", "embed"}) {
    v1::IngestStage& stage = *response->add_stages();
    stage.set_stage(name);
    stage.set_threads(2);
    for (const auto& [source, arrivals] : arrivals_) stage.set_items(stage.items() + arrivals);
  }
  response->mutable_stages(1)->set_seconds(0.001 *
                                           static_cast<double>(response->stages(1).items()));
  return grpc::Status::OK;
}

std::map<std::string, FakeIngestService::Stored> FakeIngestService::stored() const {
  absl::MutexLock lock(&mu_);
  return stored_;
}

int FakeIngestService::arrivals(const std::string& source) const {
  absl::MutexLock lock(&mu_);
  const auto found = arrivals_.find(source);
  return found == arrivals_.end() ? 0 : found->second;
}

bool FakeIngestService::hanging() const {
  absl::MutexLock lock(&mu_);
  return hanging_;
}

grpc::Status FakeCollectionService::CreateCollection(grpc::ServerContext* context,
                                                     const v1::CreateCollectionRequest* request,
                                                     v1::CreateCollectionResponse* response) {
  if (request->name() == "there") {
    return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "collection there exists");
  }
  response->mutable_collection()->set_name(request->name());
  response->mutable_collection()->set_dimension(request->dimension());
  response->mutable_collection()->set_patch_vectors(request->patch_vectors());
  response->mutable_collection()->set_vectors(request->vectors());
  return grpc::Status::OK;
}

grpc::Status FakeCollectionService::ListCollections(grpc::ServerContext* context,
                                                    const v1::ListCollectionsRequest* request,
                                                    v1::ListCollectionsResponse* response) {
  for (const char* name : {"office", "shop"}) {
    response->add_collections()->set_name(name);
    response->mutable_collections()->rbegin()->set_dimension(64);
  }
  return grpc::Status::OK;
}

grpc::Status FakeCollectionService::GetCollection(grpc::ServerContext* context,
                                                  const v1::GetCollectionRequest* request,
                                                  v1::GetCollectionResponse* response) {
  return grpc::Status(grpc::StatusCode::NOT_FOUND, "no collection " + request->name());
}

grpc::Status FakeCollectionService::GetCollectionStats(grpc::ServerContext* context,
                                                       const v1::GetCollectionStatsRequest* request,
                                                       v1::GetCollectionStatsResponse* response) {
  response->mutable_collection()->set_name(request->name());
  v1::CollectionStats& stats = *response->mutable_stats();
  stats.set_documents(7);
  stats.set_passages(10);
  stats.mutable_parts()->set_patches(92'160);
  stats.mutable_parts()->set_memory_codes(2'720);
  return grpc::Status::OK;
}

grpc::Status FakeCollectionService::DeleteCollection(grpc::ServerContext* context,
                                                     const v1::DeleteCollectionRequest* request,
                                                     v1::DeleteCollectionResponse* response) {
  absl::MutexLock lock(&mu_);
  deleted_.push_back(request->name());
  return grpc::Status::OK;
}

std::vector<std::string> FakeCollectionService::deleted() const {
  absl::MutexLock lock(&mu_);
  return deleted_;
}

grpc::Status FakeModelService::GetModel(grpc::ServerContext* context,
                                        const v1::GetModelRequest* request,
                                        v1::GetModelResponse* response) {
  response->mutable_encoder()->set_name("fake-encoder");
  response->add_warnings("the weights are untrained");
  return grpc::Status::OK;
}

grpc::Status FakeModelService::Locate(grpc::ServerContext* context,
                                      const v1::LocateRequest* request,
                                      v1::LocateResponse* response) {
  if (request->content(1).text() == "nothing") return grpc::Status::OK;
  v1::LocatedPlace& place = *response->add_places();
  place.mutable_box()->set_x1(0.5f);
  place.mutable_box()->set_y1(1);
  place.set_says(request->content(0).image() + ", " + request->content(1).text());
  return grpc::Status::OK;
}

FakeServer::FakeServer(const std::string& address) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(&query);
  builder.RegisterService(&ingest);
  builder.RegisterService(&collections);
  builder.RegisterService(&model);
  server_ = builder.BuildAndStart();
}

FakeServer::~FakeServer() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
}

std::string FakeServer::address() const { return absl::StrCat("127.0.0.1:", port_); }

}  // namespace sightline::testing
