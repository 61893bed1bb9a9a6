#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cli/terminal.h"

namespace sightline::cli {

// How long calls took, by kind. Any thread.
class Latencies {
 public:
  void Add(const std::string& kind, double ms);

  // {"search":{"calls":N,"p50":X,"p95":X,"p99":X},…} in ms.
  std::string Json() const;
  // The same as a table.
  std::string Render(const Terminal& terminal) const;

 private:
  mutable absl::Mutex mu_;
  std::map<std::string, std::vector<double>> samples_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::cli
