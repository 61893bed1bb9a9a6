#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cli/terminal.h"
#include "sightline/v1/query.pb.h"

namespace sightline::cli {

// How long calls took, by kind: seen from here, and stage by stage as the server's replies tell.
// Any thread.
class Latencies {
 public:
  void Add(const std::string& kind, double ms);
  void Add(const std::string& kind, double ms, const v1::StageTimings& stages);

  // {"search":{"calls":N,"p50":X,"p95":X,"p99":X,"stages":{"encode":{"calls":N,"p50":X,…},…}},…} in
  // ms. A stage counts the calls that it took time in; without any it is left out.
  std::string Json() const;
  // The same as a table.
  std::string Render(const Terminal& terminal) const;

 private:
  struct Samples {
    std::vector<double> calls;
    std::map<std::string, std::vector<double>> stages;
  };

  mutable absl::Mutex mu_;
  std::map<std::string, Samples> samples_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::cli
