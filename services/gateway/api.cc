#include "services/gateway/api.h"

#include <grpcpp/channel.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"
#include "proto/reply_json.h"
#include "services/edge/error_details.h"
#include "services/gateway/answer_stream.h"
#include "services/gateway/chat.h"
#include "services/gateway/embeddings.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/heatmap.h"
#include "services/gateway/json_text.h"
#include "services/gateway/locate.h"
#include "services/gateway/mcp_exchange.h"
#include "services/gateway/models.h"
#include "services/gateway/query_request.h"
#include "services/gateway/rerank.h"
#include "services/gateway/upload.h"
#include "services/gateway/url.h"
#include "services/gateway/verify.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

constexpr int kDefaultThumbnailSide = 320;

Reply JsonReply(std::string body, int status = 200) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

std::shared_ptr<Exchange> Fail(const absl::Status& status, const Request& request) {
  return Ready(ErrorReply(status, request.id));
}

std::string Parameter(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// A whole number in [least, most]; `fallback` when the parameter is absent.
absl::StatusOr<int32_t> NumberParameter(const Request& request, const char* name, int32_t least,
                                        int32_t most, int32_t fallback) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return fallback;
  int32_t number = 0;
  if (absl::SimpleAtoi(found->second, &number) && number >= least && number <= most) return number;
  return edge::InvalidField(name,
                            absl::StrCat("expected a whole number from ", least, " to ", most));
}

absl::StatusOr<v1::CreateCollectionRequest> ReadCreateCollection(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(request.body));
  if (!body.is_object()) return edge::InvalidField("body", "expected an object with \"name\"");
  v1::CreateCollectionRequest out;
  for (const json::key_value_pair& field : body.get_object()) {
    const json::value& value = field.value();
    if (field.key() == "name" && value.is_string()) {
      out.set_name(value.get_string().data(), value.get_string().size());
    } else if (field.key() == "dimension" && value.is_int64() && value.get_int64() >= 1 &&
               value.get_int64() <= 65536) {
      out.set_dimension(static_cast<int32_t>(value.get_int64()));
    } else if (field.key() == "patch_vectors") {
      const auto vectors =
          value.is_string() ? PatchVectorsOf(std::string(value.get_string())) : std::nullopt;
      if (!vectors.has_value()) {
        return edge::InvalidField("patch_vectors", R"(expected "none", "binary" or "int8")");
      }
      out.set_patch_vectors(*vectors);
    } else if (field.key() == "vectors") {
      const auto codes =
          value.is_string() ? VectorCodesOf(std::string(value.get_string())) : std::nullopt;
      if (!codes.has_value()) {
        return edge::InvalidField("vectors", R"(expected "f16", "int8", "binary" or "pq")");
      }
      out.set_vectors(*codes);
    } else {
      const absl::string_view name(field.key().data(), field.key().size());
      if (name != "name" && name != "dimension") {
        return edge::InvalidField(
            name, "no such field; known are name, dimension, patch_vectors, vectors",
            "unknown_field");
      }
      return edge::InvalidField(
          name, name == "name" ? "expected a string" : "expected a whole number from 1 to 65536");
    }
  }
  if (out.name().empty()) {
    return edge::InvalidField("name", "the name of the collection is required", "missing_field");
  }
  return out;
}

absl::StatusOr<v1::JobState> JobStateParameter(const Request& request) {
  const std::string name = Parameter(request, "state");
  if (name.empty()) return v1::JOB_STATE_UNSPECIFIED;
  std::vector<std::string> names;
  for (int state = v1::JobState_MIN; state <= v1::JobState_MAX; ++state) {
    if (state == v1::JOB_STATE_UNSPECIFIED || !v1::JobState_IsValid(state)) continue;
    names.push_back(JobStateName(static_cast<v1::JobState>(state)));
    if (name == names.back()) return static_cast<v1::JobState>(state);
  }
  return edge::InvalidField("state", absl::StrCat("expected one of ", absl::StrJoin(names, ", ")));
}

// A stored picture. Only formats that a browser shows as a picture go out under their own type, so
// that nothing stored is ever run as a page of ours.
Reply PictureReply(v1::GetPassageImageResponse& response, const std::string& if_none_match) {
  static const auto* const kShown =
      new std::set<std::string>{"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"};
  Reply reply;
  const std::string etag = absl::StrCat("\"", ContentHash(response.data()).substr(0, 32), "\"");
  // A deleted picture must not live on in a cache: it is asked for again each time.
  reply.headers = {{"ETag", etag},
                   {"Cache-Control", "private, no-cache"},
                   {"Content-Security-Policy", "default-src 'none'; sandbox"}};
  if (kShown->count(response.media_type()) > 0) {
    reply.content_type = response.media_type();
  } else {
    reply.content_type = "application/octet-stream";
    reply.headers.emplace_back("Content-Disposition", "attachment");
  }
  if (absl::StrContains(if_none_match, etag)) {
    reply.status = 304;
  } else {
    reply.body = std::move(*response.mutable_data());
  }
  return reply;
}

