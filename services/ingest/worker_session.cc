#include "services/ingest/worker_session.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "ingest/pipeline.h"
#include "ingest/shared_stages.h"
#include "services/edge/error_details.h"
#include "services/ingest/lease_keeper.h"
#include "services/ingest/worker_convert.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(10);
constexpr int64_t kWaitMs = 20'000;  // for a job, each time

// Waits longer each time in a row.
class Pauses {
 public:
  void Reset() { next_ = kFirstPause; }
  void Wait(const absl::Notification& stop) {
    stop.WaitForNotificationWithTimeout(next_);
    next_ = std::min(next_ * 2, kLongestPause);
  }

 private:
  absl::Duration next_ = kFirstPause;
};

// Hands a document's members in as they are read.
class RemoteSink final : public ingest::MemberSink {
 public:
  RemoteSink(WorkerClient& client, const std::string& lease, const model::CancelFlag& cancel)
      : client_(client), lease_(lease), cancel_(cancel) {}

  absl::StatusOr<bool> Holds(std::span<const std::string> path,
                             const index::Document& member) override {
    auto held = client_.HoldsMember(lease_, ToMember(path, member), cancel_);
    return held.ok() ? held : Over(held.status());
  }

  absl::Status Put(std::span<const std::string> path, const index::Document& member,
                   absl::StatusOr<index::DocumentWrite> write) override {
    const auto end = client_.PutMember(lease_, ToMember(path, member), write, cancel_);
    return end.ok() ? end->status : Over(end.status());
  }

  // Why the lease was over at a member; OK when it was not.
  const absl::Status& over() const { return over_; }

 private:
  // Without its lease the reading is of no use.
  absl::Status Over(const absl::Status& status) {
    over_ = status;
    return absl::CancelledError("the lease is over");
  }

  WorkerClient& client_;
  const std::string& lease_;
  const model::CancelFlag& cancel_;
  absl::Status over_;
};

std::string OutcomeName(v1::IngestOutcome outcome) {
  switch (outcome) {
    case v1::INGEST_OUTCOME_INDEXED: return "indexed";
    case v1::INGEST_OUTCOME_UNCHANGED: return "unchanged";
    case v1::INGEST_OUTCOME_PARTIAL: return "partial";
    default: return "failed";
  }
}

// Of a lease that ended without an outcome.
std::string EndName(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? "refused" : "lost";
}

std::string FirstFault(const ingest::Reading& reading) {
  if (!reading.write.ok()) return std::string(reading.write.status().message());
  const auto& failures = reading.write->document.failures;
  return failures.empty() ? "" : failures.front().message;
}

}  // namespace

WorkerSession::WorkerSession(const WorkerOptions& options, WorkerClient& client,
                             model::Encoder& encoder, model::Generator* generator,
                             std::function<void(const WorkedJob&)> on_job)
    : options_(options),
      client_(client),
      encoder_(encoder),
      generator_(generator),
      on_job_(std::move(on_job)) {}

absl::Status WorkerSession::Run(const absl::Notification& stop) {
  Pauses pauses;
  while (!stop.HasBeenNotified()) {
    const auto pipeline = client_.GetPipeline(encoder_.info().fingerprint);
    if (pipeline.ok()) {
      pauses.Reset();
      SL_RETURN_IF_ERROR(Work(*pipeline, stop));
    } else if (ingest::IsTransient(pipeline.status())) {
      log::Warning("the server is away", {{"why", pipeline.status().message()}});
      pauses.Wait(stop);
    } else {
      return pipeline.status();
    }
  }
  return absl::OkStatus();
}

