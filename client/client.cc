#include "client/client.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "client/call.h"
#include "client/channel.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::client {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;
constexpr absl::Duration kJobPoll = absl::Milliseconds(200);

enum class Repeat { kNever, kSafe };

// The bytes of a document from `offset` on, at most kChunkBytes.
using ChunkAt = absl::FunctionRef<absl::StatusOr<std::string>(int64_t offset)>;

absl::StatusOr<int64_t> FileBytes(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return absl::NotFoundError(absl::StrCat(path, ": no file"));
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  return static_cast<int64_t>(bytes);
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  SL_RETURN_IF_ERROR(FileBytes(path).status());
  std::ostringstream out;
  if (!(out << std::ifstream(path, std::ios::binary).rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": empty, or it cannot be read"));
  }
  return out.str();
}

// gRPC ends the program over a header that HTTP/2 cannot carry.
bool ValidHeader(absl::string_view name, absl::string_view value) {
  const auto in_name = [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), in_name) &&
         std::all_of(value.begin(), value.end(), absl::ascii_isprint);
}

absl::StatusOr<CallSettings> MakeSettings(const ClientOptions& options) {
  if (options.max_attempts < 1) return absl::InvalidArgumentError("max_attempts is below 1");
  CallSettings out{options.metadata, options.max_attempts, options.first_backoff};
  if (!options.api_key.empty()) {
    out.metadata.emplace_back("authorization", absl::StrCat("Bearer ", options.api_key));
  }
  for (const auto& [name, value] : out.metadata) {
    if (!ValidHeader(name, value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "header \"", name, "\": the name or a character of the value is not allowed"));
    }
  }
  return out;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const ClientOptions& options) {
  if (!options.tls) {
    if (options.tls_root_file.empty()) return grpc::InsecureChannelCredentials();
    return absl::InvalidArgumentError("tls_root_file is set and tls is not");
  }
  grpc::SslCredentialsOptions tls;
  if (!options.tls_root_file.empty()) {
    SL_ASSIGN_OR_RETURN(tls.pem_root_certs, ReadWhole(options.tls_root_file));
  }
  return grpc::SslCredentials(tls);
}

// The result of a document that has ended, as a caller of one document sees it.
absl::StatusOr<v1::IngestStatus> FromFinished(const v1::IngestStatus& last) {
  const v1::IngestFinished& finished = last.finished();
  if (finished.outcome() != v1::INGEST_OUTCOME_FAILED) return last;
  const auto& failures =
      finished.failures_size() > 0 ? finished.failures() : finished.document().failures();
  const v1::PageFailure why = failures.empty() ? v1::PageFailure() : failures.Get(0);
  const auto code =
      finished.code() == 0 ? absl::StatusCode::kUnknown : absl::StatusCode(finished.code());
  absl::Status status = WithFailureReason(absl::Status(code, why.message()), why.reason());
  if (finished.retry_after_ms() > 0) {
    return WithFailureRetryAfter(std::move(status), absl::Milliseconds(finished.retry_after_ms()));
  }
  return status;
}

}  // namespace

v1::Content TextPart(absl::string_view text) {
  v1::Content out;
  out.set_text(std::string(text));
  return out;
}

v1::Content PhotoPart(absl::string_view bytes) {
  v1::Content out;
  out.set_image(std::string(bytes));
  return out;
}

absl::StatusOr<v1::Content> PhotoFilePart(const std::string& path) {
  SL_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(path));
  return PhotoPart(bytes);
}

// Its members never change, and stubs may be used by many threads.
struct Client::Impl {
  Impl(CallSettings call_settings, const std::shared_ptr<grpc::Channel>& channel)
      : settings(std::move(call_settings)),
        collections(v1::CollectionService::NewStub(channel)),
        documents(v1::IngestService::NewStub(channel)),
        query(v1::QueryService::NewStub(channel)) {}

