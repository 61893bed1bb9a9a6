#include "services/ingest/ingest_stream.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/ingest/convert.h"
#include "services/ingest/request_checks.h"

namespace sightline::services {
namespace {

constexpr size_t kMaxChunkBytes = 1 << 20;
// Documents of one stream that are stored at once before they are accepted; each is synced thrice.
constexpr int kIntakeThreads = 8;
constexpr size_t kMaxEtagBytes = 1024;
// How often a waiting call looks whether its client is still there.
constexpr absl::Duration kCancelPoll = absl::Milliseconds(50);

// What a status says of a document before and after its job has an id.
struct DocumentNames {
  int64_t tag = 0;
  std::string document_id;
  std::string job_id;
};

v1::IngestStatus StatusOf(const DocumentNames& names) {
  v1::IngestStatus status;
  status.set_tag(names.tag);
  status.set_document_id(names.document_id);
  status.set_job_id(names.job_id);
  return status;
}

int64_t RetryAfterMs(const absl::Status& status) {
  if (edge::Reason(status) == "fetch_failed") return 0;  // it has been tried again already
  if (const auto delay = edge::RetryAfter(status)) return absl::ToInt64Milliseconds(*delay);
  const bool passing = absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
  return passing ? 1000 : 0;
}

v1::IngestFinished FinishedOf(const ingest::IngestResult& result) {
  v1::IngestFinished out;
  out.set_outcome(ToProto(result.outcome));
  *out.mutable_document() = ToProto(result.document);
  *out.mutable_failures() = out.document().failures();
  out.set_code(static_cast<int>(result.status.code()));
  out.set_retry_after_ms(RetryAfterMs(result.status));
  return out;
}

// How a document ends that never became a job.
v1::IngestFinished RefusedOf(const v1::DocumentHeader& header, const absl::Status& status) {
  v1::IngestFinished out;
  out.set_outcome(v1::INGEST_OUTCOME_FAILED);
  v1::Document& document = *out.mutable_document();
  document.set_document_id(header.document_id());
  document.set_collection(header.collection());
  document.set_source(header.source());
  document.set_state(v1::DOCUMENT_STATE_FAILED);
  v1::PageFailure& failure = *document.add_failures();
  const std::string reason = edge::Reason(status);
  failure.set_reason(reason.empty() ? edge::DefaultReason(status.code()) : reason);
  failure.set_message(std::string(status.message()));
  *out.mutable_failures() = document.failures();
  out.set_code(static_cast<int>(status.code()));
  out.set_retry_after_ms(RetryAfterMs(status));
  return out;
}

ingest::IngestCallbacks Callbacks(int64_t tag, std::shared_ptr<StatusOutbox> outbox) {
  // Written by on_accepted, before any other callback comes.
  auto names = std::make_shared<DocumentNames>();
  names->tag = tag;
  ingest::IngestCallbacks out;
  out.on_accepted = [names, outbox](const std::string& job_id, const std::string& document_id) {
    names->job_id = job_id;
    names->document_id = document_id;
    v1::IngestStatus status = StatusOf(*names);
    status.mutable_accepted();
    outbox->Put(std::move(status));
  };
  out.on_progress = [names, outbox](const ingest::Progress& progress) {
    v1::IngestStatus status = StatusOf(*names);
    status.mutable_progress()->set_pages_done(progress.pages_done);
    status.mutable_progress()->set_pages_total(progress.pages_total);
    status.mutable_progress()->set_passages(progress.passages);
    outbox->Put(std::move(status));
  };
  out.on_finished = [names, outbox](const ingest::IngestResult& result) {
    v1::IngestStatus status = StatusOf(*names);
    *status.mutable_finished() = FinishedOf(result);
    outbox->Put(std::move(status));
  };
  return out;
}

absl::StatusOr<ingest::IngestRequest> RequestOf(const v1::DocumentHeader& header) {
  ingest::IngestRequest request;
  request.collection = header.collection();
  request.document_id = header.document_id();
  request.source = header.source();
  request.media_type = header.media_type();
  if (header.has_metadata()) {
    SL_ASSIGN_OR_RETURN(request.metadata_json, JsonFromStruct(header.metadata()));
  }
  request.enrichment = {.extract_schema = header.enrichment().extract_schema(),
                        .summarize = header.enrichment().summarize(),
                        .tag = header.enrichment().tag()};
  request.password = header.password();
  request.create_collection = header.create_collection();
  request.force = header.force();
  return request;
}

bool IsEtag(absl::string_view text) {
  return text.size() <= kMaxEtagBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isprint(static_cast<unsigned char>(c));
         });
}

