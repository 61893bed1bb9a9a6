#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::edge {

// Typed extras of an absl::Status. They ride on it as payloads and leave the server as google.rpc
// error details; grpc_status.h does both conversions. Pure functions; any thread.

// The payload that rooms below the services use for a stable reason code.
inline constexpr char kReasonPayload[] = "sightline/reason";

// One field of the request that is wrong.
struct FieldViolation {
  std::string field;  // path from the request message, e.g. "search.filter"
  std::string description;
};

// The thing that an error is about.
struct Resource {
  std::string type;  // "collection", "document", "passage", "job"
  std::string name;
};

// Each returns `status` with the extra set; an OK status is returned as it is.
absl::Status WithReason(absl::Status status, absl::string_view reason);
absl::Status WithField(absl::Status status, absl::string_view field,
                       absl::string_view description = "");  // empty = the message
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
absl::Status WithResource(absl::Status status, absl::string_view type, absl::string_view name);

// kInvalidArgument with message "FIELD: DESCRIPTION", a field violation and a reason.
absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          absl::string_view reason = "invalid_field");

// The extra, or empty when the status has none of its kind.
std::string Reason(const absl::Status& status);
std::vector<FieldViolation> Fields(const absl::Status& status);
std::optional<absl::Duration> RetryAfter(const absl::Status& status);
std::optional<Resource> ResourceOf(const absl::Status& status);

// The reason a status without one gets from its code, e.g. "not_found".
std::string DefaultReason(absl::StatusCode code);

}  // namespace sightline::edge
