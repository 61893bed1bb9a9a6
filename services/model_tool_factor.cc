#include "services/model_tool_factor.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace sightline::services {

using nlohmann::json;

void AddFactorCommand(CLI::App& app, FactorWords& words) {
  CLI::App* const factor = app.add_subcommand(
      "factor", "Finds the low-rank adapter that turns one checkpoint into another");
  factor->footer(
      "Example:\n"
      "  sightline model factor models/base models/tuned --out models/mine/adapters/tuned\n"
      "Exit code 1 where no adapter within the limits does; the report says why.");
  factor->callback([&words] { words.chosen = true; });
  factor->add_option("BASE", words.base, "Checkpoint folder")->required();
  factor->add_option("TUNED", words.tuned, "Checkpoint folder of the same architecture")
      ->required();
  factor->add_option("--out", words.out, "New or empty folder for the adapter")->required();
  factor->add_option("--max-rank", words.options.max_rank, "Of a layer")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  factor
      ->add_option("--error", words.options.error,
                   "Of a layer's difference that may be left, relative to it")
      ->capture_default_str();
  factor->add_flag("--bfloat16", words.options.bfloat16, "Store the adapter in 16 bits");
  factor->add_flag("--json", words.json, "Accepted for symmetry: the output always is JSON");
}

absl::Status RunFactorCommand(const FactorWords& words) {
  SL_ASSIGN_OR_RETURN(const model::FactorReport report,
                      model::FactorCheckpoint(words.base, words.tuned, words.out, words.options));
  json out = {{"base", words.base},      {"tuned", words.tuned},      {"out", words.out},
              {"holds", report.holds},   {"reasons", report.reasons}, {"equal", report.equal},
              {"layers", json::array()}, {"others", json::array()}};
  for (const auto& layer : report.layers) {
    out["layers"].push_back({{"name", layer.name},
                             {"rank", layer.rank},
                             {"error", layer.error},
                             {"error_of_weight", layer.error_of_weight},
                             {"relative_change", layer.relative_change},
                             {"relative_rounding", layer.relative_rounding},
                             {"holds", layer.holds}});
  }
  for (const auto& other : report.others) {
    out["others"].push_back({{"name", other.name}, {"relative_change", other.relative_change}});
  }
  std::puts(out.dump().c_str());
  if (report.holds) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "no adapter within the limits: ", report.reasons.front(),
      report.reasons.size() > 1 ? absl::StrCat(", and ", report.reasons.size() - 1, " more reasons")
                                : ""));
}

}  // namespace sightline::services
