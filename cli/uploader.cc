#include "cli/uploader.h"

#include <algorithm>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/s3/object_reader.h"
#include "cli/upload_source.h"
#include "client/failure.h"
#include "proto/reply_json.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

// An object in S3 is held in parts of at most so many bytes, and so many of all together.
constexpr int64_t kMaxPartBytes = 8 << 20;
constexpr int64_t kMaxBytesOfParts = 64 << 20;
constexpr absl::Duration kLongestBackoff = absl::Seconds(15);
constexpr absl::Duration kLongestPause = absl::Seconds(2);  // between two tries to reach a server

// A document on its way.
struct Pending {
  IngestItem item;
  int attempt = 1;
  bool sent = false;      // all its bytes
  bool accepted = false;  // the server has stored the job
};

struct Waiting {
  IngestItem item;
  int attempt = 1;
  absl::Time not_before;
  std::shared_ptr<s3::ObjectReader> object = {};  // whose fetch has begun
};

// The server's answer to a probe.
bool NeedsBytes(const v1::IngestFinished& finished) {
  return finished.failures_size() > 0 && finished.failures(0).reason() == "needs_bytes";
}

bool ServerWasBusy(const v1::IngestFinished& finished) {
  return finished.outcome() == v1::INGEST_OUTCOME_FAILED && finished.retry_after_ms() > 0;
}

UploadResult FromFinished(const IngestItem& item, const v1::IngestStatus& status) {
  UploadResult result;
  result.item = item;
  result.status = status;
  const v1::IngestFinished& finished = status.finished();
  if (finished.outcome() == v1::INGEST_OUTCOME_FAILED ||
      finished.outcome() == v1::INGEST_OUTCOME_PARTIAL) {
    result.failed = true;
    const auto& failures =
        finished.failures_size() > 0 ? finished.failures() : finished.document().failures();
    if (!failures.empty()) {
      result.reason = failures.Get(0).reason();
      result.message = failures.Get(0).message();
      if (failures.Get(0).page() > 0) {
        result.message = absl::StrCat("page ", failures.Get(0).page(), ": ", result.message);
      }
    }
    if (result.reason.empty()) result.reason = OutcomeName(finished.outcome());
  }
  return result;
}

UploadResult NeverSent(const IngestItem& item, const std::string& reason,
                       const std::string& message) {
  UploadResult result;
  result.item = item;
  result.failed = true;
  result.reason = reason;
  result.message = message;
  return result;
}

}  // namespace

class Uploader::Impl {
 public:
  Impl(const Connection& connection, const UploadOptions& options,
       std::function<void(const UploadResult&)> on_result)
      : options_(options),
        on_result_(std::move(on_result)),
        stub_(v1::IngestService::NewStub(connection.channel())),
        on_interrupt_([this] {
          absl::MutexLock lock(&mu_);
          interrupted_ = true;
        }) {}

  ~Impl() { CloseStream(/*cancel=*/true).IgnoreError(); }

  absl::Status Add(IngestItem item) {
    SL_RETURN_IF_ERROR(WaitForRoom(options_.jobs - 1));
    return Send({.item = std::move(item), .attempt = 1, .not_before = absl::InfinitePast()});
  }

  absl::Status Finish() {
    SL_RETURN_IF_ERROR(WaitForRoom(0));
    return CloseStream(/*cancel=*/false);
  }

