#pragma once

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// POST /v1/locate: {"text","image"}, `image` a URL as in picture_url.h. kInvalidArgument names the
// field; "unknown_type" for a body of another type than JSON, "invalid_json", "unknown_field" for a
// key that is not known.
absl::StatusOr<v1::LocateRequest> ReadLocate(const Request& request);

}  // namespace sightline::gateway
