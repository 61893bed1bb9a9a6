#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::cli {

// What a server says about a failed call, as a Status: code and message, and the parts of
// google.rpc.Status that a caller can use, as payloads that the functions below read.
absl::Status FromRpc(const grpc::Status& status);

// The stable reason code, the first field that is wrong, and how long to wait before another try;
// empty where the server named none.
std::string FailureReason(const absl::Status& status);
std::string FailureField(const absl::Status& status);
std::optional<absl::Duration> FailureRetryAfter(const absl::Status& status);

// True when the same call may succeed later.
bool IsTransient(const absl::Status& status);

// Writes the failure to standard error: a sentence, or with `json` the error object that REST
// replies carry. Returns the exit code that belongs to it.
int ReportFailure(const absl::Status& status, bool json);

}  // namespace sightline::cli
