#include "tests/services/gateway/fake_backend.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"

namespace sightline::gateway {
namespace {

grpc::Status NotFound(const std::string& type, const std::string& name) {
  return edge::ToGrpcStatus(edge::WithResource(
      edge::WithReason(absl::NotFoundError(absl::StrCat("no ", type, " named \"", name, "\"")),
                       absl::StrCat(type, "_not_found")),
      type, name));
}

std::string PictureType(absl::string_view bytes) {
  if (absl::StartsWith(bytes, "\x89PNG")) return "image/png";
  if (absl::StartsWith(bytes, "\xff\xd8\xff")) return "image/jpeg";
  return "";
}

std::set<std::string> Words(absl::string_view text) {
  std::set<std::string> out;
  const std::string lower = absl::AsciiStrToLower(text);
  for (absl::string_view word :
       absl::StrSplit(lower, absl::ByAnyChar(" ,.;:?!/_-\n"), absl::SkipEmpty())) {
    out.insert(std::string(word));
  }
  return out;
}

}  // namespace

class FakeBackend::Query final : public v1::QueryService::Service {
 public:
  explicit Query(FakeBackend& backend) : backend_(backend) {}

  grpc::Status Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                      v1::SearchResponse* response) override {
    if (grpc::Status status = backend_.Begin(*context, *request); !status.ok()) return status;
    absl::MutexLock lock(&backend_.mu_);
    *response = backend_.Find(*request);
    return grpc::Status::OK;
  }

  grpc::Status Answer(grpc::ServerContext* context, const v1::SearchAndAnswerRequest* request,
                      v1::AnswerResponse* response) override {
    return Run(*context, *request, [&](const v1::AnswerEvent& event) {
      if (event.has_done()) *response = event.done();
      return true;
    });
  }

  grpc::Status SearchAndAnswer(grpc::ServerContext* context,
                               const v1::SearchAndAnswerRequest* request,
                               grpc::ServerWriter<v1::AnswerEvent>* writer) override {
    return Run(*context, *request,
               [&](const v1::AnswerEvent& event) { return writer->Write(event); });
  }

  grpc::Status GetPassage(grpc::ServerContext*, const v1::GetPassageRequest* request,
                          v1::GetPassageResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.passages_.find(request->passage_id());
    if (found == backend_.passages_.end()) return NotFound("passage", request->passage_id());
    *response->mutable_passage() = found->second.passage;
    return grpc::Status::OK;
  }

  grpc::Status GetPassageImage(grpc::ServerContext*, const v1::GetPassageImageRequest* request,
                               v1::GetPassageImageResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.passages_.find(request->passage_id());
    if (found == backend_.passages_.end()) return NotFound("passage", request->passage_id());
    response->set_data(found->second.picture);
    response->set_media_type(found->second.media_type);
    return grpc::Status::OK;
  }

  // Every claim is one sentence, supported by the first passage that its search finds.
  grpc::Status CheckClaims(grpc::ServerContext* context, const v1::CheckClaimsRequest* request,
                           v1::CheckClaimsResponse* response) override {
    v1::SearchRequest search;
    search.set_collection(request->collection());
    if (grpc::Status status = backend_.Begin(*context, search); !status.ok()) return status;
    absl::MutexLock lock(&backend_.mu_);
    backend_.last_claims_ = *request;
    for (int i = 0; i < request->claims_size(); ++i) {
      search.clear_query();
      search.add_query()->set_text(request->claims(i).text());
      v1::ClaimVerdict& verdict = *response->add_verdicts();
      verdict.set_claim(i);
      verdict.set_end(static_cast<int>(request->claims(i).text().size()));
      verdict.set_text(request->claims(i).text());
      verdict.set_verdict(v1::VERDICT_UNSUPPORTED);
      const v1::SearchResponse found = backend_.Find(search);
      if (found.hits().empty()) continue;
      verdict.set_verdict(v1::VERDICT_SUPPORTED);
      *verdict.add_evidence()->mutable_hit() = found.hits(0);
    }
    return grpc::Status::OK;
  }

