#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/checkpoint.h"
#include "model/encoder.h"

namespace sightline::model {

// The encoder of a Qwen3-VL checkpoint: the last token's final hidden state, normalised to
// length 1. After Qwen3VLEmbedder in QwenLM/Qwen3-VL-Embedding, src/models/qwen3_vl_embedding.py.
class Qwen3VlEncoder : public Encoder {
 public:
  // `adapter`: of the checkpoint's, for calls that name none; null = none.
  explicit Qwen3VlEncoder(std::shared_ptr<Checkpoint> checkpoint,
                          std::shared_ptr<const Adapter> adapter = nullptr);

  const ModelInfo& info() const override { return info_; }
  int dimension() const override { return dimension_; }
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const EncodeInput> inputs,
                                                         int dimension,
                                                         const CallOptions& call) override;
  absl::StatusOr<PictureRegions> EncodeRegions(const ImagePtr& picture, int dimension,
                                               const CallOptions& call) override;
  absl::StatusOr<int> CountTokens(absl::string_view text) const override;

 private:
  // kInvalidArgument: out of range.
  absl::Status CheckDimension(int dimension) const;

  const std::shared_ptr<Checkpoint> checkpoint_;
  const std::shared_ptr<const Adapter> adapter_;
  const int dimension_;
  const ModelInfo info_;
};

// The first `dimension` floats of `vector`, scaled to length 1.
std::vector<float> UnitPrefix(std::span<const float> vector, size_t dimension);

}  // namespace sightline::model
