#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ingest/media/media_client.h"
#include "model/load.h"
#include "services/edge/shutdown_signals.h"

namespace sightline::services {

struct WorkerToolOptions {
  std::string server;  // HOST:PORT or unix:PATH
  int jobs = 1;        // at once
  bool json = false;
  media::MediaOptions media;  // of it the program and what its children may take
};

// Takes --jobs and --json out of `words`. kInvalidArgument: not a number of jobs.
absl::Status TakeWorkerOptions(std::vector<std::string>& words, WorkerToolOptions& options);

// Works for a server until the first signal, and prints one line a job. kFailedPrecondition: the
// model or this program is another than the server's; kUnimplemented: that server takes no workers.
absl::Status RunWorker(const WorkerToolOptions& options, const model::LoadedModel& model,
                       edge::ShutdownSignals& signals);

}  // namespace sightline::services
