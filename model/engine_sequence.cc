#include "model/engine_sequence.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

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
  std::vector<std::vector<at::Tensor>> taps;  // [tap][part]

  // `offset`: the row of the batch where the slice starts.
  void Add(const SequenceSlice& slice, int64_t offset) {
    for (const VisualProgress& visual : slice.sequence->visuals()) {
      const std::vector<int64_t>& places = visual.places();
      const auto first = std::lower_bound(places.begin(), places.end(), slice.begin);
      const auto last = std::lower_bound(first, places.end(), slice.begin + slice.count);
      for (auto it = first; it != last; ++it) rows.push_back(*it - slice.begin + offset);
      for (auto it = first; it != last;) {
        const VisualProgress::Rows found = visual.Find(it - places.begin(), last - it);
        tokens.push_back(found.features->tokens.narrow(0, found.offset, found.count));
        taps.resize(found.features->taps.size());
        for (size_t j = 0; j < taps.size(); ++j) {
          taps[j].push_back(found.features->taps[j].narrow(0, found.offset, found.count));
        }
        it += found.count;
      }
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

// What becomes of a prompt's pictures, in the order of their first tokens.
std::vector<VisualProgress> Progress(SequenceInput& input, int merge) {
  std::vector<int64_t> ends;  // of each visual's rows among all of them
  for (const VisualInput& visual : input.visuals) {
    ends.push_back((ends.empty() ? 0 : ends.back()) + visual.grid.tokens(merge));
  }
  std::vector<std::vector<int64_t>> places(input.visuals.size());
  for (size_t i = 0; i < input.visual_rows.size(); ++i) {
    const auto owner = std::upper_bound(ends.begin(), ends.end(), input.visual_source[i]);
    places[owner - ends.begin()].push_back(input.visual_rows[i]);
  }
  std::vector<size_t> order(input.visuals.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return places[a].front() < places[b].front(); });
  std::vector<VisualProgress> out;
  out.reserve(order.size());
  for (const size_t i : order) out.emplace_back(input.visuals[i], std::move(places[i]));
  return out;
}

}  // namespace

SequenceState::SequenceState(EngineRequest request, int merge)
    : request_(std::move(request)),
      pixel_bytes_(request_.input.pixel_bytes()),
      visuals_(Progress(request_.input, merge)) {
  SkipClaimed();
}

void SequenceState::End(absl::Status status) {
  if (ended_) return;
  ended_ = true;
  end_ = std::move(status);
}

void SequenceState::SkipClaimed() {
  while (next_visual_ < visuals_.size() && visuals_[next_visual_].claimed()) ++next_visual_;
}

int64_t SequenceState::ClaimVisuals(int64_t budget, bool least_one, VisionCache& cache) {
  int64_t patches = 0;
  while (needs_vision()) {
    patches += visuals_[next_visual_].Claim(budget - patches, least_one && patches == 0, cache);
    if (!visuals_[next_visual_].claimed()) break;
    SkipClaimed();
  }
  return patches;
}

int64_t SequenceState::ready_tokens() const {
  const int64_t end =
      needs_vision() ? visuals_[next_visual_].first_unclaimed_place() : prompt_size();
  return end - prompt_done_;
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

bool SequenceState::Finish(const SequenceSlice& slice) {
  if (next_token_.has_value()) {
    next_token_.reset();
    return true;
  }
  prompt_done_ += slice.count;
  TellFeatures();
  for (VisualProgress& visual : visuals_) visual.Drop(prompt_done_);
  return prompt_left() == 0;
}

void SequenceState::TellFeatures() {
  if (request_.on_features == nullptr || visuals_.empty() || visuals_.front().parts() == 0) return;
  const auto tell = std::exchange(request_.on_features, nullptr);
  tell(visuals_.front().Find(0, 1).features);
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
  std::vector<GridThw> grids;
  std::vector<std::vector<VisualProgress*>> wanting;  // those that get grid i's features
  absl::flat_hash_map<std::string, size_t> by_key;
  for (SequenceState* sequence : sequences) {
    for (VisualProgress& visual : sequence->visuals()) {
      const std::optional<VisualClaim> claim = visual.pending();
      if (!claim.has_value()) continue;
      const std::string& key = visual.input().key;
      if (!key.empty()) {
        const auto [known, is_new] = by_key.try_emplace(
            absl::StrCat(key, "/", claim->first_step, "/", claim->steps), grids.size());
        if (!is_new) {
          wanting[known->second].push_back(&visual);
          continue;
        }
      }
      wanting.push_back({&visual});
      GridThw& grid = grids.emplace_back(visual.input().grid);
      grid.t = static_cast<int>(claim->steps);
    }
  }
  if (grids.empty()) return;
  const VisionFeatures all = network_.vision.Forward(
      [&](int64_t begin, int64_t count, float* out) {
        const int64_t width = network_.config.vision.patch_floats();
        for (size_t i = 0; i < grids.size() && count > 0; begin -= grids[i++].patches()) {
          const int64_t here = std::min(count, grids[i].patches() - begin);
          if (here <= 0) continue;
          const VisualProgress& visual = *wanting[i].front();
          const int64_t first = visual.pending()->first_step * visual.step_patches();
          visual.input().ReadPatches(first + begin, here, out);
          out += here * width;
          begin += here;
          count -= here;
        }
      },
      grids, nullptr, adapter);
  const int merge = network_.config.vision.spatial_merge_size;
  int64_t offset = 0;
  for (size_t i = 0; i < grids.size(); ++i) {
    const int64_t count = grids[i].tokens(merge);
    auto own = std::make_shared<VisionFeatures>(all);
    if (grids.size() > 1) {
      // A copy: a view would keep the features of the whole step alive in the cache.
      own->tokens = all.tokens.narrow(0, offset, count).clone();
      for (at::Tensor& tap : own->taps) tap = tap.narrow(0, offset, count).clone();
    }
    offset += count;
    for (VisualProgress* visual : wanting[i]) visual->Take(own, cache_);
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
      visual.Add(slice, offset);
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
