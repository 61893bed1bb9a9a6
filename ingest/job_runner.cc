#include "ingest/job_runner.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/status.h"
#include "index/names.h"
#include "ingest/document_builder.h"
#include "ingest/enricher.h"
#include "ingest/failure.h"
#include "ingest/members.h"

namespace sightline::ingest {
namespace {

// Raised whenever the same file would give other passages than before: a change of the decoders, of
// the cutting, of what is embedded, or of what is kept of pictures.
constexpr uint64_t kPipelineVersion = 4;

constexpr int kMaxNesting = 3;  // a file in an archive, in an archive, in an archive

// The last part of a path or URL.
std::string FileName(absl::string_view source) {
  if (source.find("://") != absl::string_view::npos) {
    source = source.substr(0, source.find_first_of("?#"));
  }
  return std::string(source.substr(source.find_last_of("/\\") + 1));
}

std::string Extension(absl::string_view source) {
  const std::string name = FileName(source);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : absl::AsciiStrToLower(name.substr(dot));
}

bool IsSearchable(const absl::StatusOr<index::Document>& document) {
  return document.ok() && (document->state == index::DocumentState::kIndexed ||
                           document->state == index::DocumentState::kPartial);
}

// Why a document that was read to its end has nothing to search.
absl::Status NothingRead(const index::Document& document) {
  const index::PageFailure& first = document.failures.front();
  const std::string message = first.page == 0 ? first.message
                                              : absl::StrCat("no page could be read; page ",
                                                             first.page, ": ", first.message);
  return WithReason(absl::InvalidArgumentError(message), first.reason);
}

}  // namespace

std::string PipelineFingerprint(const IngestOptions& options, const index::Collection& collection,
                                const JobOptions& job, const std::string& source,
                                const std::string& media_settings,
                                const model::Generator* generator) {
  Hasher hasher;
  hasher.AddNumber(kPipelineVersion)
      .AddField(collection.model_fingerprint)
      .AddNumber(static_cast<uint64_t>(collection.dimension))
      .AddNumber(static_cast<uint64_t>(options.passage_tokens))
      .AddNumber(static_cast<uint64_t>(options.overlap_tokens))
      .AddNumber(options.embed_page_pictures ? 1 : 0)
      .AddNumber(static_cast<uint64_t>(options.max_picture_bytes))
      // Among plain-text types these two decide how a file is read.
      .AddField(job.media_type)
      .AddField(Extension(source))
      .AddField(media_settings);
  if (!job.enrichment.empty()) {
    hasher.AddField(job.enrichment.extract_schema)
        .AddNumber(job.enrichment.summarize ? 1 : 0)
        .AddNumber(job.enrichment.tag ? 1 : 0)
        .AddField(generator == nullptr ? "" : generator->info().fingerprint);
  }
  return hasher.HexDigest();
}

bool IsUnchanged(const index::Document& stored, const index::Job& job, const JobOptions& options,
                 const std::string& fingerprint) {
  if (options.force || stored.state == index::DocumentState::kFailed ||
      stored.state == index::DocumentState::kQueued) {
    return false;
  }
  const bool mendable = std::any_of(
      stored.failures.begin(), stored.failures.end(),
      [](const index::PageFailure& failure) { return IsTransientReason(failure.reason); });
  return !mendable && stored.content_hash == options.content_hash &&
         stored.pipeline_fingerprint == fingerprint && stored.source == job.source &&
         SameMetadata(stored.metadata_json, options.metadata_json,
                      {.properties = HasProperties(stored.media_type),
                       .enrichment = !options.enrichment.empty()});
}

absl::Status CheckModel(const index::Collection& collection, const model::Encoder& encoder) {
  const model::ModelInfo& info = encoder.info();
  if (collection.model_fingerprint == info.fingerprint) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "collection ", collection.name, " holds vectors of the model ",
                        collection.model_fingerprint.substr(0, 12), ", this server runs ",
                        info.name, " (", info.fingerprint.substr(0, 12), ")")),
                    "model_mismatch");
}

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
                     FailedFiles& failed, JobQueue& queue)
    : options_(options),
      corpus_(corpus),
      encoder_(encoder),
      media_(media),
      generator_(generator),
      spool_(spool),
      failed_(failed),
      queue_(queue) {}