// A search as events: `retrieved` and `done`, both with the whole reply.
class SearchEvents final : public Exchange {
 public:
  explicit SearchEvents(std::shared_ptr<Exchange> search) : search_(std::move(search)) {}

  void Start(std::function<void(Reply)> done) override {
    search_->Start([this, done = std::move(done)](Reply reply) {
      if (reply.status != 200) return done(std::move(reply));
      events_ = absl::StrCat(ServerSentEvent("retrieved", reply.body),
                             ServerSentEvent("done", reply.body));
      done(EventStreamReply());
    });
  }
  void Next(std::function<void(std::optional<std::string>)> done) override {
    done(std::exchange(events_, std::nullopt));
  }
  void Cancel(absl::Status why) override { search_->Cancel(std::move(why)); }
  void Tick(absl::Time now) override { search_->Tick(now); }

 private:
  const std::shared_ptr<Exchange> search_;
  std::optional<std::string> events_;
};

}  // namespace

Api::Api(Upstream upstream, ServerState state, StaticFiles files)
    : upstream_(std::move(upstream)), state_(std::move(state)), files_(std::move(files)) {
  stubs_.query = v1::QueryService::NewStub(upstream_.channel());
  stubs_.ingest = v1::IngestService::NewStub(upstream_.channel());
  stubs_.model = v1::ModelService::NewStub(upstream_.channel());
  AddProbes();
  AddQueries();
  AddCollections();
  AddDocuments();
  AddJobs();
  AddPassages();
  AddModels();
  AddMcp();
  page_.pattern = "/";
  page_.handle = [this](Request request) {
    const std::string path = absl::StrJoin(request.segments, "/");
    if (auto file = files_.Find(path, request.if_none_match); file.has_value()) {
      return Ready(*std::move(file));
    }
    if (path.empty()) {
      return Ready(ErrorReply(404, "no_page",
                              "this server was started without the page; the interface is "
                              "described at /openapi.json"));
    }
    return Ready(ErrorReply(404, "not_found", absl::StrCat("there is no /", path)));
  };
}

void Api::Add(absl::string_view method, absl::string_view pattern,
              std::vector<std::string> parameters,
              std::function<std::shared_ptr<Exchange>(Request)> handle) {
  Entry entry;
  entry.method = std::string(method);
  entry.pattern = absl::StrSplit(pattern.substr(1), '/');
  entry.parameters = std::move(parameters);
  entry.route.pattern = std::string(pattern);
  entry.route.handle = std::move(handle);
  entries_.push_back(std::move(entry));
}

Api::Match Api::Find(const Request& request) const {
  Match match;
  std::set<std::string> allowed;
  for (const Entry& entry : entries_) {
    if (entry.pattern.size() != request.segments.size()) continue;
    bool same = true;
    for (size_t i = 0; same && i < entry.pattern.size(); ++i) {
      same = absl::StartsWith(entry.pattern[i], "{") || entry.pattern[i] == request.segments[i];
    }
    if (!same) continue;
    allowed.insert(entry.method);
    if (entry.method != request.method) continue;
    for (const auto& [name, value] : request.query) {
      if (name != "timeout" && !absl::c_linear_search(entry.parameters, name)) {
        match.reply = ErrorReply(
            edge::InvalidField(name, "the route has no such query parameter", "unknown_parameter"),
            request.id);
        return match;
      }
    }
    match.route = &entry.route;
    return match;
  }
  if (allowed.empty()) {
    const bool is_api = !request.segments.empty() && request.segments[0] == "v1";
    if (is_api) {
      match.reply =
          ErrorReply(404, "no_such_route",
                     absl::StrCat("there is no route /", absl::StrJoin(request.segments, "/"),
                                  "; they are listed at /openapi.json"));
      return match;
    }
    if (request.method == "GET") {
      match.route = &page_;
      return match;
    }
    allowed = {"GET"};
  }
  if (allowed.count("GET") > 0) allowed.insert("HEAD");
  allowed.insert("OPTIONS");
  if (request.method == "OPTIONS") {
    match.reply.status = 204;
  } else {
    match.reply = ErrorReply(
        405, "method_not_allowed",
        absl::StrCat(request.method, " is not known here, only ", absl::StrJoin(allowed, ", ")));
  }
  match.reply.headers.emplace_back("Allow", absl::StrJoin(allowed, ", "));
  return match;
}

