#include "model/engine_sequence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace sightline::model {
namespace {

at::ScalarType CacheType(const Network& network, KvType wanted) {
  switch (wanted) {
    case KvType::kFloat32: return at::kFloat;
    case KvType::kBFloat16: return at::kBFloat16;
    case KvType::kAuto: break;
  }
  if (!network.device.is_cpu()) return network.types.compute;
  const bool wide = network.types.weights == at::kFloat &&
                    network.config.quantization.method == QuantizationMethod::kNone;
  return wide ? at::kFloat : at::kBFloat16;
}

KvLayout LayoutOf(const Network& network, KvType wanted) {
  const TextConfig& text = network.config.text;
  return {.layers = text.num_layers,
          .kv_heads = text.num_kv_heads,
          .head_dim = text.head_dim,
          .type = CacheType(network, wanted),
          .device = network.device,
          .panels = network.device.is_cpu()};
}

at::Tensor ToDevice(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values).to(device);
}

// Rows of a few rows' float32 copy in host memory.
std::vector<float> Row(const at::Tensor& rows, int64_t i) {
  const at::Tensor row = rows.select(0, i).contiguous();
  const float* const data = row.data_ptr<float>();
  return {data, data + row.numel()};
}

at::Tensor Concatenated(const std::vector<at::Tensor>& parts) {
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

// Pictures' places and features in a batch, gathered from its slices.
struct VisualRows {
  std::vector<int64_t> rows;
  std::vector<at::Tensor> tokens;
  std::vector<std::vector<at::Tensor>> taps;  // [tap][slice]

  // `offset`: the row of the batch where the slice starts.
  void Add(const SequenceSlice& slice, int64_t offset, size_t num_taps) {
    const std::vector<int64_t>& places = slice.sequence->request().input.visual_rows;
    const auto first = std::lower_bound(places.begin(), places.end(), slice.begin);
    const auto last = std::lower_bound(first, places.end(), slice.begin + slice.count);
    if (first == last) return;
    for (auto it = first; it != last; ++it) rows.push_back(*it - slice.begin + offset);
    const VisionFeatures& features = slice.sequence->Features();
    const int64_t from = first - places.begin(), count = last - first;
    tokens.push_back(features.tokens.narrow(0, from, count));
    taps.resize(num_taps);
    for (size_t j = 0; j < num_taps; ++j) {
      taps[j].push_back(features.taps[j].narrow(0, from, count));
    }
  }
};

// Adds the rows of one sequence where it has an adapter; neighbours that share it become one span.
void AddSpan(int64_t offset, int64_t count, const SequenceState& sequence, AdapterSpans& spans) {
  const Adapter* const adapter = sequence.request().input.adapter.get();
  if (adapter == nullptr) return;
  if (!spans.empty() && spans.back().adapter == adapter &&
      spans.back().offset + spans.back().count == offset) {
    spans.back().count += count;
  } else {
    spans.push_back({offset, count, adapter});
  }
}

}  // namespace

SequenceState::SequenceState(EngineRequest request)
    : request_(std::move(request)), patch_bytes_(request_.input.patch_bytes()) {
  // Pictures whose features were known before need nothing from the tower.
  while (claimed_ < request_.input.visuals.size() &&
         request_.input.visuals[claimed_].features != nullptr) {
    ++claimed_;
  }
}

void SequenceState::End(absl::Status status) {
  if (ended_) return;
  ended_ = true;
  end_ = std::move(status);
}

int64_t SequenceState::next_visual_patches() const {
  return request_.input.visuals[claimed_].grid.patches();
}

int64_t SequenceState::ClaimVisuals(int64_t budget) {
  const std::vector<VisualInput>& visuals = request_.input.visuals;
  int64_t patches = 0;
  while (claimed_ < visuals.size()) {
    const VisualInput& next = visuals[claimed_];
    const int64_t wanted = next.features != nullptr ? 0 : next.grid.patches();
    if (patches > 0 && patches + wanted > budget) break;
    patches += wanted;
    ++claimed_;
  }
  return patches;
}

std::vector<VisualInput*> SequenceState::ClaimedVisuals() {
  std::vector<VisualInput*> out;
  for (size_t i = 0; i < claimed_; ++i) {
    VisualInput& visual = request_.input.visuals[i];
    if (visual.features == nullptr) out.push_back(&visual);
  }
  return out;
}