std::optional<IngestResult> JobRunner::Run(RunningJob& running) {
  const QueuedJob& queued = running.queued;
  if (queued.unchanged.has_value()) {
    return IngestResult{
        .outcome = Outcome::kUnchanged, .job_id = queued.job.id, .document = *queued.unchanged};
  }
  index::Job job = queued.job;
  Retry retry(options_.max_attempts, options_.first_backoff, running.cancel);
  Attempt attempt = Try(running, retry);
  job.attempts += 1 + retry.repeats();
  if (!queue_.BeginStore(running)) {
    if (queue_.EndOf(running) == RunningJob::End::kStopped) return std::nullopt;
    spool_.Remove(queued.job.spool_path);
    return DeletedResult(queued.job);
  }
  const auto end = absl::MakeCleanup([&] { queue_.EndStore(running, /*settled=*/true); });
  job.updated = absl::Now();
  return Store(queued, std::move(job), std::move(attempt));
}

JobRunner::Attempt JobRunner::Try(RunningJob& running, Retry& retry) {
  const index::Job& job = running.queued.job;
  const JobOptions& options = running.queued.options;
  Attempt attempt;
  index::Document& document = attempt.document;
  document.id = job.document_id;
  document.collection = job.collection;
  document.source = job.source;
  document.media_type = options.media_type;
  document.content_hash = options.content_hash;
  document.metadata_json = options.metadata_json;
  document.bytes = options.bytes;
  document.etag = options.etag;
  document.last_modified = options.last_modified;

  const auto collection = corpus_.GetCollection(job.collection);
  absl::Status status = collection.status();
  if (status.ok()) status = CheckModel(*collection, encoder_);
  if (!status.ok()) {
    attempt.write = status;
    return attempt;
  }
  document.pipeline_fingerprint = PipelineFingerprint(options_, *collection, options, job.source,
                                                      media_.settings(), generator_);
  auto stored = corpus_.GetDocument(job.collection, job.document_id);
  if (stored.ok() && IsUnchanged(*stored, job, options, document.pipeline_fingerprint)) {
    attempt.unchanged = true;
    document = *std::move(stored);
    return attempt;
  }
  attempt.write = Build(running, document, *collection, retry);
  return attempt;
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
  const absl::Status status = corpus_.PutJob(job);
  queue_.EndStore(running, /*settled=*/false);
  return status;
}

absl::StatusOr<index::DocumentWrite> JobRunner::Build(RunningJob& running,
                                                      const index::Document& document,
                                                      const index::Collection& collection,
                                                      Retry& retry) {
  SL_RETURN_IF_ERROR(StoreRunning(running));
  SL_ASSIGN_OR_RETURN(const auto file, OpenBytes(running));
  const auto before = corpus_.GetDocument(document.collection, document.id);
  Building building = {.running = running, .collection = collection, .retry = retry};
  auto write = Read(building, document, file->bytes(), 0);
  if (write.ok() && building.limit.ok() && building.is_complete && before.ok() &&
      write->document.state != index::DocumentState::kFailed &&
      MayHaveMembers(before->media_type)) {
    // What an earlier version of the file had and this one has not.
    if (!queue_.BeginStore(running)) return absl::CancelledError("told to end");
    const absl::Status deleted = DeleteMembers(corpus_, *before, building.member_ids);
    queue_.EndStore(running, /*settled=*/false);
    SL_RETURN_IF_ERROR(deleted);
  }
  return write;
}