void Api::AddProbes() {
  Add("GET", "/livez", {}, [](Request) { return Ready(JsonReply("{\"status\":\"alive\"}")); });
  Add("GET", "/readyz", {}, [this](Request request) {
    const absl::Status status = state_.ready ? state_.ready() : absl::OkStatus();
    if (status.ok()) return Ready(JsonReply("{\"status\":\"ready\"}"));
    return Ready(ErrorReply(503, "not_ready", status.message()));
  });
  Add("GET", "/version", {}, [this](Request) {
    return Ready(JsonReply(
        absl::StrCat("{\"name\":\"sightline\",\"version\":", JsonString(state_.version), "}")));
  });
  Add("GET", "/openapi.json", {}, [](Request) { return Ready(JsonReply(kOpenApi)); });
  if (state_.metrics_text) {
    Add("GET", "/metrics", {}, [this](Request) {
      Reply reply;
      reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
      reply.body = state_.metrics_text();
      return Ready(std::move(reply));
    });
  }
  for (Entry& entry : entries_) entry.route.is_probe = true;
}

void Api::AddQueries() {
  Add("POST", "/v1/search", {}, [this](Request request) -> std::shared_ptr<Exchange> {
    auto query = ReadQuery(request, QueryKind::kSearch);
    if (!query.ok()) return Fail(query.status(), request);
    auto search = upstream_.Call(
        request, query->deadline, std::move(*query->request.mutable_search()), kSearch,
        [](v1::SearchResponse& response) { return JsonReply(SearchReplyJson(response)); });
    if (!request.wants_events && !query->stream) return search;
    return std::make_shared<SearchEvents>(std::move(search));
  });
  Add("POST", "/v1/answer", {}, [this](Request request) -> std::shared_ptr<Exchange> {
    auto query = ReadQuery(request, QueryKind::kAnswer);
    if (!query.ok()) return Fail(query.status(), request);
    if (request.wants_events || query->stream) {
      return MakeAnswerStream(request, *std::move(query), *stubs_.query);
    }
    const absl::Time deadline = query->deadline;
    return upstream_.Call(
        request, deadline, std::move(query->request), kAnswer,
        [](v1::AnswerResponse& response) { return JsonReply(AnswerReplyJson(response)); });
  });
  Add("POST", "/v1/verify", {}, [this](Request request) {
    auto verify = ReadVerify(request);
    if (!verify.ok()) return Fail(verify.status(), request);
    return upstream_.Call(request, request.deadline, *std::move(verify), kCheckClaims,
                          [](v1::CheckClaimsResponse& response) {
                            return JsonReply(CheckClaimsReplyJson(response));
                          });
  });
}

void Api::AddCollections() {
  Add("GET", "/v1/collections", {}, [this](Request request) {
    return upstream_.Call(request, request.deadline, v1::ListCollectionsRequest(), kListCollections,
                          [](v1::ListCollectionsResponse& response) {
                            return JsonReply(CollectionListJson(response));
                          });
  });
  Add("POST", "/v1/collections", {}, [this](Request request) {
    auto create = ReadCreateCollection(request);
    if (!create.ok()) return Fail(create.status(), request);
    return upstream_.Call(
        request, request.deadline, *std::move(create), kCreateCollection,
        [](v1::CreateCollectionResponse& response) {
          Reply reply = JsonReply(CollectionJson(response.collection()), 201);
          reply.headers.emplace_back(
              "Location",
              absl::StrCat("/v1/collections/", EscapeSegment(response.collection().name())));
          return reply;
        });
  });
  Add("GET", "/v1/collections/{collection}", {}, [this](Request request) {
    v1::GetCollectionStatsRequest message;
    message.set_name(request.segments[2]);
    return upstream_.Call(request, request.deadline, std::move(message), kGetCollectionStats,
                          [](v1::GetCollectionStatsResponse& response) {
                            return JsonReply(CollectionStatsJson(response));
                          });
  });
  Add("DELETE", "/v1/collections/{collection}", {}, [this](Request request) {
    v1::DeleteCollectionRequest message;
    message.set_name(request.segments[2]);
    return upstream_.Call(
        request, request.deadline, std::move(message), kDeleteCollection,
        [](v1::DeleteCollectionResponse&) { return JsonReply("{\"deleted\":true}"); });
  });
}

