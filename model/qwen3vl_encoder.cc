#include "model/qwen3vl_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "model/hidden_batch.h"

namespace sightline::model {

Qwen3VlEncoder::Qwen3VlEncoder(std::shared_ptr<Checkpoint> checkpoint,
                               std::shared_ptr<const Adapter> adapter)
    : checkpoint_(std::move(checkpoint)),
      adapter_(std::move(adapter)),
      dimension_(static_cast<int>(checkpoint_->config().model.text.hidden_size)),
      info_(checkpoint_->Info(absl::StrCat("embedding: ", EmbeddingInstruction("")), dimension_,
                              adapter_.get())) {}

absl::StatusOr<std::vector<std::vector<float>>> Qwen3VlEncoder::Encode(
    std::span<const EncodeInput> inputs, int dimension, const CallOptions& call) {
  if (dimension < 0 || dimension > dimension_) {
    return absl::InvalidArgumentError(
        absl::StrCat("dimension is ", dimension, ", expected 0 to ", dimension_));
  }
  const int64_t max_tokens = std::min<int64_t>(kMaxEmbeddingTokens, checkpoint_->context());
  HiddenCall hidden_call;
  hidden_call.part = Part::kEncoder;
  hidden_call.call = call;
  SL_ASSIGN_OR_RETURN(hidden_call.adapter, AdapterFor(*checkpoint_, call, adapter_));
  hidden_call.count = inputs.size();
  hidden_call.prompt = [&](size_t i) -> absl::StatusOr<Prompt> {
    absl::StatusOr<Prompt> prompt = checkpoint_->prompts().Embedding(inputs[i], max_tokens);
    if (!prompt.ok() && inputs.size() > 1) {
      return Annotate(prompt.status(), absl::StrCat("input ", i));
    }
    return prompt;
  };
  SL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> out,
                      LastHiddenStates(*checkpoint_, hidden_call));
  for (std::vector<float>& vector : out) {
    vector = UnitPrefix(vector, dimension == 0 ? vector.size() : static_cast<size_t>(dimension));
  }
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