absl::Status WorkerSession::Work(const v1::Pipeline& pipeline, const absl::Notification& stop) {
  media::MediaOptions media_options = MediaOptionsFrom(pipeline, options_.own);
  media_options.workers = options_.jobs;
  auto media = media::MediaClient::Create(media_options);
  if (!media.ok()) return Annotate(media.status(), "media");
  const ingest::IngestOptions reading = ReaderOptionsFrom(pipeline);
  // Another generator than the server's would find other things.
  const bool enriches = ingest::GeneratorFingerprint(generator_) == pipeline.generator();
  model::Generator* const generator = enriches ? generator_ : nullptr;
  v1::LeaseJobRequest request;
  request.set_worker_id(options_.name);
  request.set_model_fingerprint(encoder_.info().fingerprint);
  request.set_pipeline_id(pipeline.id());
  request.set_reading(ingest::ReadingFingerprint(reading, **media));
  request.set_generator(ingest::GeneratorFingerprint(generator));
  request.set_wait_ms(kWaitMs);
  ingest::SharedStages shared(reading, options_.jobs);
  const ingest::DocumentReader reader(reading, encoder_, **media, generator, shared);
  log::Info("working",
            {{"jobs", options_.jobs}, {"enriches", request.generator().empty() ? "no" : "yes"}});
  std::vector<absl::Status> ends(static_cast<size_t>(options_.jobs));
  std::vector<std::thread> threads;
  for (absl::Status& end : ends) {
    threads.emplace_back([&] { end = WorkLoop(pipeline, request, reader, stop); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& end : ends) SL_RETURN_IF_ERROR(end);
  return absl::OkStatus();
}

absl::Status WorkerSession::WorkLoop(const v1::Pipeline& pipeline,
                                     const v1::LeaseJobRequest& request,
                                     const ingest::DocumentReader& reader,
                                     const absl::Notification& stop) {
  Pauses pauses;
  while (!stop.HasBeenNotified()) {
    const auto leased = client_.Lease(request);
    if (leased.ok()) {
      pauses.Reset();
      Tell(Do(*leased, absl::Milliseconds(pipeline.lease_ms()), reader, stop));
      continue;
    }
    const absl::Status& status = leased.status();
    if (absl::IsCancelled(status) || edge::Reason(status) == "pipeline_changed") break;
    if (absl::IsDeadlineExceeded(status)) {
      pauses.Reset();  // no job came
    } else if (absl::IsFailedPrecondition(status) || absl::IsUnimplemented(status) ||
               absl::IsInvalidArgument(status)) {
      return status;
    } else {
      log::Warning("no job from the server", {{"why", status.message()}});
      pauses.Wait(stop);
    }
  }
  return absl::OkStatus();
}

WorkedJob WorkerSession::Do(const WorkerClient::Leased& leased, absl::Duration lease_length,
                            const ingest::DocumentReader& reader, const absl::Notification& stop) {
  const absl::Time began = absl::Now();
  const std::string& lease = leased.lease.lease_id();
  LeaseKeeper keeper(client_, lease, lease_length, stop);
  RemoteSink sink(client_, lease, keeper.cancel());
  ingest::Reading reading =
      reader.Read(ReadTaskFrom(leased.lease), leased.bytes, sink, keeper.cancel(),
                  [&](const ingest::Progress& progress) { keeper.Tell(progress); });
  WorkedJob out;
  out.job = leased.lease.job();
  if (reading.write.ok()) {
    out.pages = reading.write->document.pages;
    out.passages = static_cast<int>(reading.write->passages.size());
  }
  absl::Status status = sink.over();
  if (status.ok() && keeper.cancel()->HasBeenNotified()) status = absl::AbortedError("it ran out");
  if (status.ok()) {
    const auto outcome = client_.Report(lease, reading, keeper.cancel());
    status = outcome.status();
    if (outcome.ok()) out.outcome = OutcomeName(*outcome);
  }
  if (status.ok()) {
    if (out.outcome == "failed" || out.outcome == "partial") out.error = FirstFault(reading);
  } else if (stop.HasBeenNotified() && client_.Release(lease).ok()) {
    out.outcome = "released";
  } else {
    out.outcome = EndName(status);
    out.error = std::string(status.message());
  }
  out.took = absl::Now() - began;
  return out;
}

void WorkerSession::Tell(const WorkedJob& job) {
  absl::MutexLock lock(&mu_);
  on_job_(job);
}

}  // namespace sightline::services
