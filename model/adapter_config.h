#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// adapter_config.json of a PEFT LoRA adapter.
struct AdapterConfig {
  int rank = 8;      // "r"
  double alpha = 8;  // "lora_alpha"
  bool rslora = false;
  // Layer names, or ends of them from a dot on, with a rank or alpha of their own.
  std::vector<std::pair<std::string, int>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;

  // What B A of `layer` is multiplied by.
  double ScaleOf(absl::string_view layer) const;
  int RankOf(absl::string_view layer) const;
};

// kFailedPrecondition, naming the field: not a LoRA adapter, dora, biases or modules saved beside
// the pairs, a rank or alpha that is no positive number.
absl::StatusOr<AdapterConfig> ParseAdapterConfig(absl::string_view json);

}  // namespace sightline::model
