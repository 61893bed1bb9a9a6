#include "ingest/ingestor.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/metadata.h"
#include "index/names.h"
#include "ingest/enricher.h"
#include "ingest/failed_files.h"
#include "ingest/failure.h"
#include "ingest/job_options.h"
#include "ingest/job_queue.h"
#include "ingest/job_runner.h"
#include "ingest/members.h"
#include "ingest/pipeline.h"
#include "ingest/remote_jobs.h"
#include "ingest/shared_stages.h"
#include "ingest/spool.h"

namespace sightline::ingest {
namespace {

constexpr size_t kMaxMediaTypeBytes = 255;
constexpr int kListPage = 1000;
constexpr absl::Duration kSweep = absl::Milliseconds(100);  // between two looks at leases

absl::Status CheckOptions(const IngestOptions& options) {
  const auto require = [](bool holds, absl::string_view what) {
    return holds ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat("ingest: ", what));
  };
  SL_RETURN_IF_ERROR(require(options.workers >= 1 || options.remote_workers,
                             "workers must be at least 1, or remote ones allowed"));
  SL_RETURN_IF_ERROR(require(options.workers >= 0, "workers must not be negative"));
  SL_RETURN_IF_ERROR(require(options.lease > absl::ZeroDuration(), "lease must be above 0"));
  SL_RETURN_IF_ERROR(require(options.queue_capacity >= 1, "queue_capacity must be at least 1"));
  SL_RETURN_IF_ERROR(require(options.max_attempts >= 1, "max_attempts must be at least 1"));
  SL_RETURN_IF_ERROR(require(options.passage_tokens >= 16, "passage_tokens must be at least 16"));
  SL_RETURN_IF_ERROR(
      require(options.overlap_tokens >= 0 && options.overlap_tokens < options.passage_tokens,
              "overlap_tokens must be at least 0 and less than passage_tokens"));
  return require(options.batch_inputs >= 1, "batch_inputs must be at least 1");
}

// The rules of the corpus, applied before anything is accepted.
absl::Status CheckRequest(const IngestRequest& request) {
  if (request.source.empty()) return absl::InvalidArgumentError("source is empty");
  SL_RETURN_IF_ERROR(index::CheckSource(request.source));
  if (!request.document_id.empty()) {
    SL_RETURN_IF_ERROR(index::CheckId(request.document_id, "document id"));
  }
  if (request.media_type.size() > kMaxMediaTypeBytes || !IsValidUtf8(request.media_type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("media type is not UTF-8 text of at most ", kMaxMediaTypeBytes, " bytes"));
  }
  return Annotate(index::Metadata::Parse(request.metadata_json).status(), "metadata");
}

// Sorts by time, so that a list of jobs in order of id shows the oldest first.
std::string NewJobId(absl::Time now) {
  return absl::StrFormat("%012x%s", absl::ToUnixMillis(now), RandomId().substr(0, 20));
}

}  // namespace

class Ingestor::Impl {
 public:
  Impl(const IngestOptions& options, Spool spool, index::Corpus& corpus, model::Encoder& encoder,
       media::MediaClient& media, model::Generator* generator)
      : options_(options),
        corpus_(corpus),
        encoder_(encoder),
        media_(media),
        generator_(generator),
        spool_(std::move(spool)),
        failed_(options.max_failed_bytes),
        queue_(options.queue_capacity),
        shared_(options_, std::max(1, options_.workers)),
        runner_(options_, corpus, encoder, media, generator, spool_, failed_, queue_, shared_) {
    if (!options_.remote_workers) return;
    remote_ = std::make_unique<RemoteJobs>(
        RemoteJobs::Parts{.options = options_,
                          .queue = queue_,
                          .runner = runner_,
                          .corpus = corpus_,
                          .limits = media_.limits(),
                          .generator = GeneratorFingerprint(generator),
                          .tell = [this](const QueuedJob& queued, const IngestResult& result) {
                            Tell(queued, result);
                          }});
  }

  ~Impl() {
    queue_.Stop();
    stopped_.Notify();
    for (std::thread& thread : threads_) thread.join();
  }

