#pragma once

#include "absl/time/time.h"
#include "cli/eval_latency.h"
#include "cli/eval_options.h"
#include "cli/eval_session.h"
#include "cli/json_text.h"

namespace sightline::cli {

// Adds to `details` what there is to say of a run whatever its dataset: controls, latencies, times
// (of the ingest, and in all since `start`), the model, where things are kept. Returns `details`.
JsonObject& AddRun(const EvalOptions& options, const EvalSession& session,
                   const Latencies& latencies, double ingest_seconds, absl::Time start,
                   JsonObject& details);

}  // namespace sightline::cli