void SequenceState::AppendTokens(const SequenceSlice& slice, std::vector<int64_t>& ids,
                                 std::vector<int64_t> (&positions)[3]) const {
  const SequenceInput& input = request_.input;
  if (next_token_.has_value()) {
    ids.push_back(*next_token_);
    for (std::vector<int64_t>& axis : positions) axis.push_back(slice.begin + input.rope_delta);
    return;
  }
  const auto from = input.ids.begin() + slice.begin;
  ids.insert(ids.end(), from, from + slice.count);
  for (int a = 0; a < 3; ++a) {
    const auto axis = input.positions.begin() + a * prompt_size() + slice.begin;
    positions[a].insert(positions[a].end(), axis, axis + slice.count);
  }
}

int64_t SequenceState::cache_pages() const {
  if (request_.on_logits == nullptr && !cache_.has_value()) return 0;
  return KvCache::PagesOf(prompt_size() + request_.max_new_tokens);
}

KvCache* SequenceState::CacheFor(const SequenceSlice& slice, const KvLayout& layout) {
  if (cache_.has_value()) return &*cache_;
  if (request_.on_logits == nullptr && slice.count == prompt_size()) return nullptr;
  return &cache_.emplace(layout);
}

const VisionFeatures& SequenceState::Features() {
  if (features_.has_value()) return *features_;
  const std::vector<VisualInput>& visuals = request_.input.visuals;
  const at::Tensor& first = visuals.front().features->tokens;
  const at::Tensor order = ToDevice(request_.input.visual_source, first.device());
  const auto gather = [&](auto&& part) {
    std::vector<at::Tensor> parts;
    for (const VisualInput& visual : visuals) parts.push_back(part(*visual.features));
    return Concatenated(parts).index_select(0, order);
  };
  VisionFeatures all;
  all.tokens = gather([](const VisionFeatures& f) { return f.tokens; });
  for (size_t j = 0; j < visuals.front().features->taps.size(); ++j) {
    all.taps.push_back(gather([j](const VisionFeatures& f) { return f.taps[j]; }));
  }
  return features_.emplace(std::move(all));
}

bool SequenceState::Finish(const SequenceSlice& slice) {
  if (next_token_.has_value()) {
    next_token_.reset();
    return true;
  }
  prompt_done_ += slice.count;
  if (prompt_left() > 0) return false;
  features_.reset();  // pictures are scattered into the prompt only
  return true;
}

void SequenceState::TakeHidden(std::vector<float> hidden) {
  if (ended_) return;
  request_.on_hidden(std::move(hidden));
  End(absl::OkStatus());
}

void SequenceState::TakeLogits(std::span<float> logits) {
  if (ended_) return;
  absl::StatusOr<std::optional<int32_t>> next = request_.on_logits(logits);
  if (!next.ok()) {
    End(next.status());
  } else if (next->has_value()) {
    next_token_ = **next;
  } else {
    End(absl::OkStatus());
  }
}

SequenceRunner::SequenceRunner(const Network& network, VisionCache& cache, KvType kv_type)
    : network_(network), cache_(cache), kv_layout_(LayoutOf(network, kv_type)) {}

void SequenceRunner::RunVision(const std::vector<SequenceState*>& sequences) const {
  std::map<const Adapter*, std::vector<SequenceState*>> by_adapter;
  for (SequenceState* sequence : sequences) {
    const Adapter* const adapter = sequence->request().input.adapter.get();
    by_adapter[adapter != nullptr && adapter->changes_vision() ? adapter : nullptr].push_back(
        sequence);
  }
  for (const auto& [adapter, group] : by_adapter) RunTower(group, adapter);
}

