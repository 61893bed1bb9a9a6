#include "cli/eval_session.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/eval_files.h"
#include "cli/untrained_model.h"
#include "cli/uploader.h"
#include "client/failure.h"
#include "proto/reply_json.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

// Of one call: on a CPU a long answer of a large model takes its time.
constexpr absl::Duration kTimeout = absl::Minutes(10);

absl::StatusOr<bool> HasCollection(const Connection& connection, const std::string& name) {
  v1::GetCollectionRequest request;
  request.set_name(name);
  const auto stub = v1::CollectionService::NewStub(connection.channel());
  const auto found =
      Call(connection, *stub, &v1::CollectionService::Stub::GetCollection, request).status();
  if (absl::IsNotFound(found)) return false;
  SL_RETURN_IF_ERROR(found);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvalSession>> EvalSession::Open(const EvalSessionOptions& options,
                                                               const std::string& collection) {
  std::unique_ptr<EvalSession> session(new EvalSession());
  session->collection_ = collection;
  SL_ASSIGN_OR_RETURN(session->temp_, TempDir::Create("sightline-eval"));
  session->files_ = options.files.empty() ? session->temp_->path() + "/files" : options.files;
  ConnectionOptions connect;
  connect.timeout = kTimeout;
  connect.quiet = options.quiet;
  connect.server = options.server;
  if (options.server.empty()) {
    if (!options.data.empty() || options.keep) {
      session->kept_data_ = options.data.empty() ? "sightline-eval" : options.data;
    }
    connect.data =
        session->kept_data_.empty() ? session->temp_->path() + "/data" : session->kept_data_;
    connect.model = options.model;
    connect.http = options.http;
  }
  if (options.untrained) {
    std::string model = options.model;
    if (model.empty()) {
      SL_ASSIGN_OR_RETURN(model, BundledModel());
    }
    connect.model = session->temp_->path() + "/model";
    SL_RETURN_IF_ERROR(CopyUntrained(model, connect.model, options.seed));
  }
  SL_ASSIGN_OR_RETURN(session->connection_, Connection::Open(connect));
  const auto stub = v1::ModelService::NewStub(session->connection_->channel());
  SL_ASSIGN_OR_RETURN(session->model_,
                      Call(*session->connection_, *stub, &v1::ModelService::Stub::GetModel, {}));
  SL_ASSIGN_OR_RETURN(const bool there, HasCollection(*session->connection_, collection));
  session->remove_collection_ = !options.server.empty() && !options.keep && !there;
  if (!there && options.patches != "none") {
    v1::CreateCollectionRequest request;
    request.set_name(collection);
    request.set_patch_vectors(*PatchVectorsOf(options.patches));
    const auto collections = v1::CollectionService::NewStub(session->connection_->channel());
    SL_RETURN_IF_ERROR(Call(*session->connection_, *collections,
                            &v1::CollectionService::Stub::CreateCollection, request)
                           .status());
  }
  return session;
}

EvalSession::~EvalSession() {
  if (!remove_collection_) return;
  // Not a CallContext: this has to run after Ctrl-C too.
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
  v1::DeleteCollectionRequest request;
  request.set_name(collection_);
  v1::DeleteCollectionResponse response;
  v1::CollectionService::NewStub(connection_->channel())
      ->DeleteCollection(&context, request, &response);
}

absl::Status EvalSession::CheckReranker(bool wanted) const {
  if (!wanted || model_.has_reranker()) return absl::OkStatus();
  return absl::FailedPreconditionError("--rerank: the model has no reranker");
}

std::string EvalSession::KeptText() const {
  return absl::StrCat("kept in ", kept_data_, ", collection ", collection_);
}

absl::StatusOr<std::string> EvalSession::WriteFile(const std::string& name,
                                                   absl::string_view content) const {
  const std::string path = files_ + "/" + name;
  SL_RETURN_IF_ERROR(WriteUnsynced(path, content));
  return path;
}

absl::Status EvalSession::Ingest(const std::function<absl::Status(const IngestVisitor&)>& visit,
                                 Progress& progress) const {
  UploadOptions options;
  options.collection = collection_;
  options.stop_on_failure = true;
  std::string failure;  // written on the uploader's thread, read after its end
  absl::Status status;
  {
    Uploader uploader(*connection_, options, [&](const UploadResult& result) {
      if (result.failed && failure.empty()) {
        failure =
            absl::StrCat("document ", result.item.id, ": ", result.reason, " ", result.message);
      }
      progress.Add(result.item.bytes, result.failed);
    });
    IngestVisitor visitor;
    visitor.item = [&uploader](IngestItem item) { return uploader.Add(std::move(item)); };
    status = visit(visitor);
    if (status.ok()) status = uploader.Finish();
  }
  if (status.ok() || absl::IsAborted(status)) {
    if (!failure.empty()) return absl::InternalError(failure);
  }
  return status;
}

absl::StatusOr<v1::SearchResponse> EvalSession::Search(const v1::SearchRequest& request) const {
  const auto stub = v1::QueryService::NewStub(connection_->channel());
  return Call(*connection_, *stub, &v1::QueryService::Stub::Search, request);
}

absl::StatusOr<v1::AnswerResponse> EvalSession::Answer(
    const v1::SearchAndAnswerRequest& request) const {
  const auto stub = v1::QueryService::NewStub(connection_->channel());
  return Call(*connection_, *stub, &v1::QueryService::Stub::Answer, request);
}

absl::StatusOr<v1::CheckClaimsResponse> EvalSession::CheckClaims(
    const v1::CheckClaimsRequest& request) const {
  const auto stub = v1::QueryService::NewStub(connection_->channel());
  return Call(*connection_, *stub, &v1::QueryService::Stub::CheckClaims, request);
}

absl::StatusOr<v1::LocateResponse> EvalSession::Locate(const v1::LocateRequest& request) const {
  const auto stub = v1::ModelService::NewStub(connection_->channel());
  return Call(*connection_, *stub, &v1::ModelService::Stub::Locate, request);
}

absl::StatusOr<std::string> EvalSession::Generate(const v1::GenerateRequest& request) const {
  const auto stub = v1::ModelService::NewStub(connection_->channel());
  CallContext context(connection_->Deadline());
  const auto stream = stub->Generate(context.get(), request);
  v1::GenerateEvent event;
  std::string text;
  while (stream->Read(&event)) {
    if (event.has_done()) text = event.done().text();
  }
  SL_RETURN_IF_ERROR(client::FromRpc(stream->Finish()));
  return text;
}

}  // namespace sightline::cli
