#include "model/vision_tower.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "model/attention.h"
#include "model/training_ops.h"

namespace sightline::model {
namespace {

// Calls visit(row, column) for every patch of one frame in merge-grouped order: block row, block
// column, then inside the block row, column.
template <typename Visit>
void ForEachPatch(const GridThw& grid, int merge, Visit&& visit) {
  for (int block_row = 0; block_row < grid.h; block_row += merge) {
    for (int block_column = 0; block_column < grid.w; block_column += merge) {
      for (int y = 0; y < merge; ++y) {
        for (int x = 0; x < merge; ++x) visit(block_row + y, block_column + x);
      }
    }
  }
}

// n points evenly spaced over [0, last] in float32, computed from both ends as torch.linspace does.
std::vector<float> EvenlySpaced(int n, int last) {
  std::vector<float> out(n, 0.0f);
  if (n < 2) return out;
  const float step = static_cast<float>(last) / static_cast<float>(n - 1);
  for (int i = 0; i < n; ++i) {
    out[i] = i < n / 2 ? step * static_cast<float>(i)
                       : static_cast<float>(last) - step * static_cast<float>(n - 1 - i);
  }
  return out;
}

// The four table rows around a patch and their weights.
struct Corners {
  std::vector<int64_t> index[4];
  std::vector<float> weight[4];

  void Add(float y, float x, int64_t side) {
    const int64_t y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
    const int64_t y1 = std::min(y0 + 1, side - 1), x1 = std::min(x0 + 1, side - 1);
    const float fy = y - static_cast<float>(y0), fx = x - static_cast<float>(x0);
    const int64_t rows[4] = {y0 * side + x0, y0 * side + x1, y1 * side + x0, y1 * side + x1};
    const float weights[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
    for (int c = 0; c < 4; ++c) {
      index[c].push_back(rows[c]);
      weight[c].push_back(weights[c]);
    }
  }
};

// The learned positions of every patch, blended from the square table when they are asked for.
class PositionBlend {
 public:
  // table: [side * side, hidden].
  PositionBlend(std::span<const GridThw> grids, int merge, const at::Tensor& table)
      : table_(table) {
    const auto side = static_cast<int>(std::sqrt(static_cast<double>(table.size(0))));
    Corners corners;
    for (const GridThw& grid : grids) {
      const std::vector<float> ys = EvenlySpaced(grid.h, side - 1);
      const std::vector<float> xs = EvenlySpaced(grid.w, side - 1);
      for (int t = 0; t < grid.t; ++t) {
        ForEachPatch(grid, merge,
                     [&](int row, int column) { corners.Add(ys[row], xs[column], side); });
      }
    }
    for (int c = 0; c < 4; ++c) {
      index_[c] = at::tensor(corners.index[c]).to(table.device());
      weight_[c] =
          at::tensor(corners.weight[c]).to(table.device(), table.scalar_type()).unsqueeze(1);
    }
  }

  // [count, hidden]
  at::Tensor Rows(int64_t begin, int64_t count) const {
    at::Tensor sum;
    for (int c = 0; c < 4; ++c) {
      const at::Tensor term = table_.index_select(0, index_[c].narrow(0, begin, count))
                                  .mul_(weight_[c].narrow(0, begin, count));
      sum = sum.defined() ? sum.add_(term) : term;
    }
    return sum;
  }

