#include "services/model_tool_seal.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/status.h"
#include "model/seal.h"
#include "nlohmann/json.hpp"

namespace sightline::services {

using nlohmann::json;

void AddSealCommand(CLI::App& app, SealWords& words) {
  CLI::App* const seal =
      app.add_subcommand("seal", "Stores in the model's folder what it gives for fixed inputs");
  seal->footer(
      "Example:\n"
      "  sightline model seal models/mine\n"
      "From then on a server compares the model with its seal at start, and does not serve one "
      "that drifted.");
  seal->callback([&words] { words.chosen = true; });
  seal->add_option("DIR", words.folder, "Bundle or checkpoint folder")->required();
  seal->add_option("--device", words.load.device, "auto, cpu or cuda:N")->capture_default_str();
  seal->add_option("--dtype", words.load.dtype, "auto, float32, bfloat16 or float16")
      ->capture_default_str();
  seal->add_option("--threads", words.load.threads, "On the CPU; 0 = all cores")
      ->check(CLI::Range(0, 1024));
  seal->add_flag("--json", words.json, "Accepted for symmetry: the output always is JSON");
}

absl::Status RunSealCommand(const SealWords& words) {
  SL_ASSIGN_OR_RETURN(const model::LoadedModel loaded, model::Load(words.folder, words.load));
  SL_RETURN_IF_ERROR(model::WriteSeal(loaded, words.folder));
  json parts = json::object();
  const auto add = [&](const char* role, const model::ModelInfo& info) {
    parts[role] = {
        {"fingerprint", info.fingerprint}, {"dtype", info.dtype}, {"device", info.device}};
  };
  if (loaded.encoder != nullptr) add("encoder", loaded.encoder->info());
  if (loaded.reranker != nullptr) add("reranker", loaded.reranker->info());
  if (loaded.generator != nullptr) add("generator", loaded.generator->info());
  const json out = {{"model", words.folder},
                    {"files", {"sightline-golden.json", "sightline-golden.safetensors"}},
                    {"parts", parts}};
  std::puts(out.dump().c_str());
  return absl::OkStatus();
}

}  // namespace sightline::services
