#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/attention.h"
#include "model/linear.h"
#include "model/model_config.h"
#include "model/rope.h"
#include "model/vision_size.h"
#include "model/weights.h"

namespace sightline::model {

// What the tower makes of pictures.
struct VisionFeatures {
  at::Tensor tokens;             // [patches / 4, text hidden]
  std::vector<at::Tensor> taps;  // one a deepstack layer, of the same shape

  int64_t bytes() const;
};

// Called with intermediate results, for comparison with the reference: "patch_embed", "pos_embed",
// "rotary_freqs", "block_N" here; "rope_cos", "rope_sin" and "layer_N", with
// the deepstack addition, in TextModel.
using Probe = std::function<void(absl::string_view name, const at::Tensor& value)>;

// Writes patches [begin, begin + count) of a pass to `out`, [count, patch_floats]: normalised
// pixels, the patches of a 2x2 block adjacent, pictures one after the other. Both are multiples of
// a block's patches.
using PatchReader = std::function<void(int64_t begin, int64_t count, float* out)>;

// The vision transformer with its mergers. After Qwen3VLVisionModel in transformers,
// models/qwen3_vl/modeling_qwen3_vl.py. Immutable once loaded.
class VisionTower {
 public:
  // Faults are kept by the loader; use the tower only if its status is OK.
  static VisionTower Load(WeightLoader& loader, const VisionConfig& config);

  // Embeds image patches and merges each 2x2 block into one token. Attention stays inside a frame,
  // so pictures computed together do not see each other, and frames of a video may be computed
  // apart. `read` gives as many patches as the grids' products sum to. Layers run over kRowsAtOnce
  // patches at a time, so that besides the patches' own states and their queries, keys and values
  // memory does not grow with a picture. `probe`, for comparison, makes it run over all at once,
  // and so does training; `adapter` may be null.
  VisionFeatures Forward(const PatchReader& read, std::span<const GridThw> grids,
                         const Probe& probe = nullptr, const Adapter* adapter = nullptr) const;

  // The same of all patches at once, [patches, patch_floats] of any float type on any device: what
  // is trained.
  VisionFeatures Forward(const at::Tensor& patches, std::span<const GridThw> grids) const;

  // Calls visit(layer) for every linear layer but the patch embedding. Not once the tower runs.
  void ForEachLinear(const std::function<void(Linear& layer)>& visit);

  static constexpr int64_t kRowsAtOnce = 4096;

 private:
  struct Block {
    LayerNorm norm1, norm2;
    Linear qkv, proj, fc1, fc2;
  };
  // Joins the four rows of a block. The main merger norms before it joins, the deepstack ones
  // after.
  struct Merger {
    LayerNorm norm;
    bool norm_after_grouping = false;
    Linear fc1, fc2;
  };

  // `embed` gives the states of patches [begin, begin + count) before their positions are added.
  VisionFeatures Run(const std::function<at::Tensor(int64_t begin, int64_t count)>& embed,
                     std::span<const GridThw> grids, int64_t at_once, const Probe& probe,
                     const Adapter* adapter) const;
  // The state of all patches after a block; x may be changed in place.
  at::Tensor RunBlock(const Block& block, const at::Tensor& x, const Rotary& rotary,
                      const std::vector<Segment>& frames, int64_t at_once,
                      const Adapter* adapter) const;
  at::Tensor Merge(const Merger& merger, const at::Tensor& x, int64_t at_once,
                   const Adapter* adapter) const;

  VisionConfig config_;
  Linear patch_embed_;
  at::Tensor position_table_;  // [num_position_embeddings, hidden]
  std::vector<Block> blocks_;
  Merger merger_;
  std::vector<Merger> deepstack_;
};

}  // namespace sightline::model
