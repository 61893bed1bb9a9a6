#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"
#include "model/network.h"
#include "model/safetensors.h"

namespace sightline::model {
namespace {

constexpr int64_t kVisionCacheBytes = int64_t{256} << 20;

// Every byte counts: sampling a large file would let two different models share a fingerprint.
std::string HashWeights(const CheckpointWeights& weights) {
  Hasher hasher;
  for (const std::string& name : weights.Names()) {
    const TensorView& tensor = *weights.Find(name);
    hasher.AddField(name).AddField(DTypeName(tensor.dtype)).AddNumber(tensor.shape.size());
    for (const int64_t extent : tensor.shape) hasher.AddNumber(static_cast<uint64_t>(extent));
    hasher.AddField(tensor.bytes);
  }
  return hasher.HexDigest();
}

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
                                                             const CheckpointOptions& options) {
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
  self->weights_hash_ = HashWeights(*weights);
  SL_ASSIGN_OR_RETURN(std::unique_ptr<Network> network,
                      Network::Load(self->config_.model, weights, types, load.merged_adapters));
  for (const auto* named : {&load.adapters, &options.adapters}) {
    for (const auto& [name, adapter] : *named) {
      SL_ASSIGN_OR_RETURN(self->adapters_[name],
                          Adapter::Open(adapter, network->linears, network->types));
    }
  }
  self->vision_cache_ = std::make_unique<VisionCache>(kVisionCacheBytes);
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
                                                  std::shared_ptr<const Adapter> adapter) {
  return PrepareSequence(prompt, config_.model, *processor_, *vision_cache_, std::move(adapter));
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
  for (const auto& [name, loaded] : adapters_) {
    if (!absl::StartsWith(name, kPartsOwnAdapter)) info.adapters.push_back(name);
  }
  return info;
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