  int Stop(absl::Duration patience) {
    {
      absl::MutexLock lock(&mu_);
      const auto recorded = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return broken_ || std::all_of(pending_.begin(), pending_.end(), [](const auto& entry) {
                 return entry.second.accepted || !entry.second.sent;
               });
      };
      mu_.AwaitWithTimeout(absl::Condition(&recorded), patience);
    }
    CloseStream(/*cancel=*/true).IgnoreError();
    absl::MutexLock lock(&mu_);
    return static_cast<int>(std::count_if(pending_.begin(), pending_.end(),
                                          [](const auto& entry) { return entry.second.accepted; }));
  }

 private:
  using Stream = grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestStatus>;

  // Until at most `most` documents are unfinished; sends again what has to be.
  absl::Status WaitForRoom(int most) {
    while (true) {
      std::optional<Waiting> again;
      bool broken = false;
      {
        absl::MutexLock lock(&mu_);
        const auto changed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
          return CutShort(most) || broken_ || MustStop() || Unfinished() <= most ||
                 !waiting_.empty();
        };
        mu_.Await(absl::Condition(&changed));
        if (CutShort(most)) return absl::CancelledError("interrupted");
        if (MustStop()) return absl::AbortedError("stopped at the first failed document");
        broken = broken_;
        if (!broken && Unfinished() <= most) return absl::OkStatus();
        if (!broken) {
          again = std::move(waiting_.front());
          waiting_.pop_front();
        }
      }
      if (broken) {
        SL_RETURN_IF_ERROR(Reopen());
        continue;
      }
      const absl::Status pause = SleepUntil(again->not_before);
      if (!pause.ok()) {
        absl::MutexLock lock(&mu_);
        waiting_.push_front(*std::move(again));
        return pause;
      }
      SL_RETURN_IF_ERROR(Send(*std::move(again)));
    }
  }

  bool MustStop() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return options_.stop_on_failure && any_failed_;
  }

  // Whether an interrupt leaves anything undone: not where the last results are only being told.
  bool CutShort(int most) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return interrupted_ && (most > 0 || !pending_.empty() || !waiting_.empty());
  }

  int Unfinished() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return static_cast<int>(pending_.size() + waiting_.size()) + reporting_;
  }

  absl::Status SleepUntil(absl::Time time) {
    absl::MutexLock lock(&mu_);
    const auto interrupted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return interrupted_; };
    if (mu_.AwaitWithDeadline(absl::Condition(&interrupted), time)) {
      return absl::CancelledError("interrupted");
    }
    return absl::OkStatus();
  }

  absl::Duration Backoff(int attempt) const {
    return std::min(options_.first_backoff * static_cast<double>(1 << std::min(attempt - 1, 20)),
                    kLongestBackoff);
  }

  // After the stream broke: what was on it is to be sent again, on a new one.
  absl::Status Reopen() {
    const absl::Status why = CloseStream(/*cancel=*/false);
    int failures = 0;
    bool nothing_lost = false;
    bool answered = false;
    {
      absl::MutexLock lock(&mu_);
      nothing_lost = pending_.empty();
      failures = ++stream_failures_;
      answered = std::exchange(answered_, false);
    }
    // A server that is away is no fault of what was to be sent to it.
    TakeBack(/*count_attempt=*/answered);
    if (why.ok() && nothing_lost) return absl::OkStatus();
    const absl::Time now = absl::Now();
    if (failures == 1) away_since_ = now;
    const bool for_good = !client::IsTransient(why) || now - away_since_ >= options_.wait;
    if (!for_good) {
      if (failures == 2 && options_.on_away) options_.on_away(why);
      return SleepUntil(now +
                        std::max(std::min(Backoff(failures), kLongestPause),
                                 client::FailureRetryAfter(why).value_or(absl::ZeroDuration())));
    }
    const absl::Status final_status =
        why.ok() ? absl::InternalError("the server ended the stream before the documents") : why;
    ReportWaiting(final_status);
    return final_status;
  }

  // Puts what was on the stream, which is closed, before what waits to be sent again. A document
  // that was on too many streams that broke is given up: it may be what breaks them.
  void TakeBack(bool count_attempt) {
    std::vector<IngestItem> given_up;
    {
      absl::MutexLock lock(&mu_);
      for (auto it = pending_.rbegin(); it != pending_.rend(); ++it) {
        Pending& pending = it->second;
        const int attempt = pending.attempt + (count_attempt ? 1 : 0);
        if (attempt > options_.max_attempts) {
          given_up.push_back(std::move(pending.item));
        } else {
          waiting_.push_front({std::move(pending.item), attempt, absl::Now()});
        }
      }
      pending_.clear();
    }
    for (const IngestItem& item : given_up) {
      Report(NeverSent(item, "unavailable", "the connection broke each time it was sent"));
    }
  }

  // Everything that waits has failed, because the stream has for good.
  void ReportWaiting(const absl::Status& why) {
    std::deque<Waiting> lost;
    {
      absl::MutexLock lock(&mu_);
      lost.swap(waiting_);
    }
    const std::string reason = client::FailureReason(why);
    for (const Waiting& waiting : lost) {
      Report(NeverSent(waiting.item, reason.empty() ? "connection_lost" : reason,
                       std::string(why.message())));
    }
  }

  void OpenStream() {
    context_ = std::make_unique<grpc::ClientContext>();
    if (options_.deadline != absl::InfiniteFuture()) {
      context_->set_deadline(absl::ToChronoTime(options_.deadline));
    }
    stream_ = stub_->IngestDocuments(context_.get());
    reader_ = std::thread([this, stream = stream_.get()] { ReadStatuses(*stream); });
  }

  // Ends the stream, if there is one, and returns how it ended.
  absl::Status CloseStream(bool cancel) {
    if (stream_ == nullptr) return absl::OkStatus();
    if (cancel) {
      context_->TryCancel();
    } else {
      stream_->WritesDone();
    }
    reader_.join();
    const absl::Status status = client::FromRpc(stream_->Finish());
    stream_.reset();
    context_.reset();
    absl::MutexLock lock(&mu_);
    broken_ = false;
    return status;
  }

  void ReadStatuses(Stream& stream) {
    v1::IngestStatus status;
    while (stream.Read(&status)) Handle(status);
    absl::MutexLock lock(&mu_);
    broken_ = true;
  }

  void Handle(const v1::IngestStatus& status) {
    UploadResult result;
    {
      absl::MutexLock lock(&mu_);
      const auto found = pending_.find(status.tag());
      if (found == pending_.end()) return;
      Pending& pending = found->second;
      answered_ = true;
      if (status.has_accepted()) {
        pending.accepted = true;
        stream_failures_ = 0;
      }
      if (!status.has_finished()) return;
      stream_failures_ = 0;
      if (ServerWasBusy(status.finished()) && pending.attempt < options_.max_attempts) {
        waiting_.push_back(
            {std::move(pending.item), pending.attempt + 1, absl::Now() + Backoff(pending.attempt)});
        pending_.erase(found);
        return;
      }
      if (NeedsBytes(status.finished())) {
        const auto object = BeginFetch(pending.item);
        waiting_.push_back({std::move(pending.item), pending.attempt, absl::Now(), object});
        pending_.erase(found);
        return;
      }
      result = FromFinished(pending.item, status);
      pending_.erase(found);
      ++reporting_;
    }
    Report(result);
    absl::MutexLock lock(&mu_);
    --reporting_;
  }

  void Report(const UploadResult& result) {
    on_result_(result);
    absl::MutexLock lock(&mu_);
    any_failed_ = any_failed_ || result.failed;
  }

  absl::Status Send(Waiting waiting) {
    const IngestItem& item = waiting.item;
    const bool in_s3 = s3::IsS3Url(item.uri);
    if (in_s3 && waiting.object == nullptr) {
      if (!item.etag.empty() && !options_.force) return SendProbe(std::move(waiting));
      waiting.object = BeginFetch(item);
      absl::MutexLock lock(&mu_);
      waiting_.push_back(std::move(waiting));
      return absl::OkStatus();
    }
    std::unique_ptr<UploadSource> source;  // null for what the server fetches
    if (in_s3 || item.uri.empty()) {
      auto opened = in_s3 ? OpenObjectSource(waiting.object) : OpenFileSource(item);
      if (absl::IsCancelled(opened.status())) return opened.status();
      if (!opened.ok()) {
        Report(NeverSent(item, ReasonOf(opened.status()), std::string(opened.status().message())));
        return absl::OkStatus();
      }
      source = *std::move(opened);
    }
    v1::IngestRequest request;
    v1::DocumentHeader& header = *request.mutable_header();
    if (!MakeHeader(item, header)) return absl::OkStatus();
    if (source != nullptr) {
      header.set_total_bytes(source->bytes());
      header.set_etag(source->etag());
    } else {
      header.set_uri(item.uri);
    }
    const int64_t tag = Begin(std::move(waiting), request);
    if (!stream_->Write(request)) return absl::OkStatus();  // WaitForRoom sees the broken stream
    if (source != nullptr && !SendChunks(tag, *source)) return absl::OkStatus();
    SetSent(tag);
    return absl::OkStatus();
  }

  // Asks the server whether it has this version of an object, which then need not be fetched.
  absl::Status SendProbe(Waiting waiting) {
    v1::IngestRequest request;
    v1::DocumentHeader& header = *request.mutable_header();
    if (!MakeHeader(waiting.item, header)) return absl::OkStatus();
    header.set_total_bytes(waiting.item.bytes);
    header.set_etag(waiting.item.etag);
    header.set_probe(true);
    const int64_t tag = Begin(std::move(waiting), request);
    if (stream_->Write(request)) SetSent(tag);
    return absl::OkStatus();
  }

  std::shared_ptr<s3::ObjectReader> BeginFetch(const IngestItem& item) const {
    // VisitSources has read it before.
    const s3::Location location = s3::ParseLocation(item.uri).value_or(s3::Location());
    return std::make_shared<s3::ObjectReader>(
        *options_.s3, location, item.etag,
        std::min<int64_t>(kMaxPartBytes, kMaxBytesOfParts / options_.jobs));
  }

  // A tag for the document, which counts as being on the stream from here on.
  int64_t Begin(Waiting waiting, v1::IngestRequest& request) {
    if (stream_ == nullptr) OpenStream();
    const int64_t tag = next_tag_++;
    request.set_tag(tag);
    absl::MutexLock lock(&mu_);
    pending_[tag] = {.item = std::move(waiting.item),
                     .attempt = waiting.attempt,
                     .sent = false,
                     .accepted = false};
    return tag;
  }

  void SetSent(int64_t tag) {
    absl::MutexLock lock(&mu_);
    if (const auto found = pending_.find(tag); found != pending_.end()) found->second.sent = true;
  }

  static const char* ReasonOf(const absl::Status& read) {
    return absl::IsAborted(read) ? "changed_while_read" : "unreadable";
  }

  // False, with the document's end reported, when its metadata cannot be sent.
  bool MakeHeader(const IngestItem& item, v1::DocumentHeader& out) {
    out.set_collection(options_.collection);
    out.set_document_id(item.id);
    out.set_source(item.source());
    out.set_media_type(item.media_type);
    out.set_create_collection(options_.create_collection);
    out.set_force(options_.force);
    out.set_password(options_.password);
    if (!options_.extract_schema.empty() || options_.summarize || options_.tag) {
      v1::Enrichment& enrichment = *out.mutable_enrichment();
      enrichment.set_extract_schema(options_.extract_schema);
      enrichment.set_summarize(options_.summarize);
      enrichment.set_tag(options_.tag);
    }
    std::string error;
    if (item.metadata.empty() || ParseMetadata(item.metadata, *out.mutable_metadata(), error)) {
      return true;
    }
    Report(NeverSent(item, "bad_metadata", error));
    return false;
  }

  // False when the stream is of no more use: it broke, or we broke it because the file failed under
  // our hands and the wire knows no way to take half a document back.
  bool SendChunks(int64_t tag, UploadSource& source) {
    v1::IngestRequest request;
    request.set_tag(tag);
    v1::DocumentChunk& chunk = *request.mutable_chunk();
    do {
      if (const absl::Status read = source.Read(*chunk.mutable_data()); !read.ok()) {
        GiveUp(tag, ReasonOf(read), std::string(read.message()));
        return false;
      }
      chunk.set_last(source.at_end());
      if (!stream_->Write(request)) return false;
    } while (!chunk.last());
    return true;
  }

  void GiveUp(int64_t tag, const char* reason, const std::string& message) {
    IngestItem item;
    {
      absl::MutexLock lock(&mu_);
      const auto found = pending_.find(tag);
      if (found == pending_.end()) return;
      item = std::move(found->second.item);
      pending_.erase(found);
    }
    CloseStream(/*cancel=*/true).IgnoreError();
    TakeBack(/*count_attempt=*/false);
    Report(NeverSent(item, reason, message));
  }

  const UploadOptions options_;
  const std::function<void(const UploadResult&)> on_result_;
  const std::unique_ptr<v1::IngestService::Stub> stub_;

  // Of the sending thread.
  int64_t next_tag_ = 1;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;
  std::thread reader_;
  absl::Time away_since_;  // while stream_failures_ > 0

  absl::Mutex mu_;
  std::map<int64_t, Pending> pending_ ABSL_GUARDED_BY(mu_);  // on the stream, by tag
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mu_);         // to be sent again
  int reporting_ ABSL_GUARDED_BY(mu_) = 0;        // finished, with on_result_ still running
  int stream_failures_ ABSL_GUARDED_BY(mu_) = 0;  // since a document was accepted
  bool answered_ ABSL_GUARDED_BY(mu_) = false;    // the server said something on this stream
  bool any_failed_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;  // the reader has seen the stream's end
  bool interrupted_ ABSL_GUARDED_BY(mu_) = false;

  const OnInterrupt on_interrupt_;  // last: it is gone before what it touches
};

Uploader::Uploader(const Connection& connection, const UploadOptions& options,
                   std::function<void(const UploadResult&)> on_result)
    : impl_(std::make_unique<Impl>(connection, options, std::move(on_result))) {}

Uploader::~Uploader() = default;

absl::Status Uploader::Add(IngestItem item) { return impl_->Add(std::move(item)); }

absl::Status Uploader::Finish() { return impl_->Finish(); }

int Uploader::Stop(absl::Duration patience) { return impl_->Stop(patience); }

}  // namespace sightline::cli
