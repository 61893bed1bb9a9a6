#include "cli/eval_run.h"

#include "absl/time/clock.h"
#include "cli/eval_pool.h"
#include "proto/reply_json.h"

namespace sightline::cli {

JsonObject& AddRun(const EvalOptions& options, const EvalSession& session,
                   const Latencies& latencies, double ingest_seconds, absl::Time start,
                   JsonObject& details) {
  const std::string& kept = session.kept_data();
  return details.Bool("shuffled", options.shuffled)
      .Bool("untrained", options.session.untrained)
      .Raw("latency_ms", latencies.Json())
      .Number("clients", kEvalClients)
      .Real("ingest_seconds", ingest_seconds)
      .Real("seconds", absl::ToDoubleSeconds(absl::Now() - start))
      .Raw("model", ModelJson(session.model()))
      .Raw("data", kept.empty() ? "null" : JsonString(kept))
      .Text("collection", session.collection());
}

}  // namespace sightline::cli