 private:
  const at::Tensor table_;
  at::Tensor index_[4];   // [patches] int64
  at::Tensor weight_[4];  // [patches, 1]
};

at::Tensor ToTensor(const std::vector<float>& values, at::Device device) {
  return at::tensor(values).to(device);
}

// Row and column of every patch of every frame, as angles. [patches, head_dim / 2]
at::Tensor PatchAngles(std::span<const GridThw> grids, int merge, int64_t head_dim,
                       at::Device device) {
  std::vector<float> rows, columns;
  for (const GridThw& grid : grids) {
    for (int t = 0; t < grid.t; ++t) {
      ForEachPatch(grid, merge, [&](int row, int column) {
        rows.push_back(static_cast<float>(row));
        columns.push_back(static_cast<float>(column));
      });
    }
  }
  return VisionAngles(ToTensor(rows, device), ToTensor(columns, device), head_dim);
}

std::vector<Segment> FrameSegments(std::span<const GridThw> grids) {
  std::vector<int64_t> lengths;
  for (const GridThw& grid : grids) {
    lengths.insert(lengths.end(), grid.t, int64_t{grid.h} * grid.w);
  }
  return GroupEqualLengths(lengths);
}

at::Tensor TanhGelu(const at::Tensor& x) {
  return TrainsOnCpu(x, x.size(-1)) ? TrainingGelu(x) : at::gelu(x, "tanh");
}

// f of at most `at_once` rows of x at a time; each call gives the same share of rows of the result.
template <typename F>
at::Tensor ByRows(const at::Tensor& x, int64_t at_once, const F& f) {
  const int64_t n = x.size(0);
  if (n <= at_once) return f(x);
  at::Tensor out;
  for (int64_t begin = 0, done = 0; begin < n; begin += at_once) {
    const int64_t count = std::min(at_once, n - begin);
    const at::Tensor part = f(x.narrow(0, begin, count));
    if (!out.defined()) out = at::empty({part.size(0) * n / count, part.size(1)}, part.options());
    out.narrow(0, done, part.size(0)).copy_(part);
    done += part.size(0);
  }
  return out;
}

}  // namespace

int64_t VisionFeatures::bytes() const {
  int64_t total = static_cast<int64_t>(tokens.nbytes());
  for (const at::Tensor& tap : taps) total += static_cast<int64_t>(tap.nbytes());
  return total;
}

VisionTower VisionTower::Load(WeightLoader& loader, const VisionConfig& config) {
  const std::string root = "model.visual.";
  const int64_t hidden = config.hidden_size;
  VisionTower tower;
  tower.config_ = config;

  // Kernel and stride of the reference's 3-d convolution are equal, so it is one linear layer.
  const at::Tensor kernel = loader.TakeTable(
      root + "patch_embed.proj.weight", {hidden, config.in_channels, config.temporal_patch_size,
                                         config.patch_size, config.patch_size});
  if (kernel.defined()) {
    tower.patch_embed_.weight =
        StoredMatrix::FromDense(kernel.view({hidden, config.patch_floats()}));
  }
  tower.patch_embed_.bias = loader.Take(root + "patch_embed.proj.bias", {hidden});
  tower.position_table_ =
      loader.Take(root + "pos_embed.weight", {config.num_position_embeddings, hidden});

  for (int i = 0; i < config.depth; ++i) {
    const std::string name = absl::StrCat(root, "blocks.", i, ".");
    Block block;
    block.norm1 = LoadLayerNorm(loader, name + "norm1", hidden);
    block.norm2 = LoadLayerNorm(loader, name + "norm2", hidden);
    block.qkv = LoadLinear(loader, name + "attn.qkv", 3 * hidden, hidden, true);
    block.proj = LoadLinear(loader, name + "attn.proj", hidden, hidden, true);
    block.fc1 = LoadLinear(loader, name + "mlp.linear_fc1", config.intermediate_size, hidden, true);
    block.fc2 = LoadLinear(loader, name + "mlp.linear_fc2", hidden, config.intermediate_size, true);
    tower.blocks_.push_back(std::move(block));
  }

  const int64_t grouped = hidden * config.spatial_merge_size * config.spatial_merge_size;
  const auto load_merger = [&](const std::string& name, bool norm_after_grouping) {
    Merger merger;
    merger.norm = LoadLayerNorm(loader, name + ".norm", norm_after_grouping ? grouped : hidden);
    merger.norm_after_grouping = norm_after_grouping;
    merger.fc1 = LoadLinear(loader, name + ".linear_fc1", grouped, grouped, true);
    merger.fc2 = LoadLinear(loader, name + ".linear_fc2", config.out_hidden_size, grouped, true);
    return merger;
  };
  tower.merger_ = load_merger(root + "merger", false);
  for (size_t j = 0; j < config.deepstack_indexes.size(); ++j) {
    tower.deepstack_.push_back(load_merger(absl::StrCat(root, "deepstack_merger_list.", j), true));
  }
  return tower;
}

VisionFeatures VisionTower::Forward(const PatchReader& read, std::span<const GridThw> grids,
                                    const Probe& probe, const Adapter* adapter) const {
  constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  const int64_t block = int64_t{config_.spatial_merge_size} * config_.spatial_merge_size;
  const bool whole = probe || position_table_.requires_grad();
  const auto embed = [&](int64_t begin, int64_t count) {
    const at::Tensor rows = at::empty({count, config_.patch_floats()}, at::kFloat);
    read(begin, count, rows.data_ptr<float>());
    return patch_embed_(rows.to(position_table_.device(), position_table_.scalar_type()));
  };
  return Run(embed, grids, whole ? kAll : kRowsAtOnce / block * block, probe, adapter);
}

VisionFeatures VisionTower::Forward(const at::Tensor& patches,
                                    std::span<const GridThw> grids) const {
  const auto embed = [&](int64_t begin, int64_t count) {
    return patch_embed_(patches.narrow(0, begin, count)
                            .to(position_table_.device(), position_table_.scalar_type(),
                                /*non_blocking=*/true));
  };
  return Run(embed, grids, patches.size(0), nullptr, nullptr);
}

VisionFeatures VisionTower::Run(
    const std::function<at::Tensor(int64_t begin, int64_t count)>& embed,
    std::span<const GridThw> grids, int64_t at_once, const Probe& probe,
    const Adapter* adapter) const {
  const int merge = config_.spatial_merge_size;
  const at::Device device = position_table_.device();
  int64_t n = 0;
  for (const GridThw& grid : grids) n += grid.patches();
  const at::Tensor angles =
      PatchAngles(grids, merge, config_.hidden_size / config_.num_heads, device);
  const Rotary rotary = RotaryFromAngles(angles);  // float32 throughout the tower
  const PositionBlend positions(grids, merge, position_table_);

  at_once = std::min(at_once, n);
  std::vector<at::Tensor> embedded;
  for (int64_t begin = 0; begin < n; begin += at_once) {
    const int64_t count = std::min(at_once, n - begin);
    at::Tensor rows = embed(begin, count);  // [count, hidden]
    const at::Tensor own = positions.Rows(begin, count);
    if (probe) {
      probe("patch_embed", rows);
      probe("pos_embed", own);
      probe("rotary_freqs", angles);
    }
    embedded.push_back(rows.add_(own));
  }
  at::Tensor x = embedded.size() == 1 ? embedded.front() : at::cat(embedded, 0);
  embedded.clear();

  const std::vector<Segment> frames = FrameSegments(grids);
  VisionFeatures out;
  out.taps.resize(deepstack_.size());
  for (int i = 0; i < config_.depth; ++i) {
    x = RunBlock(blocks_[i], x, rotary, frames, at_once, adapter);
    if (probe) probe(absl::StrCat("block_", i), x);
    for (size_t j = 0; j < deepstack_.size(); ++j) {
      if (config_.deepstack_indexes[j] == i)
        out.taps[j] = Merge(deepstack_[j], x, at_once, adapter);
    }
  }
  out.tokens = Merge(merger_, x, at_once, adapter);
  return out;
}

at::Tensor VisionTower::RunBlock(const Block& block, const at::Tensor& x, const Rotary& rotary,
                                 const std::vector<Segment>& frames, int64_t at_once,
                                 const Adapter* adapter) const {
  const int64_t n = x.size(0), heads = config_.num_heads, d = config_.hidden_size / heads;
  at::Tensor qkv = ByRows(x, at_once, [&](const at::Tensor& rows) {
                     return block.qkv(block.norm1(rows), adapter);
                   }).view({n, 3, heads, d});
  const at::Tensor mixed =
      PackedAttention(Rotated(qkv.select(1, 0), rotary), Rotated(qkv.select(1, 1), rotary),
                      qkv.select(1, 2), frames, /*causal=*/false);
  qkv.reset();
  if (n <= at_once) {  // without a change in place, which gradients could not pass
    const at::Tensor y = x.add(block.proj(mixed, adapter));
    return y.add(block.fc2(TanhGelu(block.fc1(block.norm2(y), adapter)), adapter));
  }
  for (int64_t begin = 0; begin < n; begin += at_once) {
    const int64_t count = std::min(at_once, n - begin);
    at::Tensor rows = x.narrow(0, begin, count);
    rows.add_(block.proj(mixed.narrow(0, begin, count), adapter));
    rows.add_(block.fc2(TanhGelu(block.fc1(block.norm2(rows), adapter)), adapter));
  }
  return x;
}

at::Tensor VisionTower::Merge(const Merger& merger, const at::Tensor& x, int64_t at_once,
                              const Adapter* adapter) const {
  const int64_t grouped = int64_t{config_.spatial_merge_size} * config_.spatial_merge_size;
  return ByRows(x, at_once, [&](const at::Tensor& some) {
    const std::vector<int64_t> shape = {some.size(0) / grouped, some.size(1) * grouped};
    const at::Tensor joined = merger.norm_after_grouping ? merger.norm(some.reshape(shape))
                                                         : merger.norm(some).reshape(shape);
    // The erf form here, tanh in the blocks.
    return merger.fc2(at::gelu(merger.fc1(joined, adapter), "none"), adapter);
  });
}

void VisionTower::ForEachLinear(const std::function<void(Linear&)>& visit) {
  for (Block& block : blocks_) {
    for (Linear* one : {&block.qkv, &block.proj, &block.fc1, &block.fc2}) visit(*one);
  }
  const auto merge = [&](Merger& merger) {
    visit(merger.fc1);
    visit(merger.fc2);
  };
  merge(merger_);
  for (Merger& merger : deepstack_) merge(merger);
}

}  // namespace sightline::model