  // Two cells side by side, the right one hot.
  grpc::Status GetPassageHeatmap(grpc::ServerContext*, const v1::GetPassageHeatmapRequest* request,
                                 v1::GetPassageHeatmapResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.passages_.find(request->passage_id());
    if (found == backend_.passages_.end()) return NotFound("passage", request->passage_id());
    backend_.last_heatmap_ = *request;
    response->set_rows(1);
    response->set_columns(2);
    for (const float value : {0.25f, 0.5f}) response->add_values(value);
    response->set_score(0.5f);
    response->mutable_box()->set_x0(0.5f);
    response->mutable_box()->set_x1(1);
    response->mutable_box()->set_y1(1);
    response->set_width(40);
    response->set_height(20);
    if (request->words()) {
      for (const v1::Content& part : request->query()) {
        if (part.text().empty()) continue;
        v1::HeatmapWord& word = *response->add_words();
        word.set_end(static_cast<int32_t>(part.text().size()));
        word.set_text(part.text());
        for (const float value : {0.75f, 0.25f}) word.add_values(value);
      }
    }
    if (request->picture() != v1::HEATMAP_PICTURE_UNSPECIFIED) response->set_drawn("\x89PNG drawn");
    return grpc::Status::OK;
  }

 private:
  template <typename Write>
  grpc::Status Run(grpc::ServerContext& context, const v1::SearchAndAnswerRequest& request,
                   Write write) {
    if (grpc::Status status = backend_.Begin(context, request.search()); !status.ok()) {
      return status;
    }
    v1::AnswerEvent event;
    v1::AnswerResponse done;
    {
      absl::MutexLock lock(&backend_.mu_);
      backend_.last_answer_ = request;
      *event.mutable_retrieved()->mutable_search() = backend_.Find(request.search());
    }
    write(event);
    *done.mutable_hits() = event.retrieved().search().hits();
    std::string answer;
    do {
      for (int i = 0; i < std::min(2, done.hits_size()); ++i) {
        const int begin = static_cast<int>(answer.size());
        const std::string sentence = absl::StrCat(done.hits(i).passage().text(), " [", i + 1, "]");
        for (const absl::string_view word : absl::StrSplit(sentence, ' ')) {
          if (context.IsCancelled()) {
            ++backend_.cancelled;
            return grpc::Status::CANCELLED;
          }
          absl::SleepFor(absl::Milliseconds(backend_.word_delay_ms.load()));
          v1::AnswerEvent delta;
          delta.mutable_delta()->set_text(absl::StrCat(answer.empty() ? "" : " ", word));
          answer += delta.delta().text();
          write(delta);
          ++backend_.words_sent;
        }
        v1::AnswerEvent cited;
        v1::Citation& citation = *cited.mutable_citation();
        citation.set_marker(i + 1);
        citation.set_start(begin == 0 ? 0 : begin + 1);
        citation.set_end(static_cast<int>(answer.size()));
        *citation.mutable_hit() = done.hits(i);
        citation.set_snippet(done.hits(i).passage().text());
        citation.set_verdict(i == 0 ? v1::VERDICT_SUPPORTED : v1::VERDICT_UNSUPPORTED);
        citation.set_support(i == 0 ? 0.93f : 0.31f);
        *done.add_citations() = citation;
        write(cited);
      }
    } while (static_cast<int>(Words(answer).size()) > 0 &&
             backend_.words_sent < backend_.least_words);
    done.set_abstained(answer.empty());
    done.set_answer(answer.empty() ? "This is not in this corpus." : answer);
    done.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
    done.set_finish_reason(answer.empty() ? "abstained" : "stop");
    done.mutable_usage()->set_prompt_tokens(321);
    done.mutable_usage()->set_completion_tokens(45);
    done.mutable_timings()->set_total_ms(12.5);
    v1::AnswerEvent last;
    *last.mutable_done() = std::move(done);
    write(last);
    return grpc::Status::OK;
  }

