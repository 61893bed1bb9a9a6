#pragma once

#include <functional>

#include "absl/status/status.h"

namespace sightline::cli {

// Clients that ask at once: one keeps a small server waiting between calls, more would measure its
// queue.
inline constexpr int kEvalClients = 2;

// Runs `body` for 0 to count - 1, on up to kEvalClients threads at once, and returns when all have
// ended. After a failure, which it returns, or Ctrl-C (kCancelled) no further ones begin.
absl::Status ForEach(int count, const std::function<absl::Status(int)>& body);

}  // namespace sightline::cli
