#pragma once

#include <string>

#include "absl/status/status.h"
#include "model/load.h"

namespace CLI {
class App;
}

namespace sightline::services {

// The words of `model seal`.
struct SealWords {
  bool chosen = false;  // this command was given
  std::string folder;
  model::LoadOptions load;
  bool json = false;
};

// `words` is borrowed and outlives `app`.
void AddSealCommand(CLI::App& app, SealWords& words);

// Seals the model and prints {"model","files":[…],"parts":{ROLE:{"fingerprint","dtype","device"}}}.
absl::Status RunSealCommand(const SealWords& words);

}  // namespace sightline::services