  FakeBackend& backend_;
};

class FakeBackend::Ingest final : public v1::IngestService::Service {
 public:
  explicit Ingest(FakeBackend& backend) : backend_(backend) {}

  grpc::Status IngestDocuments(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>* stream) override {
    std::map<int64_t, std::pair<v1::DocumentHeader, std::string>> open;
    v1::IngestRequest message;
    while (stream->Read(&message)) {
      if (message.has_header()) {
        open[message.tag()].first = message.header();
        const std::string& name = message.header().collection();
        absl::MutexLock lock(&backend_.mu_);
        if (backend_.collections_.count(name) == 0) {
          if (!message.header().create_collection()) return NotFound("collection", name);
          backend_.collections_[name].set_name(name);
        }
      } else {
        open[message.tag()].second += message.chunk().data();
        backend_.ingest_bytes += static_cast<int64_t>(message.chunk().data().size());
      }
      if (!message.chunk().last() && message.header().uri().empty()) continue;
      const auto& [header, bytes] = open[message.tag()];
      v1::IngestStatus status;
      status.set_tag(message.tag());
      status.set_document_id(header.document_id().empty() ? header.source() : header.document_id());
      status.set_job_id(absl::StrCat("job-", status.document_id()));
      status.mutable_accepted();
      stream->Write(status);
      if (backend_.before_finished) backend_.before_finished(*context);
      status.mutable_progress()->set_pages_done(1);
      status.mutable_progress()->set_pages_total(1);
      stream->Write(status);
      *status.mutable_finished() = backend_.Store(header, bytes);
      stream->Write(status);
      open.erase(message.tag());
    }
    return grpc::Status::OK;
  }

  grpc::Status GetDocument(grpc::ServerContext*, const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.documents_.find({request->collection(), request->document_id()});
    if (found == backend_.documents_.end()) return NotFound("document", request->document_id());
    *response->mutable_document() = found->second;
    return grpc::Status::OK;
  }

  grpc::Status DeleteDocument(grpc::ServerContext*, const v1::DeleteDocumentRequest* request,
                              v1::DeleteDocumentResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    if (backend_.documents_.erase({request->collection(), request->document_id()}) == 0) {
      return NotFound("document", request->document_id());
    }
    int removed = 0;
    for (auto at = backend_.passages_.begin(); at != backend_.passages_.end();) {
      const bool mine = at->second.passage.document_id() == request->document_id() &&
                        at->second.passage.collection() == request->collection();
      removed += mine ? 1 : 0;
      at = mine ? backend_.passages_.erase(at) : std::next(at);
    }
    response->set_passages_removed(removed);
    return grpc::Status::OK;
  }

  grpc::Status ListDuplicates(grpc::ServerContext*, const v1::ListDuplicatesRequest*,
                              v1::ListDuplicatesResponse* response) override {
    response->set_pictures(0);
    return grpc::Status::OK;
  }

  grpc::Status ListDocuments(grpc::ServerContext*, const v1::ListDocumentsRequest* request,
                             v1::ListDocumentsResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    if (backend_.collections_.count(request->collection()) == 0) {
      return NotFound("collection", request->collection());
    }
    const int size = request->page_size() == 0 ? 100 : request->page_size();
    for (const auto& [key, document] : backend_.documents_) {
      if (key.first != request->collection() || key.second <= request->page_token()) continue;
      if (response->documents_size() == size) {
        response->set_next_page_token(
            response->documents(response->documents_size() - 1).document_id());
        break;
      }
      *response->add_documents() = document;
    }
    return grpc::Status::OK;
  }

  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.jobs_.find(request->job_id());
    if (found == backend_.jobs_.end()) return NotFound("job", request->job_id());
    *response->mutable_job() = found->second;
    return grpc::Status::OK;
  }

  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    for (const auto& [id, job] : backend_.jobs_) {
      if (request->state() != v1::JOB_STATE_UNSPECIFIED && request->state() != job.state())
        continue;
      *response->add_jobs() = job;
    }
    return grpc::Status::OK;
  }

  grpc::Status RetryJob(grpc::ServerContext*, const v1::RetryJobRequest* request,
                        v1::RetryJobResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.jobs_.find(request->job_id());
    if (found == backend_.jobs_.end()) return NotFound("job", request->job_id());
    if (found->second.state() != v1::JOB_STATE_FAILED) {
      return edge::ToGrpcStatus(absl::FailedPreconditionError("the job is not failed"));
    }
    found->second.set_state(v1::JOB_STATE_QUEUED);
    *response->mutable_job() = found->second;
    return grpc::Status::OK;
  }

 private:
  FakeBackend& backend_;
};

