#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "model/network.h"
#include "model/prompt.h"
#include "tools/train/model_files.h"

namespace sightline::train {

// Prompts laid end to end for one run of a network that is being trained. Each is padded at its end
// to a multiple of kPadding tokens and those of equal length stand together: what a token attends
// to is not changed by that, and few, large products are made.
struct Batch {
  static constexpr int64_t kPadding = 16;

  at::Tensor ids;        // [tokens] int64
  at::Tensor positions;  // [3, tokens] int64
  std::vector<model::SequenceTokens> sequences;
  std::vector<int64_t> offsets;  // of each prompt, in the order given, its first token's row
  std::vector<model::GridThw> grids;
  at::Tensor patches;  // [sum of the grids' patches, patch_floats], as `grids`; undefined = none
  at::Tensor visual_rows;    // [r] int64 ascending, rows of pictures; undefined = none
  at::Tensor visual_source;  // [r] int64: the picture token in the order of `grids`
};

// How a batch's patches are held: in the network's own type, and for a GPU in memory that it reads
// by itself.
struct PatchMemory {
  at::ScalarType type = at::kFloat;
  bool pinned = false;
};

// kInvalidArgument: what the image processor refuses. Any thread.
absl::StatusOr<Batch> MakeBatch(const ModelFiles& files, std::span<const model::Prompt> prompts,
                                const PatchMemory& memory = {});

// The last hidden states before the final norm, [tokens, hidden], through the network's own tower
// and decoder. Throws what the tensor library throws.
at::Tensor RunBatch(const model::Network& network, const Batch& batch);

}  // namespace sightline::train
