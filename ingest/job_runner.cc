#include "ingest/job_runner.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "ingest/members.h"
#include "ingest/pipeline.h"

namespace sightline::ingest {

index::Job DeletedJob(index::Job job) {
  job.state = index::JobState::kFailed;
  job.failures = {{.page = 0,
                   .reason = "deleted",
                   .message = "the document was deleted before its ingest was done"}};
  job.spool_path.clear();
  job.updated = absl::Now();
  return job;
}

IngestResult DeletedResult(const index::Job& job) {
  const index::Job deleted = DeletedJob(job);
  IngestResult result = {.outcome = Outcome::kFailed, .job_id = job.id};
  result.document.id = job.document_id;
  result.document.collection = job.collection;
  result.document.source = job.source;
  result.document.state = index::DocumentState::kFailed;
  result.document.failures = deleted.failures;
  result.status = WithReason(absl::AbortedError(deleted.failures.front().message), "deleted");
  return result;
}

JobRunner::JobRunner(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
                     media::MediaClient& media, model::Generator* generator, const Spool& spool,
                     FailedFiles& failed, JobQueue& queue, SharedStages& shared)
    : options_(options),
      corpus_(corpus),
      encoder_(encoder),
      media_(media),
      generator_(generator),
      spool_(spool),
      failed_(failed),
      queue_(queue),
      shared_(shared) {}

std::optional<IngestResult> JobRunner::Run(RunningJob& running) {
  Assignment assignment = Begin(running);
  if (assignment.file == nullptr) return End(running, std::move(assignment), {});
  MemberFiler filer = FilerOf(running, assignment);
  const DocumentReader reader(options_, encoder_, media_, generator_, shared_);
  Reading reading = reader.Read(assignment.task, assignment.file->bytes(), filer, running.cancel,
                                running.queued.callbacks.on_progress);
  reading.is_complete = reading.is_complete && filer.is_complete();
  return End(running, std::move(assignment), std::move(reading));
}

MemberFiler JobRunner::FilerOf(RunningJob& running, const Assignment& assignment) {
  return MemberFiler(options_, media_.settings(), generator_, assignment.collection, corpus_,
                     queue_, shared_, running);
}

Assignment JobRunner::Begin(RunningJob& running) {
  const QueuedJob& queued = running.queued;
  const index::Job& job = queued.job;
  const JobOptions& options = queued.options;
  Assignment out;
  if (queued.unchanged.has_value()) {
    out.is_unchanged = true;
    out.task.document = *queued.unchanged;
    return out;
  }
  index::Document& document = out.task.document;
  document.id = job.document_id;
  document.collection = job.collection;
  document.source = job.source;
  document.media_type = options.media_type;
  document.content_hash = options.content_hash;
  document.metadata_json = options.metadata_json;
  document.bytes = options.bytes;
  document.etag = options.etag;
  document.last_modified = options.last_modified;
  out.task.media_type = options.media_type;
  out.task.password = queued.password;
  out.task.enrichment = options.enrichment;

  auto collection = corpus_.GetCollection(job.collection);
  out.status = collection.status();
  if (out.status.ok()) out.status = CheckModel(*collection, encoder_);
  if (!out.status.ok()) return out;
  out.collection = *std::move(collection);
  out.task.dimension = out.collection.dimension;
  out.task.patches = out.collection.patches != index::PatchCodes::kNone;
  document.pipeline_fingerprint = PipelineFingerprint(options_, out.collection, options, job.source,
                                                      media_.settings(), generator_);
  auto stored = corpus_.GetDocument(job.collection, job.document_id);
  if (stored.ok() && IsUnchanged(*stored, job, options, document.pipeline_fingerprint)) {
    out.is_unchanged = true;
    document = *std::move(stored);
    return out;
  }
  if (stored.ok()) out.before = *std::move(stored);
  out.status = StoreRunning(running);
  if (!out.status.ok()) return out;
  auto file = OpenBytes(running);
  out.status = file.status();
  if (file.ok()) out.file = *std::move(file);
  return out;
}

std::optional<IngestResult> JobRunner::End(RunningJob& running, Assignment assignment,
                                           Reading reading) {
  const QueuedJob& queued = running.queued;
  if (queued.unchanged.has_value()) {
    return IngestResult{
        .outcome = Outcome::kUnchanged, .job_id = queued.job.id, .document = *queued.unchanged};
  }
  if (!assignment.status.ok()) {
    reading.write = assignment.status;
  } else if (const absl::Status gone = DropGoneMembers(running, assignment, reading); !gone.ok()) {
    reading.write = gone;
  }
  assignment.file.reset();
  index::Job job = queued.job;
  job.attempts += 1 + reading.repeats;
  if (!queue_.BeginStore(running)) {
    if (queue_.EndOf(running) == RunningJob::End::kStopped) return std::nullopt;
    spool_.Remove(queued.job.spool_path);
    return DeletedResult(queued.job);
  }
  const auto end = absl::MakeCleanup([&] { queue_.EndStore(running, /*settled=*/true); });
  job.updated = absl::Now();
  return Store(queued, std::move(job), std::move(assignment), std::move(reading));
}

// What an earlier version of the file had and this one has not.
absl::Status JobRunner::DropGoneMembers(RunningJob& running, const Assignment& assignment,
                                        const Reading& reading) {
  const auto& before = assignment.before;
  if (!before.has_value() || !MayHaveMembers(before->media_type) || !reading.write.ok() ||
      !reading.is_complete || reading.write->document.state == index::DocumentState::kFailed) {
    return absl::OkStatus();
  }
  if (!queue_.BeginStore(running)) return absl::CancelledError("told to end");
  const absl::Status deleted = DeleteMembers(corpus_, *before, reading.member_ids);
  queue_.EndStore(running, /*settled=*/false);
  return deleted;
}

absl::StatusOr<std::unique_ptr<MappedFile>> JobRunner::OpenBytes(const RunningJob& running) const {
  const QueuedJob& queued = running.queued;
  auto file = spool_.Map(queued.job.spool_path);
  if (absl::IsNotFound(file.status())) {
    return WithReason(absl::DataLossError("the bytes of this job are gone; send the file again"),
                      "bytes_missing");
  }
  if (file.ok() && ContentHash((*file)->bytes()) != queued.options.content_hash) {
    return WithReason(
        absl::DataLossError("the stored bytes of this job are not those sent; send the file again"),
        "bytes_damaged");
  }
  return file;
}

absl::Status JobRunner::StoreRunning(RunningJob& running) {
  index::Job job = running.queued.job;
  job.state = index::JobState::kRunning;
  job.updated = absl::Now();
  if (!queue_.BeginStore(running)) return absl::CancelledError("told to end");
  const absl::Status status = PutJob(job);
  queue_.EndStore(running, /*settled=*/false);
  return status;
}

absl::Status JobRunner::PutJob(const index::Job& job) {
  const StageClock::Work work(shared_.commit);
  return corpus_.PutJob(job);
}

absl::StatusOr<index::Document> JobRunner::Put(index::DocumentWrite write) {
  StageClock::Work work(shared_.commit);
  SL_ASSIGN_OR_RETURN(index::Document stored, corpus_.PutDocument(std::move(write)));
  work.Done(1, stored.bytes);
  return stored;
}

IngestResult JobRunner::Store(const QueuedJob& queued, index::Job job, Assignment assignment,
                              Reading reading) {
  index::Document& document = assignment.task.document;
  if (assignment.is_unchanged) return StoreUnchanged(queued, std::move(job), std::move(document));
  if (!reading.write.ok()) {
    return StoreFailed(queued, std::move(job), std::move(document), reading.write.status());
  }
  index::DocumentWrite& write = *reading.write;
  if (write.document.state == index::DocumentState::kFailed) {
    const absl::Status status = NothingRead(write.document);
    return StoreFailed(queued, std::move(job), std::move(write.document), status);
  }
  index::Job done = job;
  done.state = index::JobState::kDone;
  done.failures = write.document.failures;
  done.spool_path.clear();
  write.job = done;
  auto stored = Put(std::move(write));
  if (!stored.ok()) {
    return StoreFailed(queued, std::move(job), std::move(document), stored.status());
  }
  spool_.Remove(job.spool_path);
  // An older file must not come back over this one through Retry.
  const absl::Status forgotten = ForgetFailed({job.collection, job.document_id});
  if (!forgotten.ok()) log::Warning("old failed jobs stay", {{"error", forgotten.ToString()}});
  return {.outcome = stored->state == index::DocumentState::kPartial ? Outcome::kPartial
                                                                     : Outcome::kIndexed,
          .job_id = job.id,
          .document = *std::move(stored)};
}

absl::Status JobRunner::NoteVersion(const JobOptions& options, const index::Document& stored) {
  const bool known = !options.etag.empty() || !options.last_modified.empty();
  if (!known || (options.etag == stored.etag && options.last_modified == stored.last_modified)) {
    return absl::OkStatus();
  }
  return corpus_.SetValidators(stored, options.etag, options.last_modified);
}

IngestResult JobRunner::StoreUnchanged(const QueuedJob& queued, index::Job job,
                                       index::Document stored) {
  const absl::Status noted = NoteVersion(queued.options, stored);
  // Its bytes are fetched once more then, to the same end.
  if (!noted.ok()) log::Warning("a document's ETag was not stored", {{"error", noted.ToString()}});
  const std::string file = std::exchange(job.spool_path, "");
  job.state = index::JobState::kDone;
  const absl::Status status = PutJob(job);
  // A job that could not be stored as done is looked at again, to the same end, by the next run.
  if (status.ok()) spool_.Remove(file);
  return {.outcome = Outcome::kUnchanged, .job_id = job.id, .document = std::move(stored)};
}

IngestResult JobRunner::StoreFailed(const QueuedJob& queued, index::Job job,
                                    index::Document document, const absl::Status& status) {
  document.state = index::DocumentState::kFailed;
  if (document.failures.empty()) document.failures.push_back(FailureOf(0, status));
  job.state = index::JobState::kFailed;
  job.failures = document.failures;
  std::string dropped;
  if (!spool_.Holds(job.spool_path) || !failed_.Add(job, queued.options.bytes)) {
    dropped = std::exchange(job.spool_path, "");
  }
  absl::Status stored = absl::UnknownError("not tried");
  if (!IsSearchable(corpus_.GetDocument(job.collection, job.document_id))) {
    index::DocumentWrite write;
    write.document = document;
    write.job = job;
    auto written = Put(std::move(write));
    stored = written.status();
    if (written.ok()) document = *std::move(written);
  }
  // The earlier version stays searchable, or the document cannot be stored at all (its collection
  // is gone).
  if (!stored.ok()) stored = PutJob(job);
  if (stored.ok()) {
    spool_.Remove(dropped);
  } else {
    // The store has it as unfinished still, so the next run takes it up.
    failed_.Take(job.id);
    log::Error("a failed job could not be stored", {{"job", job.id}, {"error", stored.ToString()}});
  }
  return {.outcome = Outcome::kFailed,
          .job_id = job.id,
          .document = std::move(document),
          .status = status};
}

absl::Status JobRunner::ForgetFailed(const DocumentScope& scope) {
  for (const std::string& id : failed_.TakeAll(scope)) {
    SL_ASSIGN_OR_RETURN(index::Job job, corpus_.GetJob(id));
    const std::string file = std::exchange(job.spool_path, "");
    SL_RETURN_IF_ERROR(PutJob(job));
    spool_.Remove(file);
  }
  return absl::OkStatus();
}

}  // namespace sightline::ingest