absl::Status Malformed(int64_t tag, absl::string_view what) {
  return edge::WithReason(absl::InvalidArgumentError(absl::StrCat("tag ", tag, ": ", what)),
                          "malformed_stream");
}

absl::Status TooLarge(int64_t limit) {
  return edge::WithReason(
      absl::InvalidArgumentError(absl::StrCat("the document is larger than ", limit, " bytes")),
      "too_large");
}

}  // namespace

IngestStream::IngestStream(const IngestServiceOptions& options, index::Corpus& corpus,
                           ingest::Ingestor& ingestor, const fetch::UrlFetcher* fetcher,
                           std::atomic<int64_t>& bytes_in_flight, grpc::ServerContext& context,
                           Stream& stream)
    : options_(options),
      corpus_(corpus),
      ingestor_(ingestor),
      fetcher_(fetcher),
      bytes_in_flight_(bytes_in_flight),
      context_(context),
      stream_(stream),
      intake_(kIntakeThreads) {}

IngestStream::~IngestStream() {
  for (auto& [tag, upload] : uploads_) Release(upload);
}

absl::Status IngestStream::Run() {
  // Callbacks come on the ingestor's threads, which must not wait for this client.
  std::thread writer([this] {
    while (const auto status = outbox_->Take()) {
      if (!stream_.Write(*status)) return outbox_->Close();
      outbox_->Written(*status);
    }
  });
  const auto join = absl::MakeCleanup([&] {
    outbox_->Close();
    writer.join();
  });
  absl::Status status = ReadAll();
  outbox_->EndOfInput();
  // A malformed stream ends at once; its accepted jobs run on unwatched.
  if (status.ok() && !AwaitFewerThan(1)) {
    status = absl::CancelledError("the client went before its documents were finished");
  }
  return status;
}

bool IngestStream::AwaitFewerThan(int open_documents) {
  while (!outbox_->AwaitFewerThan(open_documents, absl::Now() + kCancelPoll)) {
    if (context_.IsCancelled()) return false;
  }
  return !outbox_->closed() && !context_.IsCancelled();
}

absl::Status IngestStream::ReadAll() {
  v1::IngestRequest request;
  while (stream_.Read(&request)) {
    switch (request.part_case()) {
      case v1::IngestRequest::kHeader:
        SL_RETURN_IF_ERROR(OnHeader(request.tag(), std::move(*request.mutable_header())));
        break;
      case v1::IngestRequest::kChunk:
        SL_RETURN_IF_ERROR(OnChunk(request.tag(), std::move(*request.mutable_chunk())));
        break;
      default: return Malformed(request.tag(), "a message without header or chunk");
    }
  }
  if (context_.IsCancelled()) return absl::CancelledError("the client went");
  for (auto& [tag, upload] : uploads_) {
    if (upload.refused) continue;
    Refuse(tag, upload,
           edge::WithReason(
               absl::InvalidArgumentError("the stream ended before the document's last chunk"),
               "incomplete"));
  }
  return absl::OkStatus();
}

absl::Status IngestStream::OnHeader(int64_t tag, v1::DocumentHeader header) {
  if (!tags_.insert(tag).second) return Malformed(tag, "used for two documents of this stream");
  if (!AwaitFewerThan(options_.max_open_documents)) return absl::CancelledError("the client went");
  outbox_->Open();
  if (header.source().empty()) header.set_source(header.uri());
  const absl::Status status = CheckHeader(header);
  if (status.ok() && !header.uri().empty()) {
    BeginFetch(tag, std::move(header));
    return absl::OkStatus();
  }
  if (header.probe()) {
    const absl::Status probed = status.ok() ? Probe(tag, header) : status;
    if (!probed.ok()) Refuse(tag, header, probed);
    return absl::OkStatus();
  }
  Upload& upload = uploads_[tag];
  upload.header = std::move(header);
  if (!status.ok()) Refuse(tag, upload, status);
  return absl::OkStatus();
}

