#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::client {

// What a server says about a failed call, as a Status: code and message, and the parts of
// google.rpc.Status that a caller can use, as payloads that the functions below read. Pure
// functions; any thread.
absl::Status FromRpc(const grpc::Status& status);

// The stable reason code, the first field that is wrong, and how long to wait before another try;
// empty where the server named none.
std::string FailureReason(const absl::Status& status);
std::string FailureField(const absl::Status& status);
std::optional<absl::Duration> FailureRetryAfter(const absl::Status& status);

// The same status with the extra set; an OK status is returned as it is.
absl::Status WithFailureReason(absl::Status status, absl::string_view reason);
absl::Status WithFailureRetryAfter(absl::Status status, absl::Duration delay);

// True when the same call may succeed later.
bool IsTransient(const absl::Status& status);

}  // namespace sightline::client
