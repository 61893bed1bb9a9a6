#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace sightline::edge {

// The one place where a Status becomes a gRPC status: same code and message, and a
// google.rpc.Status in the details with ErrorInfo (always: reason, domain "sightline"), BadRequest,
// RetryInfo and ResourceInfo where error_details.h set them. kResourceExhausted always carries a
// RetryInfo (1 s unless set).
grpc::Status ToGrpcStatus(const absl::Status& status);

// The way back, for clients: details become the payloads of error_details.h again. Details that do
// not parse are ignored; code and message stand.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The HTTP code of an error code; 200 for kOk.
int HttpCode(absl::StatusCode code);

// The same, with the reason taken into account: too large a body is 413, an undecodable or unknown
// type 415, bytes of a known type that cannot be processed 422.
int HttpCode(const absl::Status& status);

}  // namespace sightline::edge