  // Takes up what an earlier run left.
  absl::Status Recover() {
    absl::flat_hash_set<std::string> keep;
    for (const auto state : {index::JobState::kQueued, index::JobState::kRunning}) {
      SL_RETURN_IF_ERROR(ForEachJob(state, [&](index::Job job) {
        keep.insert(job.spool_path);
        return Requeue(std::move(job));
      }));
    }
    SL_RETURN_IF_ERROR(ForEachJob(index::JobState::kFailed, [&](index::Job job) {
      const auto options = DecodeJobOptions(job.options_json);
      if (options.ok() && spool_.Holds(job.spool_path) && failed_.Add(job, options->bytes)) {
        keep.insert(job.spool_path);
      }
      return absl::OkStatus();
    }));
    const int orphans = spool_.RemoveOthers(keep);
    if (orphans > 0) log::Info("files without a job removed", {{"files", orphans}});
    return absl::OkStatus();
  }

  absl::Status Start() {
    absl::MutexLock lock(&mu_);
    if (!threads_.empty()) return absl::FailedPreconditionError("ingest has been started already");
    for (int i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { Work(nullptr); });
    // What is known to be unchanged waits for no worker elsewhere.
    if (options_.workers == 0) {
      threads_.emplace_back(
          [this] { Work([](const QueuedJob& queued) { return queued.unchanged.has_value(); }); });
    }
    if (remote_ != nullptr) threads_.emplace_back([this] { Sweep(); });
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Submit(const IngestRequest& request, std::string bytes,
                                     IngestCallbacks callbacks) {
    SL_RETURN_IF_ERROR(CheckRequest(request));
    SL_RETURN_IF_ERROR(CheckEnrichment(request.enrichment, generator_));
    SL_ASSIGN_OR_RETURN(const index::Collection collection, FindCollection(request));
    QueuedJob queued = NewJob(request, ContentHash(bytes), static_cast<int64_t>(bytes.size()));
    queued.callbacks = std::move(callbacks);
    SL_ASSIGN_OR_RETURN(queued.options.sequence, queue_.Reserve());
    auto release = absl::MakeCleanup([this] { queue_.Release(); });
    queued.job.options_json = EncodeJobOptions(queued.options);
    queued.unchanged = FindUnchanged(collection, queued);
    SL_RETURN_IF_ERROR(StoreNew(queued, bytes));
    bytes = std::string();
    std::move(release).Cancel();
    return Accept(std::move(queued));
  }

  std::optional<index::Document> FindUnchanged(const IngestRequest& request) const {
    const auto collection = corpus_.GetCollection(request.collection);
    if (!CheckRequest(request).ok() || !collection.ok()) return std::nullopt;
    QueuedJob queued = NewJob(request, "", 0);
    const auto stored = corpus_.GetDocument(request.collection, queued.job.document_id);
    if (!stored.ok()) return std::nullopt;
    queued.options.content_hash = stored->content_hash;
    return FindUnchanged(*collection, queued);
  }

  absl::StatusOr<std::string> SubmitUnchanged(const IngestRequest& request,
                                              const index::Document& stored,
                                              IngestCallbacks callbacks) {
    SL_ASSIGN_OR_RETURN(const index::Collection collection,
                        corpus_.GetCollection(request.collection));
    QueuedJob queued = NewJob(request, stored.content_hash, stored.bytes);
    queued.callbacks = std::move(callbacks);
    SL_ASSIGN_OR_RETURN(queued.options.sequence, queue_.Reserve());
    auto release = absl::MakeCleanup([this] { queue_.Release(); });
    queued.job.options_json = EncodeJobOptions(queued.options);
    queued.unchanged = FindUnchanged(collection, queued);
    if (!queued.unchanged.has_value()) {
      return absl::AbortedError("the document changed in between");
    }
    SL_RETURN_IF_ERROR(StoreNew(queued, ""));
    std::move(release).Cancel();
    return Accept(std::move(queued));
  }

  absl::Status Retry(const std::string& job_id) {
    SL_ASSIGN_OR_RETURN(index::Job job, corpus_.GetJob(job_id));
    if (job.state != index::JobState::kFailed) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "job ", job_id, " has not failed: there is nothing to try again")),
                        "job_not_failed");
    }
    QueuedJob queued;
    SL_ASSIGN_OR_RETURN(queued.options, DecodeJobOptions(job.options_json));
    SL_ASSIGN_OR_RETURN(queued.options.sequence, queue_.Reserve());
    auto release = absl::MakeCleanup([this] { queue_.Release(); });
    // Of two calls at once one gets the file.
    const auto bytes = failed_.Take(job_id);
    if (!bytes.has_value()) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            "the bytes of job ", job_id, " are gone; send the file again")),
                        "bytes_missing");
    }
    const index::Job before = job;
    job.state = index::JobState::kQueued;
    job.failures.clear();
    job.options_json = EncodeJobOptions(queued.options);
    job.updated = absl::Now();
    if (absl::Status status = corpus_.PutJob(job); !status.ok()) {
      failed_.Add(before, *bytes);
      return status;
    }
    queued.job = std::move(job);
    std::move(release).Cancel();
    queue_.Push(std::move(queued));
    return absl::OkStatus();
  }

  absl::StatusOr<int> DeleteDocument(const std::string& collection,
                                     const std::string& document_id) {
    if (document_id.empty()) return absl::InvalidArgumentError("document_id is empty");
    std::set<std::string> sources;
    int removed = 0;
    const absl::Status status = Delete({collection, document_id}, sources, [&]() -> absl::Status {
      const auto stored = corpus_.GetDocument(collection, document_id);
      // Members first: after a crash in between the call can be repeated. Those of a first ingest
      // are there before the document itself.
      if (stored.ok()) {
        sources.clear();
        if (MayHaveMembers(stored->media_type)) sources.insert(stored->source);
      }
      for (const std::string& source : sources) {
        index::Document whole;
        whole.id = document_id;
        whole.collection = collection;
        whole.source = source;
        SL_RETURN_IF_ERROR(DeleteMembers(corpus_, whole, {}));
      }
      SL_ASSIGN_OR_RETURN(removed, corpus_.DeleteDocument(collection, document_id));
      return absl::OkStatus();
    });
    if (absl::IsNotFound(status) && !sources.empty()) return 0;
    if (!status.ok()) return status;
    return removed;
  }

  absl::StatusOr<index::EraseReport> EraseDocument(const std::string& collection,
                                                   const std::string& document_id,
                                                   const index::EraseOptions& options) {
    if (document_id.empty()) return absl::InvalidArgumentError("document_id is empty");
    std::set<std::string> sources;
    index::EraseReport report;
    SL_RETURN_IF_ERROR(Delete({collection, document_id}, sources, [&]() -> absl::Status {
      std::vector<std::string> ids = {document_id};
      SL_ASSIGN_OR_RETURN(const index::Document stored,
                          corpus_.GetDocument(collection, document_id));
      if (MayHaveMembers(stored.media_type)) {
        SL_ASSIGN_OR_RETURN(const std::vector<std::string> members,
                            FindMembers(corpus_, stored, {}));
        ids.insert(ids.end(), members.begin(), members.end());
      }
      SL_ASSIGN_OR_RETURN(report, corpus_.Erase(collection, ids, options));
      return absl::OkStatus();
    }));
    return report;
  }

  absl::Status DeleteCollection(const std::string& collection) {
    std::set<std::string> sources;
    return Delete({collection, ""}, sources, [&] { return corpus_.DeleteCollection(collection); });
  }

  RemoteJobs* remote() {
    absl::MutexLock lock(&mu_);
    return threads_.empty() ? nullptr : remote_.get();
  }

  void CloseLeases() {
    if (remote_ != nullptr) remote_->Close();
  }

  void Drain(absl::Time deadline) {
    CloseLeases();
    queue_.Drain(deadline);
  }

  IngestCounters counters() const {
    absl::MutexLock lock(&mu_);
    IngestCounters out = counters_;
    out.waiting = queue_.waiting();
    out.running = queue_.running();
    return out;
  }

  std::vector<StageWork> stages() const {
    std::vector<StageWork> out = media_.stages();
    for (const StageClock* clock : {&shared_.tokenize, &shared_.embed, &shared_.commit}) {
      out.push_back(clock->work());
    }
    return out;
  }

 private:
  absl::Status ForEachJob(index::JobState state, absl::FunctionRef<absl::Status(index::Job)> body) {
    std::string token;
    do {
      SL_ASSIGN_OR_RETURN(auto page, corpus_.ListJobs("", state, kListPage, token));
      for (index::Job& job : page.items) SL_RETURN_IF_ERROR(body(std::move(job)));
      token = std::move(page.next_token);
    } while (!token.empty());
    return absl::OkStatus();
  }

  absl::Status Requeue(index::Job job) {
    auto options = DecodeJobOptions(job.options_json);
    if (!options.ok()) {
      job.state = index::JobState::kFailed;
      job.failures = {FailureOf(0, options.status())};
      return corpus_.PutJob(job);
    }
    queue_.Restore({.job = std::move(job), .options = *std::move(options)});
    return absl::OkStatus();
  }

  absl::StatusOr<index::Collection> FindCollection(const IngestRequest& request) {
    auto collection = corpus_.GetCollection(request.collection);
    if (absl::IsNotFound(collection.status()) && request.create_collection) {
      collection = corpus_.CreateCollection(request.collection, encoder_.info().fingerprint,
                                            DefaultDimension(encoder_));
      // Another request made it in between.
      if (absl::IsAlreadyExists(collection.status())) {
        collection = corpus_.GetCollection(request.collection);
      }
    }
    if (!collection.ok()) return collection.status();
    SL_RETURN_IF_ERROR(CheckModel(*collection, encoder_));
    return collection;
  }

  // Hands a stored job, whose place in the queue is reserved, to the workers.
  std::string Accept(QueuedJob queued) {
    const std::string id = queued.job.id;
    if (queued.callbacks.on_accepted) queued.callbacks.on_accepted(id, queued.job.document_id);
    queue_.Push(std::move(queued));
    return id;
  }

  static QueuedJob NewJob(const IngestRequest& request, const std::string& content_hash,
                          int64_t bytes) {
    const absl::Time now = absl::Now();
    QueuedJob queued;
    queued.job.id = NewJobId(now);
    queued.job.collection = request.collection;
    queued.job.document_id =
        request.document_id.empty() ? DocumentIdFor(request.source) : request.document_id;
    queued.job.source = request.source;
    queued.job.created = queued.job.updated = now;
    queued.options.media_type = request.media_type;
    queued.options.metadata_json = request.metadata_json;
    queued.options.force = request.force;
    queued.options.content_hash = content_hash;
    queued.options.bytes = bytes;
    queued.options.etag = request.etag;
    queued.options.last_modified = request.last_modified;
    queued.options.enrichment = request.enrichment;
    queued.password = request.password;
    return queued;
  }

  // The stored document, when it is sure already that the job changes nothing: its bytes then need
  // not be written to disk first.
  std::optional<index::Document> FindUnchanged(const index::Collection& collection,
                                               const QueuedJob& queued) const {
    if (queue_.HasUnfinished(queued.job.collection, queued.job.document_id)) return std::nullopt;
    auto stored = corpus_.GetDocument(queued.job.collection, queued.job.document_id);
    const std::string fingerprint = PipelineFingerprint(
        options_, collection, queued.options, queued.job.source, media_.settings(), generator_);
    if (!stored.ok() || !IsUnchanged(*stored, queued.job, queued.options, fingerprint)) {
      return std::nullopt;
    }
    return *std::move(stored);
  }

  absl::Status StoreNew(QueuedJob& queued, absl::string_view bytes) {
    const StageClock::Work work(shared_.commit);
    if (queued.unchanged.has_value()) {
      SL_RETURN_IF_ERROR(runner_.NoteVersion(queued.options, *queued.unchanged));
      queued.job.state = index::JobState::kDone;
      return corpus_.PutJob(queued.job);
    }
    queued.job.spool_path = queued.job.id;
    SL_RETURN_IF_ERROR(spool_.Write(queued.job.spool_path, bytes));
    const absl::Status status = corpus_.PutJob(queued.job);
    if (!status.ok()) spool_.Remove(queued.job.spool_path);
    return status;
  }

  // Ends the jobs of `scope`, then runs `body`, which may look at their `sources`. Each job's end
  // is stored first: a crash in between must not bring back what was deleted.
  absl::Status Delete(const DocumentScope& scope, std::set<std::string>& sources,
                      absl::FunctionRef<absl::Status()> body) {
    const JobQueue::Withdrawn withdrawn = queue_.Block(scope);
    const auto unblock = absl::MakeCleanup([&] { queue_.Unblock(scope); });
    for (const QueuedJob& queued : withdrawn.waiting) sources.insert(queued.job.source);
    for (const index::Job& job : withdrawn.running) sources.insert(job.source);
    absl::Status status = StoreDeleted(withdrawn);
    if (status.ok()) status = runner_.ForgetFailed(scope);
    if (status.ok()) {
      for (const QueuedJob& queued : withdrawn.waiting) spool_.Remove(queued.job.spool_path);
      status = body();
    }
    for (const QueuedJob& queued : withdrawn.waiting) Tell(queued, DeletedResult(queued.job));
    return status;
  }

  absl::Status StoreDeleted(const JobQueue::Withdrawn& withdrawn) {
    for (const QueuedJob& queued : withdrawn.waiting) {
      SL_RETURN_IF_ERROR(corpus_.PutJob(DeletedJob(queued.job)));
    }
    for (const index::Job& job : withdrawn.running) {
      SL_RETURN_IF_ERROR(corpus_.PutJob(DeletedJob(job)));
    }
    return absl::OkStatus();
  }

  void Sweep() {
    while (!stopped_.WaitForNotificationWithTimeout(kSweep)) remote_->Sweep();
  }

  void Work(const JobFilter& filter) {
    while (const auto running = queue_.Take(filter)) {
      const std::optional<IngestResult> result = runner_.Run(*running);
      if (result.has_value()) Tell(running->queued, *result);
      queue_.Finish(running);
    }
  }

  void Tell(const QueuedJob& queued, const IngestResult& result) {
    Count(result);
    if (queued.callbacks.on_finished) queued.callbacks.on_finished(result);
  }

  void Count(const IngestResult& result) {
    absl::MutexLock lock(&mu_);
    switch (result.outcome) {
      case Outcome::kIndexed: ++counters_.indexed; break;
      case Outcome::kPartial: ++counters_.partial; break;
      case Outcome::kUnchanged: ++counters_.unchanged; return;
      case Outcome::kFailed: ++counters_.failed; return;
    }
    counters_.pages += result.document.pages;
    counters_.passages += result.document.passages;
    counters_.bytes += result.document.bytes;
  }

  const IngestOptions options_;
  index::Corpus& corpus_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  model::Generator* const generator_;  // may be null
  const Spool spool_;
  FailedFiles failed_;
  JobQueue queue_;
  SharedStages shared_;
  JobRunner runner_;
  std::unique_ptr<RemoteJobs> remote_;  // null: only workers here
  absl::Notification stopped_;
  mutable absl::Mutex mu_;
  IngestCounters counters_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<Ingestor>> Ingestor::Create(
    const IngestOptions& options, const std::string& spool_path, index::Corpus& corpus,
    model::Encoder& encoder, media::MediaClient& media, model::Generator* generator) {
  SL_RETURN_IF_ERROR(CheckOptions(options));
  SL_ASSIGN_OR_RETURN(Spool spool, Spool::Open(spool_path));
  auto impl = std::make_unique<Impl>(options, std::move(spool), corpus, encoder, media, generator);
  SL_RETURN_IF_ERROR(impl->Recover());
  return std::unique_ptr<Ingestor>(new Ingestor(std::move(impl)));
}

