#pragma once

#include <string>

#include "absl/status/status.h"
#include "model/factor_checkpoint.h"

namespace CLI {
class App;
}

namespace sightline::services {

// The words of `model factor`.
struct FactorWords {
  bool chosen = false;  // this command was given
  std::string base, tuned, out;
  model::FactorOptions options;
  bool json = false;
};

// `words` is borrowed and outlives `app`.
void AddFactorCommand(CLI::App& app, FactorWords& words);

// Runs it and prints {"base","tuned","out","holds","reasons":[…],"equal","layers":[{"name","rank",
// "error","error_of_weight","relative_change","relative_rounding","holds"}],"others":[{"name",
// "relative_change"}]}. kFailedPrecondition, after that, where it does not hold.
absl::Status RunFactorCommand(const FactorWords& words);

}  // namespace sightline::services
