#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/fetch/address.h"

namespace sightline::fetch {

// When the work ends that one fetch may do, and whether anyone still waits for it.
struct FetchLimits {
  absl::Time deadline = absl::InfiniteFuture();
  std::function<bool()> stopped = {};  // asked often, from the thread of the fetch; null = never

  // kCancelled, or kDeadlineExceeded with the reason "fetch_timeout"; else OK.
  absl::Status StillWanted() const;
};

// All addresses of a host name. Any thread. kNotFound: there are none; kUnavailable: no answer now;
// kDeadlineExceeded and kCancelled as the limits say.
using Resolver = std::function<absl::StatusOr<std::vector<Address>>(const std::string& host,
                                                                    const FetchLimits& limits)>;

// Asks the system (getaddrinfo). A look-up that outlasts its limits is left to end by itself; while
// 64 are under way, further ones are kResourceExhausted.
Resolver SystemResolver();

}  // namespace sightline::fetch