class FakeBackend::Collections final : public v1::CollectionService::Service {
 public:
  explicit Collections(FakeBackend& backend) : backend_(backend) {}

  grpc::Status CreateCollection(grpc::ServerContext*, const v1::CreateCollectionRequest* request,
                                v1::CreateCollectionResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    v1::Collection collection;
    collection.set_name(request->name());
    collection.set_dimension(request->dimension() == 0 ? 1024 : request->dimension());
    collection.set_patch_vectors(request->patch_vectors());
    collection.set_vectors(request->vectors());
    if (!backend_.collections_.emplace(request->name(), collection).second) {
      return edge::ToGrpcStatus(
          absl::AlreadyExistsError(absl::StrCat("collection \"", request->name(), "\" exists")));
    }
    *response->mutable_collection() = collection;
    return grpc::Status::OK;
  }

  grpc::Status GetCollectionStats(grpc::ServerContext*,
                                  const v1::GetCollectionStatsRequest* request,
                                  v1::GetCollectionStatsResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    const auto found = backend_.collections_.find(request->name());
    if (found == backend_.collections_.end()) return NotFound("collection", request->name());
    *response->mutable_collection() = found->second;
    int64_t documents = 0;
    for (const auto& [key, document] : backend_.documents_)
      documents += key.first == request->name();
    int64_t passages = 0;
    for (const auto& [id, stored] : backend_.passages_) {
      passages += stored.passage.collection() == request->name();
    }
    response->mutable_stats()->set_documents(documents);
    response->mutable_stats()->set_passages(passages);
    return grpc::Status::OK;
  }

  grpc::Status ListCollections(grpc::ServerContext*, const v1::ListCollectionsRequest*,
                               v1::ListCollectionsResponse* response) override {
    absl::MutexLock lock(&backend_.mu_);
    for (const auto& [name, collection] : backend_.collections_) {
      *response->add_collections() = collection;
    }
    return grpc::Status::OK;
  }

  grpc::Status DeleteCollection(grpc::ServerContext*, const v1::DeleteCollectionRequest* request,
                                v1::DeleteCollectionResponse*) override {
    absl::MutexLock lock(&backend_.mu_);
    if (backend_.collections_.erase(request->name()) == 0) {
      return NotFound("collection", request->name());
    }
    return grpc::Status::OK;
  }

 private:
  FakeBackend& backend_;
};

class FakeBackend::Model final : public v1::ModelService::Service {
 public:
  explicit Model(FakeBackend& backend) : backend_(backend) {}

