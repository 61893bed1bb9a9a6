#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/checkpoint.h"
#include "model/reranker.h"

namespace sightline::model {

// The reranker of a Qwen3-VL checkpoint: how much more likely its next word is "yes" than "no".
// After Qwen3VLReranker in QwenLM/Qwen3-VL-Embedding, src/models/qwen3_vl_reranker.py.
class Qwen3VlReranker : public Reranker {
 public:
  // kFailedPrecondition: the vocabulary lacks the words "yes" and "no".
  // `adapter`: of the checkpoint's, for calls that name none; null = none.
  static absl::StatusOr<std::unique_ptr<Qwen3VlReranker>> Create(
      std::shared_ptr<Checkpoint> checkpoint, std::shared_ptr<const Adapter> adapter = nullptr);

  const ModelInfo& info() const override { return info_; }
  absl::StatusOr<std::vector<float>> Rerank(absl::string_view instruction, const RerankItem& query,
                                            std::span<const RerankItem> documents,
                                            const CallOptions& call) override;

  // The scores before the sigmoid. Errors as Rerank.
  absl::StatusOr<std::vector<float>> Logits(absl::string_view instruction, const RerankItem& query,
                                            std::span<const RerankItem> documents,
                                            const CallOptions& call);

 private:
  Qwen3VlReranker(std::shared_ptr<Checkpoint> checkpoint, std::shared_ptr<const Adapter> adapter,
                  int32_t yes, int32_t no, std::vector<float> head);

  const std::shared_ptr<Checkpoint> checkpoint_;
  const std::shared_ptr<const Adapter> adapter_;
  const int32_t yes_, no_;
  const std::vector<float> head_;  // [hidden]: the output rows of "yes" minus "no", with adapter_
  const ModelInfo info_;
};

// 1 / (1 + e^-x).
float Sigmoid(float x);

}  // namespace sightline::model