Ingestor::Ingestor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ingestor::~Ingestor() = default;

absl::Status Ingestor::Start() { return impl_->Start(); }

absl::StatusOr<std::string> Ingestor::Submit(const IngestRequest& request, std::string bytes,
                                             IngestCallbacks callbacks) {
  return impl_->Submit(request, std::move(bytes), std::move(callbacks));
}

std::optional<index::Document> Ingestor::FindUnchanged(const IngestRequest& request) const {
  return impl_->FindUnchanged(request);
}

absl::StatusOr<std::string> Ingestor::SubmitUnchanged(const IngestRequest& request,
                                                      const index::Document& stored,
                                                      IngestCallbacks callbacks) {
  return impl_->SubmitUnchanged(request, stored, std::move(callbacks));
}

absl::Status Ingestor::Retry(const std::string& job_id) { return impl_->Retry(job_id); }

absl::StatusOr<int> Ingestor::DeleteDocument(const std::string& collection,
                                             const std::string& document_id) {
  return impl_->DeleteDocument(collection, document_id);
}

absl::StatusOr<index::EraseReport> Ingestor::EraseDocument(const std::string& collection,
                                                           const std::string& document_id,
                                                           const index::EraseOptions& options) {
  return impl_->EraseDocument(collection, document_id, options);
}

absl::Status Ingestor::DeleteCollection(const std::string& collection) {
  return impl_->DeleteCollection(collection);
}

RemoteJobs* Ingestor::remote() { return impl_->remote(); }

void Ingestor::CloseLeases() { impl_->CloseLeases(); }

void Ingestor::Drain(absl::Time deadline) { impl_->Drain(deadline); }

IngestCounters Ingestor::counters() const { return impl_->counters(); }

std::vector<StageWork> Ingestor::stages() const { return impl_->stages(); }

std::string DocumentIdFor(absl::string_view source) { return ContentHash(source).substr(0, 32); }

int DefaultDimension(const model::Encoder& encoder) { return std::min(1024, encoder.dimension()); }

}  // namespace sightline::ingest