  // Calls a method of `stub` that takes one message and returns one.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, Repeat repeat, const CallOptions& options) {
    Response response;
    SL_RETURN_IF_ERROR(RunCall(settings, options, [&](grpc::ClientContext& context) {
      return Attempt{FromRpc((stub.*method)(&context, request, &response)),
                     repeat == Repeat::kSafe};
    }));
    return response;
  }

  absl::StatusOr<v1::IngestStatus> Ingest(const v1::DocumentHeader& header, ChunkAt chunk_at,
                                          const OnIngestStatus& on_status,
                                          const CallOptions& options) {
    v1::IngestStatus last;
    SL_RETURN_IF_ERROR(RunCall(settings, options, [&](grpc::ClientContext& context) {
      auto ended = SendDocument(context, header, chunk_at, on_status);
      if (ended.ok()) last = *std::move(ended);
      return Attempt{ended.status(), !header.force()};
    }));
    return last;
  }

  absl::StatusOr<v1::AnswerResponse> StreamAnswer(const v1::SearchAndAnswerRequest& request,
                                                  const AnswerCallbacks& callbacks,
                                                  const CallOptions& options) {
    std::optional<v1::AnswerResponse> done;
    SL_RETURN_IF_ERROR(RunCall(settings, options, [&](grpc::ClientContext& context) {
      const auto stream = query->SearchAndAnswer(&context, request);
      bool told = false;
      v1::AnswerEvent event;
      while (stream->Read(&event)) {
        told = true;
        if (event.has_retrieved() && callbacks.retrieved) {
          callbacks.retrieved(event.retrieved().search());
        }
        if (event.has_delta() && callbacks.delta) callbacks.delta(event.delta().text());
        if (event.has_citation() && callbacks.citation) callbacks.citation(event.citation());
        if (event.has_done()) done = event.done();
      }
      return Attempt{FromRpc(stream->Finish()), !told};
    }));
    if (!done.has_value()) {
      return absl::InternalError("the server ended the answer before its last part");
    }
    return *std::move(done);
  }

  // One stream with one document. The server answers once it has all bytes, so that reading can
  // wait until they are written.
  absl::StatusOr<v1::IngestStatus> SendDocument(grpc::ClientContext& context,
                                                const v1::DocumentHeader& header, ChunkAt chunk_at,
                                                const OnIngestStatus& on_status) {
    const auto stream = documents->IngestDocuments(&context);
    v1::IngestRequest request;
    request.set_tag(1);
    *request.mutable_header() = header;
    bool writing = stream->Write(request);
    absl::Status unreadable;
    for (int64_t offset = 0; writing;) {
      auto chunk = chunk_at(offset);
      if (!chunk.ok()) {
        unreadable = chunk.status();
        context.TryCancel();
        break;
      }
      offset += static_cast<int64_t>(chunk->size());
      const bool last = offset >= header.total_bytes();
      request.mutable_chunk()->set_data(*std::move(chunk));
      request.mutable_chunk()->set_last(last);
      writing = stream->Write(request) && !last;
    }
    stream->WritesDone();
    v1::IngestStatus status;
    std::optional<v1::IngestStatus> finished;
    while (stream->Read(&status)) {
      if (on_status) on_status(status);
      if (status.has_finished()) finished = status;
    }
    const absl::Status ended = FromRpc(stream->Finish());
    SL_RETURN_IF_ERROR(unreadable);
    if (finished.has_value()) return FromFinished(*finished);
    SL_RETURN_IF_ERROR(ended);
    return absl::InternalError("the server ended the stream before the document");
  }

  const CallSettings settings;
  const std::unique_ptr<v1::CollectionService::Stub> collections;
  const std::unique_ptr<v1::IngestService::Stub> documents;
  const std::unique_ptr<v1::QueryService::Stub> query;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  SL_ASSIGN_OR_RETURN(CallSettings settings, MakeSettings(options));
  SL_ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options));
  const auto channel = MakeChannel(options.address, credentials);
  if (!WaitForServer(*channel, absl::Now() + options.connect_timeout, [] { return false; })) {
    return absl::UnavailableError(absl::StrCat(
        "no server answers at ", options.address,
        options.tls ? ", or its certificate is not one of those that are trusted" : ""));
  }
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(std::move(settings), channel)));
}

absl::StatusOr<v1::Collection> Client::CreateCollection(const std::string& name, int dimension,
                                                        const CallOptions& options) {
  v1::CreateCollectionRequest request;
  request.set_name(name);
  request.set_dimension(dimension);
  // Made again after a reply that was lost it would be kAlreadyExists.
  SL_ASSIGN_OR_RETURN(
      auto reply, impl_->Call(*impl_->collections, &v1::CollectionService::Stub::CreateCollection,
                              request, Repeat::kNever, options));
  return std::move(*reply.mutable_collection());
}

absl::StatusOr<std::vector<v1::Collection>> Client::ListCollections(const CallOptions& options) {
  SL_ASSIGN_OR_RETURN(
      const auto reply,
      impl_->Call(*impl_->collections, &v1::CollectionService::Stub::ListCollections,
                  v1::ListCollectionsRequest(), Repeat::kSafe, options));
  return std::vector<v1::Collection>(reply.collections().begin(), reply.collections().end());
}

