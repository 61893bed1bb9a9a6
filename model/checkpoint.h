#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/adapter.h"
#include "model/call.h"
#include "model/engine.h"
#include "model/image_processor.h"
#include "model/load.h"
#include "model/model_config.h"
#include "model/prompt.h"
#include "model/sequence_input.h"
#include "model/tokenizer.h"
#include "model/vision_cache.h"
#include "model/weight_account.h"

namespace sightline::model {

class CheckpointWeights;
struct CommonParts;

// Begins the names under which bundles' parts keep adapters of their own, apart from those to
// choose from.
inline constexpr char kPartsOwnAdapter[] = "/";

// What a checkpoint is told besides LoadOptions.
struct CheckpointOptions {
  std::map<std::string, std::string> adapters;  // folders by name, besides LoadOptions's
  bool untrained = false;
  bool quotes = false;
  double abstain_above = 1;
  bool rereads = false;
  double rerank_weight = 0;
  std::optional<int64_t> max_image_pixels;  // lowers the limit of both front ends
};

// One checkpoint folder, loaded: its tokenizer, image rules, prompts, and an engine that runs its
// network. Shared by the parts that use the same folder. Methods may be called from any thread.
class Checkpoint {
 public:
  // Errors as Load in load.h. `common`: what the checkpoints of a bundle share; null = opened by
  // itself.
  static absl::StatusOr<std::shared_ptr<Checkpoint>> Open(const std::string& folder,
                                                          const LoadOptions& load,
                                                          const CheckpointOptions& options,
                                                          CommonParts* common = nullptr);
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const CheckpointConfig& config() const { return config_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ImageProcessor& processor() const { return *processor_; }
  const PromptBuilder& prompts() const { return *prompts_; }
  Engine& engine() { return *engine_; }
  int context() const { return static_cast<int>(config_.model.text.max_position_embeddings); }

  // The adapter called `name`; null for the empty name. kNotFound.
  absl::StatusOr<std::shared_ptr<const Adapter>> FindAdapter(const std::string& name) const;

  // Makes a prompt's pictures ready on the calling thread, for a run with `adapter` (null = none)
  // and what is known of the tenant's pictures.
  absl::StatusOr<SequenceInput> Prepare(const Prompt& prompt,
                                        std::shared_ptr<const Adapter> adapter = nullptr,
                                        absl::string_view tenant = "");

  // `prompt_rules` names what the part adds to the text, `dimension` what comes out, `adapter` what
  // the part runs with of itself (null = nothing); all enter the fingerprint.
  ModelInfo Info(absl::string_view prompt_rules, int64_t dimension, const Adapter* adapter) const;

  // What it holds in memory, its adapters included, under the name `part`.
  PartHoldings Holdings(const std::string& part) const;

  // Tokens of `text` alone, read as data. kInvalidArgument: not UTF-8.
  absl::StatusOr<int> CountTokens(absl::string_view text) const;

  // Row `a` of the output matrix minus row `b`, in float32, with `adapter` (null = none). [hidden]
  absl::StatusOr<std::vector<float>> OutputDifference(int32_t a, int32_t b,
                                                      const Adapter* adapter) const;

 private:
  Checkpoint() = default;

  std::string name_;
  CheckpointOptions options_;
  CheckpointConfig config_;
  std::string weights_hash_;  // of every tensor's name, type, shape and bytes
  std::string tokenizer_hash_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<const ImageProcessor> processor_;
  std::optional<PromptBuilder> prompts_;
  std::map<std::string, std::shared_ptr<const Adapter>> adapters_;
  std::shared_ptr<VisionCache> vision_cache_;
  std::unique_ptr<Engine> engine_;  // last: its thread uses the cache
};

// What a call runs with: the adapter it names, else the part's `own`. kNotFound as FindAdapter.
absl::StatusOr<std::shared_ptr<const Adapter>> AdapterFor(
    const Checkpoint& checkpoint, const CallOptions& call,
    const std::shared_ptr<const Adapter>& own);

}  // namespace sightline::model
