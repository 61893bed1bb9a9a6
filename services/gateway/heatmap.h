#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// A heatmap as REST asks for it, ready for gRPC.
struct HeatmapRequest {
  v1::GetPassageHeatmapRequest request;
  absl::Time deadline;
  bool png = false;  // the reply is the drawing alone
};

// Reads GET and POST /v1/passages/{passage}/heatmap: the query is the parameter `query`, or a body
// as of POST /v1/search. The form is what `format` says, else a PNG where Accept names one.
// kInvalidArgument names the parameter or the field.
absl::StatusOr<HeatmapRequest> ReadHeatmap(const Request& request);

// The numbers as JSON, or the drawing.
Reply HeatmapReply(v1::GetPassageHeatmapResponse& response, bool png);

}  // namespace sightline::gateway