  grpc::Status Embed(grpc::ServerContext*, const v1::EmbedRequest* request,
                     v1::EmbedResponse* response) override {
    {
      absl::MutexLock lock(&backend_.mu_);
      backend_.last_embed_ = *request;
    }
    for (int i = 0; i < request->inputs_size(); ++i) {
      v1::Embedding& embedding = *response->add_embeddings();
      embedding.add_values(0.6f);
      embedding.add_values(0.8f);
    }
    response->mutable_usage()->set_prompt_tokens(7);
    response->set_model("fake-embedding");
    return grpc::Status::OK;
  }
  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*,
                        v1::GetModelResponse* response) override {
    response->mutable_encoder()->set_name("fake-embedding");
    response->mutable_generator()->set_name("fake-generator");
    return grpc::Status::OK;
  }

  grpc::Status Rerank(grpc::ServerContext*, const v1::RerankRequest* request,
                      v1::RerankResponse* response) override {
    if (!backend_.has_reranker) {
      return edge::ToGrpcStatus(edge::WithReason(
          absl::FailedPreconditionError("the model folder holds no reranker"), "no_reranker"));
    }
    const std::set<std::string> wanted = Words(request->query(0).text());
    for (const v1::EmbedInput& document : request->documents()) {
      const std::set<std::string> held = Words(document.content(0).text());
      const auto common = std::count_if(wanted.begin(), wanted.end(),
                                        [&](const auto& word) { return held.count(word) > 0; });
      response->add_scores(static_cast<float>(common) / static_cast<float>(wanted.size()));
    }
    response->set_model("fake-reranker");
    return grpc::Status::OK;
  }

  // What is looked for stands in the left half.
  grpc::Status Locate(grpc::ServerContext*, const v1::LocateRequest* request,
                      v1::LocateResponse* response) override {
    v1::LocatedPlace& place = *response->add_places();
    place.mutable_box()->set_x1(0.5f);
    place.mutable_box()->set_y1(1);
    place.set_says(absl::StrCat(request->content(0).image(), ": ", request->content(1).text()));
    place.set_agreement(1);
    response->set_model("fake-generator");
    response->mutable_usage()->set_prompt_tokens(3);
    return grpc::Status::OK;
  }

  // Repeats the last message's words, a token each; choice 1 is in capital letters. A tool that is
  // required is called twice instead.
  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateEvent>* writer) override {
    {
      absl::MutexLock lock(&backend_.mu_);
      backend_.last_generate_ = *request;
    }
    if (backend_.before_query) {
      if (grpc::Status status = backend_.before_query(*context); !status.ok()) return status;
    }
    v1::GenerateEvent last;
    v1::GenerateDone& done = *last.mutable_done();
    if (request->tool_choice() == v1::TOOL_CHOICE_REQUIRED) {
      v1::GenerateChoice& choice = *done.add_choices();
      choice.set_finish_reason("tool_calls");
      for (const char* id : {"call_1", "call_2"}) {
        v1::GenerateEvent event;
        v1::ToolCall& call = *event.mutable_delta()->mutable_tool_call();
        call.set_id(id);
        call.set_name("f");
        call.set_arguments(R"({"a": 1})");
        *choice.add_tool_calls() = call;
        writer->Write(event);
      }
      writer->Write(last);
      return grpc::Status::OK;
    }
    const v1::ChatMessage& asked = request->messages(request->messages_size() - 1);
    do {
      for (int i = 0; i < std::max(request->n(), 1); ++i) {
        v1::GenerateChoice& choice =
            i < done.choices_size() ? *done.mutable_choices(i) : *done.add_choices();
        choice.set_finish_reason(i == 0 ? "stop" : "length");
        for (const absl::string_view given :
             absl::StrSplit(asked.content(asked.content_size() - 1).text(), ' ')) {
          if (context->IsCancelled()) {
            ++backend_.cancelled;
            return grpc::Status::CANCELLED;
          }
          absl::SleepFor(absl::Milliseconds(backend_.word_delay_ms.load()));
          v1::GenerateEvent event;
          v1::GenerateDelta& delta = *event.mutable_delta();
          delta.set_text(absl::StrCat(choice.text().empty() ? "" : " ",
                                      i == 0 ? std::string(given) : absl::AsciiStrToUpper(given)));
          delta.set_choice(i);
          if (request->has_logprobs()) {
            v1::TokenLogprobs& place = *delta.add_logprobs();
            place.mutable_chosen()->set_bytes(delta.text());
            place.mutable_chosen()->set_logprob(-0.5f);
            for (int k = 0; k < request->logprobs(); ++k) *place.add_top() = place.chosen();
            *choice.add_logprobs() = place;
          }
          writer->Write(event);
          ++backend_.words_sent;
          *choice.mutable_text() += delta.text();
        }
      }
    } while (backend_.words_sent < backend_.least_words);
    for (v1::GenerateChoice& choice : *done.mutable_choices()) {
      if (!request->has_logprobs()) continue;
      choice.add_logprobs()->mutable_chosen()->set_bytes("<|im_end|>");
    }
    done.set_text(done.choices(0).text());
    done.set_finish_reason("stop");
    done.mutable_usage()->set_prompt_tokens(11);
    done.mutable_usage()->set_image_tokens(4);
    done.mutable_usage()->set_completion_tokens(5);
    writer->Write(last);
    return grpc::Status::OK;
  }

 private:
  FakeBackend& backend_;
};