void Api::AddDocuments() {
  static constexpr char kList[] = "/v1/collections/{collection}/documents";
  static constexpr char kOne[] = "/v1/collections/{collection}/documents/{document}";
  Add("GET", kList, {"page_size", "page_token", "filter"}, [this](Request request) {
    const auto page_size = NumberParameter(request, "page_size", 1, 1000, 0);
    if (!page_size.ok()) return Fail(page_size.status(), request);
    v1::ListDocumentsRequest message;
    message.set_collection(request.segments[2]);
    message.set_page_size(*page_size);
    message.set_page_token(Parameter(request, "page_token"));
    message.set_filter(Parameter(request, "filter"));
    return upstream_.Call(
        request, request.deadline, std::move(message), kListDocuments,
        [](v1::ListDocumentsResponse& response) { return JsonReply(DocumentListJson(response)); });
  });
  Add("GET", "/v1/collections/{collection}/duplicates", {"limit"}, [this](Request request) {
    const auto limit = NumberParameter(request, "limit", 1, 1000, 0);
    if (!limit.ok()) return Fail(limit.status(), request);
    v1::ListDuplicatesRequest message;
    message.set_collection(request.segments[2]);
    message.set_limit(*limit);
    return upstream_.Call(
        request, request.deadline, std::move(message), kListDuplicates,
        [](v1::ListDuplicatesResponse& response) { return JsonReply(DuplicatesJson(response)); });
  });
  Add("POST", kList, {"source", "document_id", "create_collection", "force", "wait"}, nullptr);
  entries_.back().route.open = [this](const Request& request) {
    // A large body takes its time to come: unless the request says otherwise, the longest.
    Request patient = request;
    if (!request.timeout_given) patient.deadline = absl::Now() + request.max_timeout;
    return MakeUpload(patient, request.segments[2], *stubs_.ingest);
  };
  Add("GET", kOne, {}, [this](Request request) {
    v1::GetDocumentRequest message;
    message.set_collection(request.segments[2]);
    message.set_document_id(request.segments[4]);
    return upstream_.Call(request, request.deadline, std::move(message), kGetDocument,
                          [](v1::GetDocumentResponse& response) {
                            return JsonReply(DocumentJson(response.document()));
                          });
  });
  Add("DELETE", kOne, {}, [this](Request request) {
    v1::DeleteDocumentRequest message;
    message.set_collection(request.segments[2]);
    message.set_document_id(request.segments[4]);
    return upstream_.Call(request, request.deadline, std::move(message), kDeleteDocument,
                          [](v1::DeleteDocumentResponse& response) {
                            return JsonReply(absl::StrCat("{\"deleted\":true,\"passages_removed\":",
                                                          response.passages_removed(), "}"));
                          });
  });
}

void Api::AddJobs() {
  Add("GET", "/v1/jobs", {"collection", "state", "page_size", "page_token"},
      [this](Request request) {
        const auto page_size = NumberParameter(request, "page_size", 1, 1000, 0);
        if (!page_size.ok()) return Fail(page_size.status(), request);
        const auto state = JobStateParameter(request);
        if (!state.ok()) return Fail(state.status(), request);
        v1::ListJobsRequest message;
        message.set_collection(Parameter(request, "collection"));
        message.set_state(*state);
        message.set_page_size(*page_size);
        message.set_page_token(Parameter(request, "page_token"));
        return upstream_.Call(
            request, request.deadline, std::move(message), kListJobs,
            [](v1::ListJobsResponse& response) { return JsonReply(JobListJson(response)); });
      });
  Add("GET", "/v1/jobs/{job}", {}, [this](Request request) {
    v1::GetJobRequest message;
    message.set_job_id(request.segments[2]);
    return upstream_.Call(
        request, request.deadline, std::move(message), kGetJob,
        [](v1::GetJobResponse& response) { return JsonReply(JobJson(response.job())); });
  });
  Add("POST", "/v1/jobs/{job}/retry", {}, [this](Request request) {
    v1::RetryJobRequest message;
    message.set_job_id(request.segments[2]);
    return upstream_.Call(
        request, request.deadline, std::move(message), kRetryJob,
        [](v1::RetryJobResponse& response) { return JsonReply(JobJson(response.job()), 202); });
  });
}

