#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sightline::model {

struct FactorOptions {
  int64_t max_rank = 64;
  double error = 0.01;    // ||D - BA|| / ||D|| that a layer may keep
  bool bfloat16 = false;  // of the adapter's matrices; else float32
};

// How two checkpoints of one architecture differ.
struct FactorReport {
  // A linear layer whose weights differ by D.
  struct Layer {
    std::string name;  // without ".weight"
    int64_t rank = 0;
    double error = 0;            // ||D - BA|| / ||D||
    double error_of_weight = 0;  // ||D - BA|| / ||W||, W the tuned weight
    double relative_change = 0;  // ||D|| / ||W||
    double relative_rounding =
        0;               // what storing W in its dtype leaves of an exact D, about, of ||D||
    bool holds = false;  // error is within the limit
  };
  // Any other tensor that differs: an adapter cannot express it.
  struct Other {
    std::string name;
    double relative_change = 0;  // ||tuned - base|| / ||tuned||
  };
  std::vector<Layer> layers;
  std::vector<Other> others;
  int64_t equal = 0;                 // tensors that do not differ
  bool holds = false;                // tuned = base + adapter, within the error
  std::vector<std::string> reasons;  // why not
};

// Finds the low-rank adapter that turns the checkpoint `base` into `tuned` and, where it holds,
// writes it to `out` as PEFT does (adapter_config.json, adapter_model.safetensors), each layer with
// its own rank and a scale of 1; nothing is written where nothing differs. One layer is in memory
// at a time, besides the factors found.
//
// kNotFound: no such checkpoint; kFailedPrecondition: quantised weights, tensors that only one of
// them has, or of different shapes; kInvalidArgument: options out of range, or `out` exists and is
// not an empty folder.
absl::StatusOr<FactorReport> FactorCheckpoint(const std::string& base, const std::string& tuned,
                                              const std::string& out, const FactorOptions& options);

}  // namespace sightline::model
