#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sightline::model {

struct QuantizeOptions {
  int bits = 4;         // 4 or 8
  int64_t group = 128;  // 32, 64 or 128 inputs that share a scale
  bool symmetric = true;
  int64_t shard_bytes = int64_t{4} << 30;  // of one output file, at most, where one tensor fits
};

// What became of a checkpoint's tensors.
struct QuantizeReport {
  struct Layer {
    std::string name;           // without ".weight"
    double relative_error = 0;  // ||W - W'|| / ||W||, Frobenius
  };
  struct Kept {
    std::string name;
    std::string reason;
  };
  std::vector<Layer> layers;  // made narrow, in the order of the files' names
  std::vector<Kept> kept;     // linear layers of the decoder that were not
  int64_t bytes_before = 0;   // of all tensors
  int64_t bytes_after = 0;
  int shards = 0;
};

// Writes the checkpoint `folder` anew to `out` with the decoder's linear layers and experts made
// narrow in the compressed-tensors "pack-quantized" layout; fused experts come out one by one.
// Embeddings, output matrix, norms, routers and the vision tower keep their stored form, and so
// does a linear layer whose inputs do not divide into groups. Files that are not weights are
// copied. A few matrices are in memory at a time.
//
// kNotFound: no such checkpoint; kFailedPrecondition: it is a bundle, is quantised already, or
// holds a linear layer that is not made of floats; kInvalidArgument: options out of range, or `out`
// exists and is not an empty folder; kUnavailable: the system refused to write.
absl::StatusOr<QuantizeReport> QuantizeCheckpoint(const std::string& folder, const std::string& out,
                                                  const QuantizeOptions& options);

}  // namespace sightline::model
