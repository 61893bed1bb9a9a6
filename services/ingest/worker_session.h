#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "ingest/document_reader.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "services/ingest/worker_client.h"
#include "sightline/v1/worker.pb.h"

namespace sightline::services {

// How a worker's job ended, for people and for machines.
struct WorkedJob {
  v1::Job job;
  // "indexed", "unchanged", "partial", "failed" as the server says; "lost" when the lease was;
  // "released" when the worker was told to stop; "refused" when the server did not take the result.
  std::string outcome;
  int pages = 0;
  int passages = 0;
  absl::Duration took;
  std::string error;  // why, where it is none of the first three
};

struct WorkerOptions {
  std::string name;         // of this worker, for people
  int jobs = 1;             // at once, >= 1
  media::MediaOptions own;  // of the media client, what is not the server's to say
};

// Works for one server until told to stop: leases jobs, reads their documents, hands in what it
// read. Keeps nothing on disk.
class WorkerSession {
 public:
  // All outlive the session; `generator` may be null. `on_job` is called from any thread, one call
  // at a time.
  WorkerSession(const WorkerOptions& options, WorkerClient& client, model::Encoder& encoder,
                model::Generator* generator, std::function<void(const WorkedJob&)> on_job);

  // Returns OK once `stop` was notified and Stop of the client was called; jobs under way are given
  // back. While the server is away it is asked again. kFailedPrecondition: this worker is not one
  // for that server; kUnimplemented: the server takes no workers.
  absl::Status Run(const absl::Notification& stop);

 private:
  // Until `stop`, or the server reads documents in another way.
  absl::Status Work(const v1::Pipeline& pipeline, const absl::Notification& stop);
  absl::Status WorkLoop(const v1::Pipeline& pipeline, const v1::LeaseJobRequest& request,
                        const ingest::DocumentReader& reader, const absl::Notification& stop);
  WorkedJob Do(const WorkerClient::Leased& leased, absl::Duration lease_length,
               const ingest::DocumentReader& reader, const absl::Notification& stop);
  void Tell(const WorkedJob& job);

  const WorkerOptions options_;
  WorkerClient& client_;
  model::Encoder& encoder_;
  model::Generator* const generator_;
  absl::Mutex mu_;  // one call of on_job_ at a time
  const std::function<void(const WorkedJob&)> on_job_;
};

}  // namespace sightline::services
