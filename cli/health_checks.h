#pragma once

#include <string>
#include <vector>

namespace sightline::cli {

enum class Health { kOk, kWarning, kFailure };

// What one look at the surroundings found.
struct CheckResult {
  std::string name;
  Health health = Health::kOk;
  std::string detail;
  std::string remedy;  // what to do about it; empty when it is fine
};

struct HealthCheckOptions {
  std::string data;   // folder the corpus is, or will be, in
  std::string model;  // folder; empty = not looked at
  std::vector<int> ports = {50051, 8080};
};

// Looks at this machine: programs, poppler's tools, shared memory, disk, data and model folder,
// memory, limits, ports, processor, GPU. Changes nothing but for a file that it makes in the data
// folder and removes. Takes less than a second.
std::vector<CheckResult> CheckMachine(const HealthCheckOptions& options);

}  // namespace sightline::cli
