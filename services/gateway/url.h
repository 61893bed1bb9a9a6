#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::gateway {

// A request target taken apart and percent-decoded.
struct Target {
  std::vector<std::string> segments;         // "/v1/a%2Fb" -> {"v1", "a/b"}; "/" -> {}
  std::map<std::string, std::string> query;  // "+" is a space, as forms send it
};

// Reads an origin-form target ("/path?query"). The rule for names in paths, the same on all routes:
// not empty, not "." or "..", at most 2048 bytes, well-formed UTF-8 without control characters; a
// slash inside a name is sent as %2F. One slash at the end is ignored.
// kInvalidArgument: any other form, a broken escape, a name against the rule, a query name given
// twice.
absl::StatusOr<Target> ParseTarget(absl::string_view target);

// kInvalidArgument unless `name` follows the rule above; `field` names it in the message.
absl::Status CheckName(absl::string_view field, absl::string_view name);

// `segment` with all but unreserved characters escaped, for use inside a path.
std::string EscapeSegment(absl::string_view segment);

// The name or address of a Host header or of an Origin's authority, lower case, without port:
// "[::1]:8080" -> "[::1]". kInvalidArgument when it is malformed.
absl::StatusOr<std::string> HostName(absl::string_view authority);

// True for "localhost", names below it, and IP addresses: names that no resolver of a stranger
// maps.
bool IsLocalOrAddress(absl::string_view host_name);

}  // namespace sightline::gateway
