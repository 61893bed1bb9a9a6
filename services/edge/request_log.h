#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/edge/metrics.h"

namespace sightline::edge {

// One stage of a request and how long it took.
using Stages = std::vector<std::pair<std::string, double>>;  // name, milliseconds

// Hands the stage times of a request to its log line, through the trailing metadata "server-timing"
// (which clients may read as well). Call once, in the handler.
void ReportStages(grpc::ServerContext& context, const Stages& stages);

// Counts, times and logs every request of every service: one line with method, code, milliseconds
// and stages when it ends. Health checks are counted and logged at debug level only. `metrics`
// outlives the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRequestLog(
    Metrics& metrics);

}  // namespace sightline::edge
