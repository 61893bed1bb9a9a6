#include "model/qwen3vl_encoder.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "model/hidden_batch.h"
#include "model/region_plan.h"

namespace sightline::model {
namespace {

size_t Kept(std::span<const float> vector, int dimension) {
  return dimension == 0 ? vector.size() : static_cast<size_t>(dimension);
}

}  // namespace

Qwen3VlEncoder::Qwen3VlEncoder(std::shared_ptr<Checkpoint> checkpoint,
                               std::shared_ptr<const Adapter> adapter)
    : checkpoint_(std::move(checkpoint)),
      adapter_(std::move(adapter)),
      dimension_(static_cast<int>(checkpoint_->config().model.text.hidden_size)),
      info_(checkpoint_->Info(absl::StrCat("embedding: ", EmbeddingInstruction("")), dimension_,
                              adapter_.get())) {}

absl::Status Qwen3VlEncoder::CheckDimension(int dimension) const {
  if (dimension >= 0 && dimension <= dimension_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("dimension is ", dimension, ", expected 0 to ", dimension_));
}

absl::StatusOr<std::vector<std::vector<float>>> Qwen3VlEncoder::Encode(
    std::span<const EncodeInput> inputs, int dimension, const CallOptions& call) {
  SL_RETURN_IF_ERROR(CheckDimension(dimension));
  const int64_t max_tokens = std::min<int64_t>(kMaxEmbeddingTokens, checkpoint_->context());
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const Adapter> adapter,
                      AdapterFor(*checkpoint_, call, adapter_));
  HiddenCall hidden_call;
  hidden_call.part = Part::kEncoder;
  hidden_call.call = call;
  hidden_call.count = inputs.size();
  hidden_call.input = [&](size_t i) -> absl::StatusOr<SequenceInput> {
    const absl::StatusOr<Prompt> prompt = checkpoint_->prompts().Embedding(inputs[i], max_tokens);
    if (!prompt.ok() && inputs.size() > 1) {
      return Annotate(prompt.status(), absl::StrCat("input ", i));
    }
    if (!prompt.ok()) return prompt.status();
    return checkpoint_->Prepare(*prompt, adapter, call.tenant);
  };
  SL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> out,
                      LastHiddenStates(*checkpoint_, hidden_call));
  for (std::vector<float>& vector : out) vector = UnitPrefix(vector, Kept(vector, dimension));
  return out;
}

absl::StatusOr<PictureRegions> Qwen3VlEncoder::EncodeRegions(const ImagePtr& picture, int dimension,
                                                             const CallOptions& call) {
  SL_RETURN_IF_ERROR(CheckDimension(dimension));
  const int64_t max_tokens = std::min<int64_t>(kMaxEmbeddingTokens, checkpoint_->context());
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const Adapter> adapter,
                      AdapterFor(*checkpoint_, call, adapter_));
  EncodeInput whole;
  whole.images.push_back(picture);
  SL_ASSIGN_OR_RETURN(const Prompt prompt, checkpoint_->prompts().Embedding(whole, max_tokens));
  const ModelConfig& config = checkpoint_->config().model;
  PictureRegions out;
  out.rows = prompt.image_grids.front().h / config.vision.spatial_merge_size;
  out.columns = prompt.image_grids.front().w / config.vision.spatial_merge_size;
  out.regions = PlanRegions(out.rows, out.columns);

  // The whole picture goes first; the regions are cut from what the tower made of it.
  std::shared_ptr<const VisionFeatures> features;
  HiddenCall hidden_call;
  hidden_call.part = Part::kEncoder;
  hidden_call.call = call;
  hidden_call.count = 1 + out.regions.size();
  hidden_call.first_alone = true;
  hidden_call.on_features = [&features](std::shared_ptr<const VisionFeatures> made) {
    features = std::move(made);
  };
  hidden_call.input = [&](size_t i) -> absl::StatusOr<SequenceInput> {
    if (i == 0) return checkpoint_->Prepare(prompt, adapter, call.tenant);
    return SequenceOfRegion(prompt, config, *features, out.regions[i - 1], adapter);
  };
  SL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> hidden,
                      LastHiddenStates(*checkpoint_, hidden_call));
  for (std::vector<float>& vector : hidden) vector = UnitPrefix(vector, Kept(vector, dimension));
  out.whole = std::move(hidden.front());
  out.vectors.assign(std::make_move_iterator(hidden.begin() + 1),
                     std::make_move_iterator(hidden.end()));
  return out;
}

absl::StatusOr<int> Qwen3VlEncoder::CountTokens(absl::string_view text) const {
  return checkpoint_->CountTokens(text);
}

std::vector<float> UnitPrefix(std::span<const float> vector, size_t dimension) {
  double squares = 0;
  for (const float value : vector.first(dimension)) squares += double{value} * value;
  const double length = std::max(std::sqrt(squares), 1e-12);
  std::vector<float> out;
  out.reserve(dimension);
  for (const float value : vector.first(dimension)) {
    out.push_back(static_cast<float>(value / length));
  }
  return out;
}

}  // namespace sightline::model