absl::StatusOr<index::DocumentWrite> JobRunner::Read(Building& building,
                                                     const index::Document& document,
                                                     absl::string_view bytes, int depth) {
  RunningJob& running = building.running;
  const QueuedJob& queued = running.queued;
  DocumentBuilder builder(options_, building.collection, document, encoder_, media_, building.retry,
                          running.cancel);
  const media::ExtractOptions extract = {
      .media_type_hint = depth == 0 ? queued.options.media_type : "",
      .file_name = FileName(document.source),
      .password = queued.password,
      .render_pages = options_.embed_page_pictures};
  const auto tell = [&]() -> absl::Status {
    if (running.cancel->HasBeenNotified()) return absl::CancelledError("stopped");
    if (depth == 0 && queued.callbacks.on_progress) {
      queued.callbacks.on_progress(builder.progress());
    }
    return absl::OkStatus();
  };
  media::ExtractCallbacks callbacks;
  callbacks.on_info = [&](const media::DocumentInfo& info) -> absl::Status {
    SL_RETURN_IF_ERROR(builder.OnInfo(info));
    return tell();
  };
  callbacks.on_page = [&](media::ExtractedPage page) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    SL_RETURN_IF_ERROR(builder.OnPage(std::move(page)));
    return tell();
  };
  callbacks.on_figure = [&](media::ExtractedFigure figure) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    return builder.OnFigure(std::move(figure));
  };
  callbacks.on_frame = [&](media::ExtractedFrame frame) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    SL_RETURN_IF_ERROR(builder.OnFrame(std::move(frame)));
    return tell();
  };
  callbacks.on_step = tell;
  callbacks.on_member = [&](media::ExtractedMember member) -> absl::Status {
    SL_RETURN_IF_ERROR(tell());
    const absl::Status status = StoreMember(building, document, member, depth + 1);
    SL_RETURN_IF_ERROR(building.limit);
    if (absl::IsCancelled(status)) return status;
    builder.OnMember(member.path, status);
    return tell();
  };
  const absl::Status status = media_.Extract(bytes, extract, callbacks);
  // The members that came before it are kept.
  if (depth == 0 && !building.limit.ok()) {
    builder.OnMember("", building.limit);
  } else if (!status.ok()) {
    return status;
  }
  SL_ASSIGN_OR_RETURN(index::DocumentWrite write, builder.Finish());
  const Enrichment& wanted = queued.options.enrichment;
  // A job of before a restart may ask for what this server has no generator for.
  SL_RETURN_IF_ERROR(CheckEnrichment(wanted, generator_));
  if (!wanted.empty()) {
    SL_RETURN_IF_ERROR(Enricher(*generator_, media_).Enrich(wanted, running.cancel, write));
  }
  return write;
}

