#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "services/edge/metrics.h"

namespace sightline::edge {

// One stage of a request and how long it took.
using Stages = std::vector<std::pair<std::string, double>>;  // name, milliseconds

// Hands the stage times of a request to its log line, and over gRPC to the client too, as the
// trailing metadata "server-timing". Call once, in the handler.
void ReportStages(grpc::ServerContext& context, const Stages& stages);

// One request, from its beginning to its end: counted, timed, and told of by one line of the log.
// One thread at a time.
class RequestRecord {
 public:
  // `method` is "/package.Service/Method". `metrics` outlives it.
  RequestRecord(Metrics& metrics, absl::string_view method);
  // A request that came to no end was cancelled.
  ~RequestRecord() { End(absl::StatusCode::kCancelled, ""); }
  RequestRecord(const RequestRecord&) = delete;
  RequestRecord& operator=(const RequestRecord&) = delete;

  // Only the first call counts.
  void End(absl::StatusCode code, absl::string_view stages);

 private:
  Metrics& metrics_;
  const std::string method_;
  const log::Level level_;
  const absl::Time start_;
  bool ended_ = false;
};

// Counts, times and logs every request of every service: one line with method, code, milliseconds
// and stages when it ends. Health checks are counted and logged at debug level only. `metrics`
// outlives the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRequestLog(
    Metrics& metrics);

}  // namespace sightline::edge
