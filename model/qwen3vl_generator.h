#pragma once

#include <memory>

#include "model/checkpoint.h"
#include "model/generator.h"

namespace sightline::model {

// The generator of a Qwen3-VL checkpoint.
class Qwen3VlGenerator : public Generator {
 public:
  // `adapter`: of the checkpoint's, for calls that name none; null = none.
  explicit Qwen3VlGenerator(std::shared_ptr<Checkpoint> checkpoint,
                            std::shared_ptr<const Adapter> adapter = nullptr);

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<GenerateResult> Generate(const GenerateInput& input, const CallOptions& call,
                                          const OnText& on_text) override;
  absl::StatusOr<int> CountTokens(absl::string_view text) const override;
  int ImageTokens(int width, int height) const override;

  // Generate with a prompt made elsewhere; the messages of `input` are not read.
  absl::StatusOr<GenerateResult> Continue(SequenceInput sequence, const GenerateInput& input,
                                          const CallOptions& call, const OnText& on_text);

 private:
  const std::shared_ptr<Checkpoint> checkpoint_;
  const std::shared_ptr<const Adapter> adapter_;
  const ModelInfo info_;
};

}  // namespace sightline::model
