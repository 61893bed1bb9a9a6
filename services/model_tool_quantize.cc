#include "services/model_tool_quantize.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/status.h"
#include "model/checkpoint.h"
#include "model/text_loss.h"
#include "nlohmann/json.hpp"

namespace sightline::services {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxTextBytes = 64 << 20;

absl::StatusOr<json> MeasureLoss(const QuantizeWords& words) {
  SL_ASSIGN_OR_RETURN(const std::string text, ReadFile(words.text, kMaxTextBytes));
  SL_ASSIGN_OR_RETURN(auto original, model::Checkpoint::Open(words.folder, words.load, {}));
  SL_ASSIGN_OR_RETURN(auto narrow, model::Checkpoint::Open(words.out, words.load, {}));
  SL_ASSIGN_OR_RETURN(
      const model::TextLoss loss,
      model::CompareOnText(std::move(original), std::move(narrow), text, words.text_tokens));
  return json{{"tokens", loss.tokens},
              {"original_nll", loss.original_nll},
              {"nll", loss.nll},
              {"original_perplexity", std::exp(loss.original_nll)},
              {"perplexity", std::exp(loss.nll)},
              {"kl", loss.kl},
              {"same_best_token", loss.same_best},
              {"embeddings", loss.embeddings},
              {"mean_embedding_cosine", loss.mean_embedding_cosine},
              {"least_embedding_cosine", loss.least_embedding_cosine}};
}

}  // namespace

void AddQuantizeCommand(CLI::App& app, QuantizeWords& words) {
  CLI::App* const quantize = app.add_subcommand(
      "quantize", "Writes a checkpoint with the decoder's matrices in 8 or 4 bits");
  quantize->footer(
      "Example:\n"
      "  sightline model quantize models/big --out models/big-int8 --bits 8 --text sample.txt\n"
      "Embeddings, output matrix, norms, routers and the vision tower keep their form.");
  quantize->callback([&words] { words.chosen = true; });
  quantize->add_option("DIR", words.folder, "Checkpoint folder")->required();
  quantize->add_option("--out", words.out, "New or empty folder")->required();
  quantize->add_option("--bits", words.options.bits, "8 or 4")
      ->check(CLI::IsMember({4, 8}))
      ->capture_default_str();
  quantize->add_option("--group", words.options.group, "Inputs that share a scale: 32, 64, 128")
      ->check(CLI::IsMember({32, 64, 128}))
      ->capture_default_str();
  quantize->add_flag("--asymmetric", words.asymmetric, "A zero point for each group too");
  quantize->add_option("--text", words.text,
                       "Text file: reports perplexity, divergence and embeddings of both on it");
  quantize->add_option("--text-tokens", words.text_tokens, "Of that text, at most")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  quantize->add_option("--device", words.load.device, "For --text: auto, cpu or cuda:N")
      ->capture_default_str();
  quantize->add_flag("--json", words.json, "Accepted for symmetry: the output always is JSON");
}

absl::Status RunQuantizeCommand(const QuantizeWords& words) {
  model::QuantizeOptions options = words.options;
  options.symmetric = !words.asymmetric;
  const auto begin = std::chrono::steady_clock::now();
  SL_ASSIGN_OR_RETURN(const model::QuantizeReport report,
                      model::QuantizeCheckpoint(words.folder, words.out, options));
  json out = {{"model", words.folder},
              {"out", words.out},
              {"bits", options.bits},
              {"group", options.group},
              {"symmetric", options.symmetric},
              {"bytes_before", report.bytes_before},
              {"bytes_after", report.bytes_after},
              {"shards", report.shards},
              {"layers", json::array()},
              {"kept", json::array()}};
  out["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  double sum = 0, worst = 0;
  for (const auto& layer : report.layers) {
    out["layers"].push_back({{"name", layer.name}, {"relative_error", layer.relative_error}});
    sum += layer.relative_error;
    worst = std::max(worst, layer.relative_error);
  }
  for (const auto& kept : report.kept) {
    out["kept"].push_back({{"name", kept.name}, {"reason", kept.reason}});
  }
  out["mean_relative_error"] =
      report.layers.empty() ? 0 : sum / static_cast<double>(report.layers.size());
  out["worst_relative_error"] = worst;
  if (!words.text.empty()) {
    SL_ASSIGN_OR_RETURN(out["loss"], MeasureLoss(words));
  }
  std::puts(out.dump().c_str());
  return absl::OkStatus();
}

}  // namespace sightline::services