absl::StatusOr<v1::IngestStatus> Client::IngestFile(const std::string& path,
                                                    v1::DocumentHeader header,
                                                    const OnIngestStatus& on_status,
                                                    const CallOptions& options) {
  SL_ASSIGN_OR_RETURN(const int64_t bytes, FileBytes(path));
  header.set_total_bytes(bytes);
  if (header.source().empty()) header.set_source(path);
  std::ifstream file(path, std::ios::binary);
  const auto chunk_at = [&](int64_t offset) -> absl::StatusOr<std::string> {
    std::string chunk(std::min(kChunkBytes, bytes - offset), '\0');
    if (!file.seekg(offset) ||
        !file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()))) {
      return absl::AbortedError(absl::StrCat(path, ": it changed, or it cannot be read"));
    }
    return chunk;
  };
  return impl_->Ingest(header, chunk_at, on_status, options);
}

absl::StatusOr<v1::IngestStatus> Client::IngestBytes(absl::string_view bytes,
                                                     v1::DocumentHeader header,
                                                     const OnIngestStatus& on_status,
                                                     const CallOptions& options) {
  header.set_total_bytes(static_cast<int64_t>(bytes.size()));
  const auto chunk_at = [&](int64_t offset) -> absl::StatusOr<std::string> {
    return std::string(bytes.substr(static_cast<size_t>(offset), kChunkBytes));
  };
  return impl_->Ingest(header, chunk_at, on_status, options);
}

absl::StatusOr<v1::Job> Client::WaitForJob(const std::string& job_id, const CallOptions& options) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  while (true) {
    SL_ASSIGN_OR_RETURN(auto reply, impl_->Call(*impl_->documents, &v1::IngestService::Stub::GetJob,
                                                request, Repeat::kSafe, options));
    if (reply.job().state() == v1::JOB_STATE_DONE || reply.job().state() == v1::JOB_STATE_FAILED) {
      return std::move(*reply.mutable_job());
    }
    SL_RETURN_IF_ERROR(Pause(options, absl::Now() + kJobPoll));
  }
}

absl::StatusOr<v1::Document> Client::GetDocument(const std::string& collection,
                                                 const std::string& document_id,
                                                 const CallOptions& options) {
  v1::GetDocumentRequest request;
  request.set_collection(collection);
  request.set_document_id(document_id);
  SL_ASSIGN_OR_RETURN(auto reply,
                      impl_->Call(*impl_->documents, &v1::IngestService::Stub::GetDocument, request,
                                  Repeat::kSafe, options));
  return std::move(*reply.mutable_document());
}

absl::StatusOr<v1::SearchResponse> Client::Search(const v1::SearchRequest& request,
                                                  const CallOptions& options) {
  return impl_->Call(*impl_->query, &v1::QueryService::Stub::Search, request, Repeat::kSafe,
                     options);
}

absl::StatusOr<v1::AnswerResponse> Client::Answer(const v1::SearchAndAnswerRequest& request,
                                                  const CallOptions& options) {
  return impl_->Call(*impl_->query, &v1::QueryService::Stub::Answer, request, Repeat::kSafe,
                     options);
}

absl::StatusOr<v1::AnswerResponse> Client::StreamAnswer(const v1::SearchAndAnswerRequest& request,
                                                        const AnswerCallbacks& callbacks,
                                                        const CallOptions& options) {
  return impl_->StreamAnswer(request, callbacks, options);
}

absl::StatusOr<v1::CheckClaimsResponse> Client::CheckClaims(const v1::CheckClaimsRequest& request,
                                                            const CallOptions& options) {
  return impl_->Call(*impl_->query, &v1::QueryService::Stub::CheckClaims, request, Repeat::kSafe,
                     options);
}

absl::StatusOr<v1::Passage> Client::GetPassage(const std::string& passage_id,
                                               const CallOptions& options) {
  v1::GetPassageRequest request;
  request.set_passage_id(passage_id);
  SL_ASSIGN_OR_RETURN(auto reply, impl_->Call(*impl_->query, &v1::QueryService::Stub::GetPassage,
                                              request, Repeat::kSafe, options));
  return std::move(*reply.mutable_passage());
}

absl::StatusOr<v1::GetPassageImageResponse> Client::GetPassageImage(const std::string& passage_id,
                                                                    int max_side,
                                                                    const CallOptions& options) {
  v1::GetPassageImageRequest request;
  request.set_passage_id(passage_id);
  request.set_max_side(max_side);
  return impl_->Call(*impl_->query, &v1::QueryService::Stub::GetPassageImage, request,
                     Repeat::kSafe, options);
}

}  // namespace sightline::client