void Api::AddPassages() {
  const auto picture = [this](Request request, int32_t max_side) {
    v1::GetPassageImageRequest message;
    message.set_passage_id(request.segments[2]);
    message.set_max_side(max_side);
    return upstream_.Call(
        request, request.deadline, std::move(message), kGetPassageImage,
        [if_none_match = request.if_none_match](v1::GetPassageImageResponse& response) {
          return PictureReply(response, if_none_match);
        });
  };
  Add("GET", "/v1/passages/{passage}", {}, [this](Request request) {
    v1::GetPassageRequest message;
    message.set_passage_id(request.segments[2]);
    return upstream_.Call(request, request.deadline, std::move(message), kGetPassage,
                          [](v1::GetPassageResponse& response) {
                            return JsonReply(PassageJson(response.passage()));
                          });
  });
  Add("GET", "/v1/passages/{passage}/image", {},
      [picture](Request request) { return picture(std::move(request), 0); });
  Add("GET", "/v1/passages/{passage}/thumbnail", {"size"},
      [picture](Request request) -> std::shared_ptr<Exchange> {
        const auto side = NumberParameter(request, "size", 16, 2048, kDefaultThumbnailSide);
        if (!side.ok()) return Fail(side.status(), request);
        return picture(std::move(request), *side);
      });
  const auto heatmap = [this](Request request) -> std::shared_ptr<Exchange> {
    auto wanted = ReadHeatmap(request);
    if (!wanted.ok()) return Fail(wanted.status(), request);
    return upstream_.Call(request, wanted->deadline, std::move(wanted->request), kGetPassageHeatmap,
                          [png = wanted->png](v1::GetPassageHeatmapResponse& response) {
                            return HeatmapReply(response, png);
                          });
  };
  const char* const kHeatmap = "/v1/passages/{passage}/heatmap";
  Add("GET", kHeatmap, {"query", "format", "picture", "size", "word"}, heatmap);
  Add("POST", kHeatmap, {"format", "picture", "size", "word"}, heatmap);
}

void Api::AddModels() {
  Add("GET", "/v1/models", {}, [this](Request request) {
    return upstream_.Call(
        request, request.deadline, v1::GetModelRequest(), kGetModel,
        [](v1::GetModelResponse& response) { return JsonReply(ModelListJson(response)); });
  });
  Add("GET", "/v1/models/{model}", {}, [this](Request request) {
    return upstream_.Call(request, request.deadline, v1::GetModelRequest(), kGetModel,
                          [id = request.segments[2]](v1::GetModelResponse& response) {
                            return ModelReply(response, id);
                          });
  });
  Add("POST", "/v1/rerank", {}, [this](Request request) {
    auto rerank = ReadRerank(request);
    if (!rerank.ok()) return Fail(rerank.status(), request);
    v1::RerankRequest message = rerank->request;
    return upstream_.Call(
        request, request.deadline, std::move(message), kRerank,
        [call = *std::move(rerank), id = request.id](v1::RerankResponse& response) {
          return JsonReply(RerankReplyJson(call, response, id));
        });
  });
  Add("POST", "/v1/locate", {}, [this](Request request) {
    auto locate = ReadLocate(request);
    if (!locate.ok()) return Fail(locate.status(), request);
    return upstream_.Call(
        request, request.deadline, *std::move(locate), kLocate,
        [](v1::LocateResponse& response) { return JsonReply(LocateReplyJson(response)); });
  });
  Add("POST", "/v1/chat/completions", {}, [this](Request request) {
    auto chat = ReadChat(request);
    if (!chat.ok()) return Fail(chat.status(), request);
    return MakeChat(request, *std::move(chat), upstream_, *stubs_.model, *stubs_.query);
  });
  Add("POST", "/v1/chat/vision", {}, [this](Request request) {
    auto chat = ReadVisionForm(request);
    if (!chat.ok()) return Fail(chat.status(), request);
    return MakeVisionChat(request, *std::move(chat), *stubs_.model);
  });
  Add("POST", "/v1/embeddings", {}, [this](Request request) {
    auto embeddings = ReadEmbeddings(request);
    if (!embeddings.ok()) return Fail(embeddings.status(), request);
    return upstream_.Call(request, request.deadline, std::move(embeddings->request), kEmbed,
                          [base64 = embeddings->base64](v1::EmbedResponse& response) {
                            return JsonReply(EmbeddingsReplyJson(response, base64));
                          });
  });
}

void Api::AddMcp() {
  Add("POST", "/mcp", {}, [this](Request request) {
    return MakeMcpExchange(request, upstream_.channel(), state_.version);
  });
}

}  // namespace sightline::gateway
