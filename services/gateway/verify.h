#pragma once

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// POST /v1/verify: {"collection","claims","k","filter"}. `claims` is a text, or a list of texts and
// of {"text","passage_ids","document_ids"}. kInvalidArgument names the field; "unknown_type" for a
// body that is not JSON, "unknown_field" for a key that is not known.
absl::StatusOr<v1::CheckClaimsRequest> ReadVerify(const Request& request);

}  // namespace sightline::gateway