absl::Status JobRunner::StoreMember(Building& building, const index::Document& parent,
                                    const media::ExtractedMember& member, int depth) {
  // One that cannot be read is there all the same, and so is an earlier version of it.
  if (member.path.empty()) {
    building.is_complete = false;
  } else {
    building.member_ids.insert(MemberId(parent.id, member.path));
  }
  SL_RETURN_IF_ERROR(member.status);
  const media::MediaLimits& limits = media_.limits();
  building.member_bytes += static_cast<int64_t>(member.bytes.size());
  if (++building.members > limits.max_members) {
    building.limit = WithReason(absl::InvalidArgumentError(absl::StrCat(
                                    "it holds more than ", limits.max_members, " files")),
                                "too_many_members");
    return building.limit;
  }
  if (building.member_bytes > limits.max_unpacked_bytes) {
    building.limit =
        WithReason(absl::InvalidArgumentError(absl::StrCat("it unpacks to more than ",
                                                           limits.max_unpacked_bytes, " bytes")),
                   "inflate_limit");
    return building.limit;
  }
  if (depth > kMaxNesting) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat("in more than ", kMaxNesting,
                                                              " archives, one in the other")),
                      "nested_too_deep");
  }
  JobOptions options = building.running.queued.options;
  options.media_type.clear();
  options.content_hash = ContentHash(member.bytes);
  index::Document document;
  document.id = MemberId(parent.id, member.path);
  document.collection = parent.collection;
  document.source = MemberSource(parent.source, member.path);
  SL_RETURN_IF_ERROR(index::CheckSource(document.source));
  document.content_hash = options.content_hash;
  document.metadata_json = options.metadata_json;
  document.bytes = static_cast<int64_t>(member.bytes.size());
  document.pipeline_fingerprint = PipelineFingerprint(
      options_, building.collection, options, document.source, media_.settings(), generator_);
  const auto stored = corpus_.GetDocument(document.collection, document.id);
  index::Job job;
  job.source = document.source;
  // Of one with members of its own they have to be looked at.
  if (stored.ok() && !MayHaveMembers(stored->media_type) &&
      IsUnchanged(*stored, job, options, document.pipeline_fingerprint)) {
    return absl::OkStatus();
  }
  auto write = Read(building, document, member.bytes, depth);
  if (!building.limit.ok() || absl::IsCancelled(write.status())) return write.status();
  absl::Status status = write.status();
  if (write.ok() && write->document.state == index::DocumentState::kFailed) {
    status = NothingRead(write->document);
    document = write->document;
  }
  if (status.ok()) return StoreMemberWrite(building, *std::move(write));
  // As with files: an earlier version that can be searched stays, with what is in it.
  if (stored.ok() && MayHaveMembers(stored->media_type)) building.is_complete = false;
  if (!IsSearchable(stored)) {
    index::DocumentWrite failed;
    failed.document = document;
    failed.document.state = index::DocumentState::kFailed;
    if (failed.document.failures.empty()) failed.document.failures = {FailureOf(0, status)};
    SL_RETURN_IF_ERROR(StoreMemberWrite(building, std::move(failed)));
  }
  return status;
}

absl::Status JobRunner::StoreMemberWrite(Building& building, index::DocumentWrite write) {
  if (!queue_.BeginStore(building.running)) return absl::CancelledError("told to end");
  const absl::Status status = corpus_.PutDocument(std::move(write)).status();
  queue_.EndStore(building.running, /*settled=*/false);
  return status;
}

IngestResult JobRunner::Store(const QueuedJob& queued, index::Job job, Attempt attempt) {
  if (attempt.unchanged) return StoreUnchanged(std::move(job), std::move(attempt.document));
  if (!attempt.write.ok()) {
    return StoreFailed(queued, std::move(job), std::move(attempt.document), attempt.write.status());
  }
  index::DocumentWrite& write = *attempt.write;
  if (write.document.state == index::DocumentState::kFailed) {
    const absl::Status status = NothingRead(write.document);
    return StoreFailed(queued, std::move(job), std::move(write.document), status);
  }
  index::Job done = job;
  done.state = index::JobState::kDone;
  done.failures = write.document.failures;
  done.spool_path.clear();
  write.job = done;
  auto stored = corpus_.PutDocument(std::move(write));
  if (!stored.ok()) {
    return StoreFailed(queued, std::move(job), std::move(attempt.document), stored.status());
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

IngestResult JobRunner::StoreUnchanged(index::Job job, index::Document stored) {
  const std::string file = std::exchange(job.spool_path, "");
  job.state = index::JobState::kDone;
  const absl::Status status = corpus_.PutJob(job);
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
    auto written = corpus_.PutDocument(std::move(write));
    stored = written.status();
    if (written.ok()) document = *std::move(written);
  }
  // The earlier version stays searchable, or the document cannot be stored at all (its collection
  // is gone).
  if (!stored.ok()) stored = corpus_.PutJob(job);
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
    SL_RETURN_IF_ERROR(corpus_.PutJob(job));
    spool_.Remove(file);
  }
  return absl::OkStatus();
}

}  // namespace sightline::ingest