FakeBackend::FakeBackend() {
  services_.push_back(std::make_unique<Query>(*this));
  services_.push_back(std::make_unique<Ingest>(*this));
  services_.push_back(std::make_unique<Collections>(*this));
  services_.push_back(std::make_unique<Model>(*this));
  grpc::ServerBuilder builder;
  for (const auto& service : services_) builder.RegisterService(service.get());
  builder.SetMaxReceiveMessageSize(64 << 20);
  server_ = builder.BuildAndStart();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);
  channel_ = server_->InProcessChannel(arguments);
}

FakeBackend::~FakeBackend() { server_->Shutdown(std::chrono::system_clock::now()); }

v1::SearchRequest FakeBackend::last_search() const {
  absl::MutexLock lock(&mu_);
  return last_search_;
}
v1::CheckClaimsRequest FakeBackend::last_claims() const {
  absl::MutexLock lock(&mu_);
  return last_claims_;
}

v1::GetPassageHeatmapRequest FakeBackend::last_heatmap() const {
  absl::MutexLock lock(&mu_);
  return last_heatmap_;
}

v1::SearchAndAnswerRequest FakeBackend::last_answer() const {
  absl::MutexLock lock(&mu_);
  return last_answer_;
}
v1::GenerateRequest FakeBackend::last_generate() const {
  absl::MutexLock lock(&mu_);
  return last_generate_;
}
v1::EmbedRequest FakeBackend::last_embed() const {
  absl::MutexLock lock(&mu_);
  return last_embed_;
}
std::string FakeBackend::last_authorization() const {
  absl::MutexLock lock(&mu_);
  return last_authorization_;
}
absl::Duration FakeBackend::last_time_left() const {
  absl::MutexLock lock(&mu_);
  return last_time_left_;
}

grpc::Status FakeBackend::Begin(grpc::ServerContext& context, const v1::SearchRequest& request) {
  {
    absl::MutexLock lock(&mu_);
    last_search_ = request;
    const auto key = context.client_metadata().find("authorization");
    last_authorization_ = key == context.client_metadata().end()
                              ? ""
                              : std::string(key->second.data(), key->second.size());
    last_time_left_ = absl::FromChrono(context.deadline()) - absl::Now();
    if (collections_.count(request.collection()) == 0) {
      return NotFound("collection", request.collection());
    }
  }
  return before_query ? before_query(context) : grpc::Status::OK;
}

v1::SearchResponse FakeBackend::Find(const v1::SearchRequest& request) {
  v1::SearchResponse response;
  response.set_exact(true);
  for (const auto& [id, stored] : passages_) {
    if (stored.passage.collection() != request.collection()) continue;
    float score = 0;
    for (const v1::Content& part : request.query()) {
      if (part.has_image() && !stored.picture.empty()) {
        score += part.image() == stored.picture ? 1.0f : 0.25f;
      }
      const std::set<std::string> wanted = Words(part.text());
      const std::set<std::string> held =
          Words(absl::StrCat(stored.passage.text(), " ", stored.passage.source()));
      const int common = static_cast<int>(std::count_if(
          wanted.begin(), wanted.end(), [&](const auto& word) { return held.count(word) > 0; }));
      if (common > 0) score += static_cast<float>(common) / wanted.size();
    }
    if (score == 0) continue;
    v1::Hit& hit = *response.add_hits();
    *hit.mutable_passage() = stored.passage;
    hit.set_score(score);
    hit.mutable_scores()->set_dense(score);
  }
  std::stable_sort(response.mutable_hits()->begin(), response.mutable_hits()->end(),
                   [](const v1::Hit& a, const v1::Hit& b) { return a.score() > b.score(); });
  const int k = request.k() == 0 ? 10 : request.k();
  while (response.hits_size() > k) response.mutable_hits()->RemoveLast();
  return response;
}

