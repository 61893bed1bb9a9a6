#include "model/text_model.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "model/rms_norm.h"
#include "model/training_ops.h"

namespace sightline::model {
namespace {

constexpr char kRoot[] = "model.language_model.";

}  // namespace

TextModel::TextModel(const TextConfig& config, const NetworkTypes& types)
    : config_(config), compute_(types.compute), rope_(config, types.device) {}

TextModel TextModel::Load(WeightLoader& loader, const TextConfig& config, bool tied) {
  TextModel model(config, loader.types());
  model.embedding_ = loader.TakeTable(absl::StrCat(kRoot, "embed_tokens.weight"),
                                      {config.vocab_size, config.hidden_size});
  if (!tied) {
    model.output_ = LoadLinear(loader, "lm_head", config.vocab_size, config.hidden_size, false);
  } else if (loader.status().ok()) {
    model.output_.weight = StoredMatrix::FromDense(model.embedding_);
  }
  model.norm_ = loader.Take(absl::StrCat(kRoot, "norm.weight"), {config.hidden_size});
  for (int i = 0; i < config.num_layers; ++i) {
    model.layers_.push_back(LoadLayer(loader, config, i));
  }
  return model;
}

TextModel::Layer TextModel::LoadLayer(WeightLoader& loader, const TextConfig& config, int number) {
  const std::string name = absl::StrCat(kRoot, "layers.", number, ".");
  const int64_t hidden = config.hidden_size, d = config.head_dim;
  const int64_t q_out = config.num_heads * d, kv_out = config.num_kv_heads * d;
  Layer layer;
  layer.input_norm = loader.Take(name + "input_layernorm.weight", {hidden});
  layer.post_norm = loader.Take(name + "post_attention_layernorm.weight", {hidden});
  layer.q_norm = loader.Take(name + "self_attn.q_norm.weight", {d});
  layer.k_norm = loader.Take(name + "self_attn.k_norm.weight", {d});
  const bool bias = config.attention_bias;
  layer.q = LoadLinear(loader, name + "self_attn.q_proj", q_out, hidden, bias);
  layer.k = LoadLinear(loader, name + "self_attn.k_proj", kv_out, hidden, bias);
  layer.v = LoadLinear(loader, name + "self_attn.v_proj", kv_out, hidden, bias);
  layer.o = LoadLinear(loader, name + "self_attn.o_proj", hidden, q_out, bias);
  if (config.IsMoeLayer(number)) {
    layer.experts = MoeMlp::Load(loader, name + "mlp.", config);
  } else {
    const int64_t inner = config.intermediate_size;
    layer.gate = LoadLinear(loader, name + "mlp.gate_proj", inner, hidden, false);
    layer.up = LoadLinear(loader, name + "mlp.up_proj", inner, hidden, false);
    layer.down = LoadLinear(loader, name + "mlp.down_proj", hidden, inner, false);
  }
  return layer;
}

at::Tensor TextModel::Embed(const at::Tensor& ids) const {
  // Its gradient sums the rows of a token, of which pictures have thousands, without atomics.
  return at::embedding(embedding_, ids).to(compute_);
}

at::Tensor TextModel::Forward(const TextBatch& batch, const Probe& probe) const {
  const Rotary rotary = rope_.Angles(batch.positions, batch.embeds.scalar_type());
  if (probe) {
    probe("rope_cos", rotary.cos);
    probe("rope_sin", rotary.sin);
  }
  at::Tensor h = batch.embeds;  // [tokens, hidden]
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const at::Tensor normed = RmsNorm(h, layer.input_norm, config_.rms_norm_eps);
    h = h.add(Attention(layer, static_cast<int>(i), normed, rotary, batch));
    h = h.add(Mlp(layer, RmsNorm(h, layer.post_norm, config_.rms_norm_eps), batch.adapters));
    if (batch.visual_rows.defined() && i < batch.taps.size()) {
      h.index_add_(0, batch.visual_rows, batch.taps[i]);
    }
    if (probe) probe(absl::StrCat("layer_", i), h);
  }
  for (const SequenceTokens& sequence : batch.sequences) {
    if (sequence.cache != nullptr) sequence.cache->Advance(sequence.length);
  }
  return h;
}

at::Tensor TextModel::Attention(const Layer& layer, int number, const at::Tensor& x,
                                const Rotary& rotary, const TextBatch& batch) const {
  const int64_t tokens = x.size(0), d = config_.head_dim;
  const double eps = config_.rms_norm_eps;
  at::Tensor q =
      RmsNorm(layer.q(x, batch.adapters).view({tokens, config_.num_heads, d}), layer.q_norm, eps);
  at::Tensor k = RmsNorm(layer.k(x, batch.adapters).view({tokens, config_.num_kv_heads, d}),
                         layer.k_norm, eps);
  const at::Tensor v = layer.v(x, batch.adapters).view({tokens, config_.num_kv_heads, d});
  q = Rotated(q, rotary);
  k = Rotated(k, rotary);
  return layer.o(CausalAttention(q, k, v, number, batch.sequences), batch.adapters);
}

at::Tensor TextModel::Mlp(const Layer& layer, const at::Tensor& x,
                          const AdapterSpans& adapters) const {
  if (layer.experts.has_value()) return layer.experts->Forward(x, adapters);
  const at::Tensor gate = layer.gate(x, adapters), up = layer.up(x, adapters);
  const at::Tensor inner =
      TrainsOnCpu(gate, gate.size(-1)) ? TrainingSwiGlu(gate, up) : at::silu(gate).mul_(up);
  return layer.down(inner, adapters);
}

at::Tensor TextModel::FinalNorm(const at::Tensor& hidden) const {
  return RmsNorm(hidden, norm_, config_.rms_norm_eps);
}

at::Tensor TextModel::Logits(const at::Tensor& normed, const AdapterSpans& adapters) const {
  return output_(normed, adapters);
}

at::Tensor TextModel::OutputRows(std::span<const int64_t> rows, const Adapter* adapter) const {
  const at::Tensor plain = output_.weight.Rows(rows);
  const LowRank* const change = adapter == nullptr ? nullptr : adapter->Find(output_.number);
  if (change == nullptr) return plain;
  const at::Tensor wanted =
      at::tensor(at::IntArrayRef(rows.data(), rows.size())).to(plain.device());
  return plain.add(
      at::matmul(change->b.index_select(0, wanted).to(at::kFloat), change->a.to(at::kFloat)));
}

void TextModel::ForEachLinear(const std::function<void(Linear&)>& visit) {
  for (Layer& layer : layers_) {
    for (Linear* one :
         {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
      if (one->number >= 0) visit(*one);
    }
    if (layer.experts.has_value()) visit(layer.experts->router());
  }
  if (output_.number >= 0) visit(output_);
}

}  // namespace sightline::model
