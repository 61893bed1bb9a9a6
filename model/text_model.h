#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/attention.h"
#include "model/linear.h"
#include "model/model_config.h"
#include "model/moe.h"
#include "model/rope.h"
#include "model/vision_tower.h"
#include "model/weights.h"

namespace sightline::model {

// Tokens of several sequences laid end to end, to be run through the decoder together.
struct TextBatch {
  at::Tensor embeds;     // [tokens, hidden]; picture features already in place
  at::Tensor positions;  // [3, tokens] int64: time, row, column
  std::vector<SequenceTokens> sequences;
  at::Tensor visual_rows;  // [r] int64, the rows of `embeds` that are pictures; undefined = none
  std::vector<at::Tensor> taps;  // [r, hidden] each, added to those rows after layers 0, 1, …
  AdapterSpans adapters;         // of the tokens
};

// The decoder. After Qwen3VLTextModel in transformers, models/qwen3_vl/modeling_qwen3_vl.py, and
// its mixture-of-experts sister. Immutable once loaded.
class TextModel {
 public:
  // Faults are kept by the loader. `tied`: the output matrix is the embedding table.
  static TextModel Load(WeightLoader& loader, const TextConfig& config, bool tied);

  // ids: [tokens] int64. Rows of the embedding table in the compute type, a new tensor.
  at::Tensor Embed(const at::Tensor& ids) const;

  // Hidden states before the final norm, [tokens, hidden]; the caches then hold the new tokens.
  at::Tensor Forward(const TextBatch& batch, const Probe& probe = nullptr) const;

  // The final norm; "last hidden state" always means after it. [.., hidden] -> same
  at::Tensor FinalNorm(const at::Tensor& hidden) const;

  // Normed hidden states to logits, [rows, hidden] -> [rows, vocab].
  at::Tensor Logits(const at::Tensor& normed, const AdapterSpans& adapters = {}) const;

  // Rows of the output matrix with the adapter's change (null = none), [rows.size(), hidden]
  // float32.
  at::Tensor OutputRows(std::span<const int64_t> rows, const Adapter* adapter) const;

  // Calls visit(layer) for every linear layer, experts left out. Not once the network runs.
  void ForEachLinear(const std::function<void(Linear& layer)>& visit);

 private:
  struct Layer {
    at::Tensor input_norm, post_norm;  // [hidden]
    at::Tensor q_norm, k_norm;         // [head_dim]
    Linear q, k, v, o;
    Linear gate, up, down;  // of a dense layer
    std::optional<MoeMlp> experts;
  };

  static Layer LoadLayer(WeightLoader& loader, const TextConfig& config, int number);
  at::Tensor Attention(const Layer& layer, int number, const at::Tensor& x, const Rotary& rotary,
                       const TextBatch& batch) const;
  at::Tensor Mlp(const Layer& layer, const at::Tensor& x, const AdapterSpans& adapters) const;

  TextModel(const TextConfig& config, const NetworkTypes& types);

  TextConfig config_;
  at::ScalarType compute_;
  TextRope rope_;
  at::Tensor embedding_;  // [vocab, hidden]
  Linear output_;         // [vocab, hidden]; where tied, the embedding table's numbers
  at::Tensor norm_;       // [hidden]
  std::vector<Layer> layers_;
};

}  // namespace sightline::model
