#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "model/common_parts.h"
#include "model/kv_cache.h"
#include "model/network.h"
#include "model/safetensors.h"
#include "model/weight_survey.h"

namespace sightline::model {
namespace {

// Numbers stored, of whatever width: tells a small network from a large one.
int64_t CountNumbers(const CheckpointWeights& weights) {
  int64_t total = 0;
  for (const std::string& name : weights.Names()) total += weights.Find(name)->elements();
  return total;
}

// The vocabulary as the tokenizer understood it: the same from either set of files.
std::string HashTokenizer(const Tokenizer& tokenizer) {
  Hasher hasher;
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    hasher.AddField(tokenizer.Bytes(id)).AddNumber(tokenizer.IsAdded(id) ? 1 : 0);
  }
  return hasher.HexDigest();
}

std::string WeightsName(at::ScalarType type, QuantizationMethod method) {
  const std::string floats = type == at::kFloat      ? "float32"
                             : type == at::kBFloat16 ? "bfloat16"
                                                     : "float16";
  switch (method) {
    case QuantizationMethod::kNone: return floats;
    case QuantizationMethod::kAwq: return "awq, " + floats;
    case QuantizationMethod::kGptq: return "gptq, " + floats;
    case QuantizationMethod::kCompressedTensors: return "compressed-tensors, " + floats;
    case QuantizationMethod::kFp8: return "fp8, " + floats;
  }
  return floats;
}

EngineOptions OptionsFor(const LoadOptions& load, at::Device device) {
  EngineOptions options;
  options.threads = load.threads;
  options.queue_capacity = load.queue_capacity;
  if (!device.is_cpu()) {
    options.step_tokens = 8192;
    options.bulk_step_tokens = 1024;
    options.step_patches = 16384;
    options.max_generating = 64;
    options.kv_bytes = int64_t{16} << 30;
  }
  return options;
}

// What decides which features a picture gets from which patches, and which patches from what size:
// checkpoints of one name may use each other's features. The picture, its size and the front end
// are in the cache's own keys.
std::string TowerName(const CheckpointConfig& config, const WeightSurvey& survey,
                      const Network& network) {
  std::map<std::string, std::string> tensors;  // by name without what comes before "visual."
  for (const auto& [name, content] : survey.contents) {
    const size_t at = name.find("visual.");
    if (at != std::string::npos) tensors[name.substr(at)] = content;
  }
  Hasher hasher;
  for (const auto& [name, content] : tensors) hasher.AddField(name).AddField(content);
  const VisionConfig& vision = config.model.vision;
  for (const int64_t number :
       {int64_t{vision.depth}, vision.hidden_size, int64_t{vision.num_heads},
        vision.intermediate_size, int64_t{vision.in_channels}, int64_t{vision.patch_size},
        int64_t{vision.temporal_patch_size}, int64_t{vision.spatial_merge_size},
        vision.num_position_embeddings, vision.out_hidden_size}) {
    hasher.AddNumber(static_cast<uint64_t>(number));
  }
  hasher.AddNumber(vision.deepstack_indexes.size());
  for (const int index : vision.deepstack_indexes) hasher.AddNumber(index);
  const QuantizationConfig& narrow = config.model.quantization;
  hasher.AddNumber(static_cast<uint64_t>(narrow.method)).AddNumber(narrow.bits);
  hasher.AddNumber(narrow.block_rows).AddNumber(narrow.block_columns);
  for (const PreprocessorConfig* rules :
       {&config.image, static_cast<const PreprocessorConfig*>(&config.video)}) {
    for (const float value : rules->image_mean) hasher.AddField(absl::StrCat(value));
    for (const float value : rules->image_std) hasher.AddField(absl::StrCat(value));
  }
  for (const std::string& merged : network.merged) hasher.AddField(merged);
  const NetworkTypes& types = network.types;
  hasher.AddField(types.device.str());
  hasher.AddField(at::toString(types.weights)).AddField(at::toString(types.compute));
  return hasher.HexDigest();
}

std::string FolderName(const std::string& folder) {
  const std::filesystem::path path =
      std::filesystem::absolute(std::filesystem::path(folder)).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

// Applies a bundle's limit to both front ends.
absl::Status LowerPixelLimit(int64_t max_image_pixels, PreprocessorConfig& config) {
  // The embedding front end enlarges pictures to four blocks.
  const int64_t block = int64_t{config.patch_size} * config.merge_size;
  const int64_t least = std::max(config.min_pixels, 4 * block * block);
  if (max_image_pixels < least) {
    return absl::FailedPreconditionError(absl::StrCat("sightline.json: \"max_image_pixels\" is ",
                                                      max_image_pixels, ", expected at least ",
                                                      least));
  }
  config.max_pixels = std::min(config.max_pixels, max_image_pixels);
  config.embed_max_pixels = max_image_pixels;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Checkpoint>> Checkpoint::Open(const std::string& folder,
                                                             const LoadOptions& load,
                                                             const CheckpointOptions& options,
                                                             CommonParts* common) {
  std::shared_ptr<Checkpoint> self(new Checkpoint());
  self->name_ = FolderName(folder);
  self->options_ = options;
  SL_ASSIGN_OR_RETURN(self->config_, LoadCheckpointConfig(folder));
  if (options.max_image_pixels.has_value()) {
    SL_RETURN_IF_ERROR(LowerPixelLimit(*options.max_image_pixels, self->config_.image));
  }
  SL_ASSIGN_OR_RETURN(self->tokenizer_, Tokenizer::Open(folder));
  self->processor_ = std::make_unique<ImageProcessor>(self->config_.image, self->config_.video);
  SL_ASSIGN_OR_RETURN(PromptBuilder prompts,
                      PromptBuilder::Create(*self->tokenizer_, self->config_.model,
                                            *self->processor_, self->config_.thinking));
  self->prompts_.emplace(std::move(prompts));
  self->tokenizer_hash_ = HashTokenizer(*self->tokenizer_);

  SL_ASSIGN_OR_RETURN(std::unique_ptr<CheckpointWeights> opened, CheckpointWeights::Open(folder));
  const std::shared_ptr<const CheckpointWeights> weights = std::move(opened);
  SL_ASSIGN_OR_RETURN(
      const NetworkTypes types,
      ResolveTypes(load.device, load.dtype, self->config_.model.dtype, CountNumbers(*weights)));
  CommonParts own;
  CommonParts& parts = common != nullptr ? *common : own;
  SL_ASSIGN_OR_RETURN(const WeightSurvey survey, SurveyWeights(*weights));
  self->weights_hash_ = survey.hash;
  SL_ASSIGN_OR_RETURN(std::unique_ptr<Network> network,
                      Network::Load(self->config_.model, weights, types, load.merged_adapters,
                                    {&survey, &parts.weights}));
  for (const auto* named : {&load.adapters, &options.adapters}) {
    for (const auto& [name, adapter] : *named) {
      SL_ASSIGN_OR_RETURN(self->adapters_[name],
                          Adapter::Open(adapter, network->linears, network->types));
    }
  }
  std::shared_ptr<VisionCache>& cache =
      parts.vision_caches[TowerName(self->config_, survey, *network)];
  if (cache == nullptr) cache = std::make_shared<VisionCache>(load.vision_cache_bytes);
  self->vision_cache_ = cache;
  self->engine_ = std::make_unique<Engine>(std::move(network), *self->vision_cache_,
                                           OptionsFor(load, types.device));
  return self;
}

Checkpoint::~Checkpoint() = default;

absl::StatusOr<std::shared_ptr<const Adapter>> Checkpoint::FindAdapter(
    const std::string& name) const {
  if (name.empty()) return nullptr;
  const auto found = adapters_.find(name);
  if (found == adapters_.end()) {
    return absl::NotFoundError(absl::StrCat("the model has no adapter \"", name, "\""));
  }
  return found->second;
}

absl::StatusOr<SequenceInput> Checkpoint::Prepare(const Prompt& prompt,
                                                  std::shared_ptr<const Adapter> adapter,
                                                  absl::string_view tenant) {
  return PrepareSequence(prompt, config_.model, *processor_, *vision_cache_, std::move(adapter),
                         tenant);
}

ModelInfo Checkpoint::Info(absl::string_view prompt_rules, int64_t dimension,
                           const Adapter* adapter) const {
  const Network& network = engine_->network();
  Hasher hasher;
  hasher.AddField("sightline model 1").AddField(weights_hash_).AddField(tokenizer_hash_);
  hasher.AddField(prompt_rules).AddNumber(static_cast<uint64_t>(dimension));
  for (const PreprocessorConfig* config :
       {&config_.image, static_cast<const PreprocessorConfig*>(&config_.video)}) {
    hasher.AddNumber(config->min_pixels).AddNumber(config->max_pixels);
    for (const float value : config->image_mean) hasher.AddField(absl::StrCat(value));
    for (const float value : config->image_std) hasher.AddField(absl::StrCat(value));
  }
  hasher.AddNumber(static_cast<uint64_t>(options_.max_image_pixels.value_or(0)));

  for (const std::string& merged : network.merged) hasher.AddField(merged);
  if (adapter != nullptr) hasher.AddField(adapter->fingerprint());

  ModelInfo info;
  info.name = name_;
  info.architecture = config_.model.architecture;
  info.dtype = WeightsName(network.types.weights, config_.model.quantization.method);
  info.device = network.device.str();
  info.fingerprint = hasher.HexDigest();
  info.parameters = network.parameters;
  info.context = context();
  info.untrained = options_.untrained;
  info.quotes = options_.quotes;
  info.abstain_above = options_.abstain_above;
  info.rereads = options_.rereads;
  info.rerank_weight = options_.rerank_weight;
  for (const auto& [name, loaded] : adapters_) {
    if (!absl::StartsWith(name, kPartsOwnAdapter)) info.adapters.push_back(name);
  }
  return info;
}

PartHoldings Checkpoint::Holdings(const std::string& part) const {
  PartHoldings out = {
      .part = part,
      .tensors = engine_->network().held,
      .kv_token_bytes = engine_->CacheBytes(KvCache::kPageTokens) / KvCache::kPageTokens};
  for (const auto& [name, adapter] : adapters_) {
    out.tensors.push_back({.data = adapter.get(),
                           .bytes = adapter->bytes(),
                           .parameters = adapter->parameters(),
                           .mapped = false});
  }
  return out;
}

absl::StatusOr<int> Checkpoint::CountTokens(absl::string_view text) const {
  SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer_->EncodePlain(text));
  return static_cast<int>(ids.size());
}

absl::StatusOr<std::vector<float>> Checkpoint::OutputDifference(int32_t a, int32_t b,
                                                                const Adapter* adapter) const {
  return CatchStatus("output matrix", [&]() -> absl::StatusOr<std::vector<float>> {
    const c10::InferenceMode inference;
    const int64_t wanted[] = {a, b};
    const at::Tensor rows = engine_->network().text.OutputRows(wanted, adapter);
    const at::Tensor difference = rows[0].sub(rows[1]).to(at::kCPU).contiguous();
    const float* const data = difference.data_ptr<float>();
    return std::vector<float>(data, data + difference.numel());
  });
}

absl::StatusOr<std::shared_ptr<const Adapter>> AdapterFor(
    const Checkpoint& checkpoint, const CallOptions& call,
    const std::shared_ptr<const Adapter>& own) {
  if (call.adapter.empty()) return own;
  return checkpoint.FindAdapter(call.adapter);
}

}  // namespace sightline::model
