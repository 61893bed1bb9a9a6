#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "model/load.h"
#include "model/quantize_checkpoint.h"

namespace CLI {
class App;
}

namespace sightline::services {

// The words of `model quantize`.
struct QuantizeWords {
  bool chosen = false;  // this command was given
  std::string folder;
  std::string out;
  bool asymmetric = false;
  std::string text;  // file to measure the loss on; empty = none
  int64_t text_tokens = 4096;
  model::QuantizeOptions options;
  model::LoadOptions load;  // of the measurement
  bool json = false;
};

// `words` is borrowed and outlives `app`.
void AddQuantizeCommand(CLI::App& app, QuantizeWords& words);

// Runs it and prints one JSON object: {"model","out","bits","group","symmetric","bytes_before",
// "bytes_after","shards","seconds","layers":[{"name","relative_error"}],"kept":[{"name","reason"}],
// "mean_relative_error","worst_relative_error","loss"?}.
absl::Status RunQuantizeCommand(const QuantizeWords& words);

}  // namespace sightline::services