absl::Status IngestStream::CheckHeader(const v1::DocumentHeader& header) const {
  if (!header.uri().empty() && fetcher_ == nullptr) {
    return edge::WithReason(
        absl::FailedPreconditionError("uri: this server fetches no URLs; send the bytes"),
        "url_not_allowed");
  }
  SL_RETURN_IF_ERROR(RequireField(header.collection(), "collection"));
  SL_RETURN_IF_ERROR(RequireField(header.source(), "source"));
  if (header.total_bytes() < 0) return edge::InvalidField("total_bytes", "is negative");
  if (header.total_bytes() > options_.max_document_bytes) {
    return TooLarge(options_.max_document_bytes);
  }
  if (!header.etag().empty() && (!header.uri().empty() || !IsEtag(header.etag()))) {
    return edge::InvalidField("etag",
                              absl::StrCat("expected at most ", kMaxEtagBytes,
                                           " bytes of printable ASCII, and none with a uri"));
  }
  if (header.probe() && !header.uri().empty()) {
    return edge::InvalidField("probe", "is not for a uri");
  }
  if (header.create_collection()) return absl::OkStatus();
  // Before its bytes are taken in.
  return corpus_.GetCollection(header.collection()).status();
}

absl::Status IngestStream::OnChunk(int64_t tag, v1::DocumentChunk chunk) {
  const auto found = uploads_.find(tag);
  if (found == uploads_.end()) {
    return Malformed(tag, tags_.contains(tag) ? "a chunk after the document's last one"
                                              : "a chunk before the document's header");
  }
  Upload& upload = found->second;
  absl::Status status;
  if (!upload.refused) status = Append(upload, chunk);
  if (!status.ok()) Refuse(tag, upload, status);
  if (chunk.last()) {
    if (!upload.refused) HandIn(tag, std::move(upload));
    uploads_.erase(found);
  }
  return absl::OkStatus();
}

void IngestStream::HandIn(int64_t tag, Upload upload) {
  const v1::DocumentHeader& header = upload.header;
  std::string document =
      header.document_id().empty() ? ingest::DocumentIdFor(header.source()) : header.document_id();
  auto whole = std::make_shared<Upload>(std::move(upload));
  intake_.Add(std::move(document), [this, tag, whole] {
    const absl::Status status = CatchStatus("ingest", [&] {
      return Submit(tag, whole->header, std::exchange(whole->bytes, ""),
                    {.etag = whole->header.etag(), .last_modified = {}});
    });
    if (!status.ok()) Refuse(tag, whole->header, status);
  });
}

absl::Status IngestStream::Append(Upload& upload, const v1::DocumentChunk& chunk) {
  const auto size = static_cast<int64_t>(chunk.data().size());
  if (chunk.data().size() > kMaxChunkBytes) {
    return edge::InvalidField("chunk.data", absl::StrCat(size, " bytes, at most ", kMaxChunkBytes));
  }
  if (static_cast<int64_t>(upload.bytes.size()) + size > options_.max_document_bytes) {
    return TooLarge(options_.max_document_bytes);
  }
  SL_RETURN_IF_ERROR(Reserve(size));
  upload.bytes += chunk.data();
  return absl::OkStatus();
}

absl::Status IngestStream::Reserve(int64_t size) {
  if (bytes_in_flight_.fetch_add(size) + size <= options_.max_bytes_in_flight) {
    return absl::OkStatus();
  }
  bytes_in_flight_.fetch_sub(size);
  return edge::WithReason(
      absl::ResourceExhaustedError("too many bytes are arriving at once; send the document again"),
      "too_many_bytes_in_flight");
}

absl::Status IngestStream::Probe(int64_t tag, const v1::DocumentHeader& header) {
  SL_ASSIGN_OR_RETURN(const ingest::IngestRequest request, RequestOf(header));
  const auto stored = ingestor_.FindUnchanged(request);
  absl::Status status = absl::AbortedError("");
  if (stored.has_value() && !header.etag().empty() && stored->etag == header.etag() &&
      stored->bytes == header.total_bytes()) {
    status = ingestor_.SubmitUnchanged(request, *stored, Callbacks(tag, outbox_)).status();
  }
  if (!absl::IsAborted(status)) return status;
  return edge::WithReason(absl::AbortedError("no such version is stored; send the bytes"),
                          "needs_bytes");
}