void SequenceRunner::RunTower(const std::vector<SequenceState*>& sequences,
                              const Adapter* adapter) const {
  std::vector<at::Tensor> patches;
  std::vector<GridThw> grids;
  std::vector<std::vector<VisualInput*>> wanting;  // those that get grid i's features
  absl::flat_hash_map<std::string, size_t> by_key;
  for (SequenceState* sequence : sequences) {
    for (VisualInput* visual : sequence->ClaimedVisuals()) {
      if (!visual->key.empty()) {
        visual->features = cache_.Find(visual->key);
        if (visual->features != nullptr) continue;
        const auto [known, is_new] = by_key.try_emplace(visual->key, grids.size());
        if (!is_new) {
          wanting[known->second].push_back(visual);
          continue;
        }
      }
      wanting.push_back({visual});
      grids.push_back(visual->grid);
      patches.push_back(at::from_blob(
          visual->patches.data(), {visual->grid.patches(), network_.config.vision.patch_floats()},
          at::TensorOptions().dtype(at::kFloat)));
    }
  }
  if (grids.empty()) return;
  const VisionFeatures all =
      network_.vision.Forward(Concatenated(patches).to(network_.device), grids, nullptr, adapter);
  const int merge = network_.config.vision.spatial_merge_size;
  int64_t offset = 0;
  for (size_t i = 0; i < grids.size(); ++i) {
    const int64_t count = grids[i].tokens(merge);
    auto own = std::make_shared<VisionFeatures>();
    // A copy: a view would keep the features of the whole step alive in the cache.
    own->tokens = all.tokens.narrow(0, offset, count).clone();
    for (const at::Tensor& tap : all.taps)
      own->taps.push_back(tap.narrow(0, offset, count).clone());
    offset += count;
    const std::string& key = wanting[i].front()->key;
    if (!key.empty()) cache_.Insert(key, own, own->bytes());
    for (VisualInput* visual : wanting[i]) {
      visual->features = own;
      std::vector<float>().swap(visual->patches);
    }
  }
}

void SequenceRunner::RunDecoder(const std::vector<SequenceSlice>& slices) const {
  std::vector<int64_t> ids;
  std::vector<int64_t> positions[3];
  VisualRows visual;
  TextBatch batch;
  int64_t offset = 0;
  for (const SequenceSlice& slice : slices) {
    if (!slice.sequence->generating()) {
      visual.Add(slice, offset, network_.config.vision.deepstack_indexes.size());
    }
    slice.sequence->AppendTokens(slice, ids, positions);
    batch.sequences.push_back({slice.count, slice.sequence->CacheFor(slice, kv_layout_)});
    AddSpan(offset, slice.count, *slice.sequence, batch.adapters);
    offset += slice.count;
  }
  batch.embeds = network_.text.Embed(ToDevice(ids, network_.device));
  batch.positions =
      at::stack({at::tensor(positions[0]), at::tensor(positions[1]), at::tensor(positions[2])})
          .to(network_.device);
  if (!visual.rows.empty()) {
    batch.visual_rows = ToDevice(visual.rows, network_.device);
    batch.embeds.index_copy_(0, batch.visual_rows, Concatenated(visual.tokens));
    for (const std::vector<at::Tensor>& tap : visual.taps) batch.taps.push_back(Concatenated(tap));
  }
  const at::Tensor hidden = network_.text.Forward(batch);

  std::vector<SequenceState*> want_hidden, want_logits;
  std::vector<int64_t> hidden_rows, logit_rows;
  offset = 0;
  for (const SequenceSlice& slice : slices) {
    offset += slice.count;
    if (!slice.sequence->Finish(slice)) continue;
    const bool generates = slice.sequence->request().on_logits != nullptr;
    (generates ? want_logits : want_hidden).push_back(slice.sequence);
    (generates ? logit_rows : hidden_rows).push_back(offset - 1);
  }
  const auto normed = [&](const std::vector<int64_t>& rows) {
    return network_.text.FinalNorm(hidden.index_select(0, ToDevice(rows, network_.device)));
  };
  if (!want_hidden.empty()) {
    const at::Tensor rows = normed(hidden_rows).to(at::kCPU, at::kFloat);
    for (size_t i = 0; i < want_hidden.size(); ++i) {
      want_hidden[i]->TakeHidden(Row(rows, static_cast<int64_t>(i)));
    }
  }
  if (!want_logits.empty()) {
    AdapterSpans adapters;
    for (size_t i = 0; i < want_logits.size(); ++i) {
      AddSpan(static_cast<int64_t>(i), 1, *want_logits[i], adapters);
    }
    const at::Tensor rows =
        network_.text.Logits(normed(logit_rows), adapters).to(at::kCPU, at::kFloat);
    for (size_t i = 0; i < want_logits.size(); ++i) {
      std::vector<float> logits = Row(rows, static_cast<int64_t>(i));
      want_logits[i]->TakeLogits(logits);
    }
  }
}

}  // namespace sightline::model