v1::IngestFinished FakeBackend::Store(const v1::DocumentHeader& header, const std::string& bytes) {
  absl::MutexLock lock(&mu_);
  v1::IngestFinished finished;
  v1::Document& document = *finished.mutable_document();
  const std::string id = header.document_id().empty() ? header.source() : header.document_id();
  document.set_document_id(id);
  document.set_collection(header.collection());
  document.set_source(header.source());
  *document.mutable_metadata() = header.metadata();
  document.set_bytes(static_cast<int64_t>(bytes.size()));
  document.set_content_hash(ContentHash(bytes));
  document.set_pages(1);
  v1::Job& job = jobs_[absl::StrCat("job-", id)];
  job.set_job_id(absl::StrCat("job-", id));
  job.set_document_id(id);
  job.set_state(v1::JOB_STATE_DONE);
  if (absl::StartsWith(bytes, "broken")) {
    job.set_state(v1::JOB_STATE_FAILED);
    document.set_state(v1::DOCUMENT_STATE_FAILED);
    finished.set_outcome(v1::INGEST_OUTCOME_FAILED);
    finished.set_code(3);
    v1::PageFailure& failure = *finished.add_failures();
    failure.set_reason("bad_image");
    failure.set_message("the picture is cut short");
    return finished;
  }
  Stored stored;
  stored.passage.set_document_id(id);
  stored.passage.set_collection(header.collection());
  stored.passage.set_source(header.source());
  *stored.passage.mutable_metadata() = header.metadata();
  stored.media_type = PictureType(bytes);
  int ordinal = 0;
  const auto add = [&](const std::string& text) {
    stored.passage.set_passage_id(absl::StrCat(header.collection(), "/", id, "#", ordinal));
    stored.passage.set_ordinal(ordinal);
    stored.passage.set_text(text);
    passages_[stored.passage.passage_id()] = stored;
    ++ordinal;
  };
  if (!stored.media_type.empty()) {
    stored.picture = bytes;
    stored.passage.set_has_image(true);
    const auto caption = header.metadata().fields().find("caption");
    const bool page = header.metadata().fields().count("page_of") > 0;
    stored.passage.set_kind(page ? v1::PASSAGE_KIND_PAGE : v1::PASSAGE_KIND_IMAGE);
    if (page) {
      stored.passage.set_page(2);
      v1::Box& box = *stored.passage.mutable_box();
      box.set_x0(0.08f);
      box.set_y0(0.16f);
      box.set_x1(0.92f);
      box.set_y1(0.3f);
    }
    add(caption == header.metadata().fields().end() ? "" : caption->second.string_value());
  } else {
    stored.passage.set_kind(v1::PASSAGE_KIND_TEXT);
    for (absl::string_view paragraph : absl::StrSplit(bytes, "\n\n", absl::SkipWhitespace())) {
      stored.passage.set_page(ordinal + 1);
      add(std::string(absl::StripAsciiWhitespace(paragraph)));
    }
  }
  document.set_passages(ordinal);
  document.set_state(v1::DOCUMENT_STATE_INDEXED);
  documents_[{header.collection(), id}] = document;
  finished.set_outcome(v1::INGEST_OUTCOME_INDEXED);
  return finished;
}

}  // namespace sightline::gateway