void IngestStream::BeginFetch(int64_t tag, v1::DocumentHeader header) {
  if (fetches_ == nullptr) {
    fetches_ = std::make_unique<UriFetches>(
        UriFetchOptions{.attempts = options_.fetch_attempts,
                        .max_bytes = options_.max_document_bytes},
        *fetcher_, [this](const v1::DocumentHeader& of) { return Known(of); },
        [this](int64_t fetched, const v1::DocumentHeader& of,
               absl::StatusOr<fetch::FetchReply> reply) {
          OnFetched(fetched, of, std::move(reply));
        });
  }
  fetches_->Add(tag, std::move(header));
}

void IngestStream::OnFetched(int64_t tag, const v1::DocumentHeader& header,
                             absl::StatusOr<fetch::FetchReply> reply) {
  const absl::Status status = CatchStatus("ingest", [&]() -> absl::Status {
    if (!reply.ok()) return Annotate(reply.status(), "uri");
    return SubmitFetched(tag, header, *std::move(reply));
  });
  if (!status.ok()) Refuse(tag, header, status);
}

fetch::Validators IngestStream::Known(const v1::DocumentHeader& header) const {
  // What is stored under another source may come from another URL.
  if (header.source() != header.uri()) return {};
  const auto request = RequestOf(header);
  if (!request.ok()) return {};
  const auto stored = ingestor_.FindUnchanged(*request);
  if (!stored.has_value()) return {};
  return {.etag = stored->etag, .last_modified = stored->last_modified};
}

absl::Status IngestStream::SubmitFetched(int64_t tag, const v1::DocumentHeader& header,
                                         fetch::FetchReply reply) {
  if (!reply.not_modified) {
    SL_RETURN_IF_ERROR(Reserve(static_cast<int64_t>(reply.bytes.size())));
    return Submit(tag, header, std::move(reply.bytes), reply.validators);
  }
  SL_ASSIGN_OR_RETURN(const ingest::IngestRequest request, RequestOf(header));
  const auto stored = ingestor_.FindUnchanged(request);
  absl::Status status = absl::AbortedError("");
  // The reply is about the content of these.
  if (stored.has_value() && stored->etag == reply.validators.etag &&
      stored->last_modified == reply.validators.last_modified) {
    status = ingestor_.SubmitUnchanged(request, *stored, Callbacks(tag, outbox_)).status();
  }
  if (!absl::IsAborted(status)) return status;
  return edge::WithReason(
      absl::UnavailableError("the document changed while it was fetched; send it again"),
      "changed_meanwhile");
}

absl::Status IngestStream::Submit(int64_t tag, const v1::DocumentHeader& header, std::string bytes,
                                  const fetch::Validators& validators) {
  const auto size = static_cast<int64_t>(bytes.size());
  const auto release = absl::MakeCleanup([&] { bytes_in_flight_.fetch_sub(size); });
  if (header.total_bytes() > 0 && header.total_bytes() != size) {
    return edge::InvalidField("total_bytes",
                              absl::StrCat(header.total_bytes(), " announced, ", size, " came"));
  }
  SL_ASSIGN_OR_RETURN(ingest::IngestRequest request, RequestOf(header));
  request.etag = validators.etag;
  request.last_modified = validators.last_modified;
  return ingestor_.Submit(request, std::move(bytes), Callbacks(tag, outbox_)).status();
}

void IngestStream::Refuse(int64_t tag, const v1::DocumentHeader& header,
                          const absl::Status& status) {
  v1::IngestStatus out = StatusOf({.tag = tag, .document_id = header.document_id(), .job_id = {}});
  *out.mutable_finished() = RefusedOf(header, status);
  outbox_->Put(std::move(out));
}

void IngestStream::Refuse(int64_t tag, Upload& upload, const absl::Status& status) {
  Release(upload);
  upload.refused = true;
  Refuse(tag, upload.header, status);
}

void IngestStream::Release(Upload& upload) {
  bytes_in_flight_.fetch_sub(static_cast<int64_t>(upload.bytes.size()));
  upload.bytes = std::string();
}

}  // namespace sightline::services
