#include "model/qwen3vl_reranker.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/status.h"
#include "model/hidden_batch.h"

namespace sightline::model {
namespace {

constexpr int kPromptTail = 5;  // tokens of the generation prompt, not counted by the token limit

}  // namespace

absl::StatusOr<std::unique_ptr<Qwen3VlReranker>> Qwen3VlReranker::Create(
    std::shared_ptr<Checkpoint> checkpoint, std::shared_ptr<const Adapter> adapter) {
  const std::optional<int32_t> yes = checkpoint->tokenizer().Find("yes");
  const std::optional<int32_t> no = checkpoint->tokenizer().Find("no");
  if (!yes.has_value() || !no.has_value()) {
    return absl::FailedPreconditionError(
        "reranker: the tokenizer has no single tokens \"yes\" and \"no\"");
  }
  SL_ASSIGN_OR_RETURN(std::vector<float> head,
                      checkpoint->OutputDifference(*yes, *no, adapter.get()));
  return std::unique_ptr<Qwen3VlReranker>(
      new Qwen3VlReranker(std::move(checkpoint), std::move(adapter), *yes, *no, std::move(head)));
}

Qwen3VlReranker::Qwen3VlReranker(std::shared_ptr<Checkpoint> checkpoint,
                                 std::shared_ptr<const Adapter> adapter, int32_t yes, int32_t no,
                                 std::vector<float> head)
    : checkpoint_(std::move(checkpoint)),
      adapter_(std::move(adapter)),
      yes_(yes),
      no_(no),
      head_(std::move(head)),
      info_(checkpoint_->Info("reranker: yes minus no", 1, adapter_.get())) {}

absl::StatusOr<std::vector<float>> Qwen3VlReranker::Logits(absl::string_view instruction,
                                                           const RerankItem& query,
                                                           std::span<const RerankItem> documents,
                                                           const CallOptions& call) {
  const int64_t max_tokens =
      std::min<int64_t>(kMaxRerankTokens, checkpoint_->context() - kPromptTail);
  HiddenCall hidden_call;
  hidden_call.part = Part::kReranker;
  hidden_call.call = call;
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const Adapter> adapter,
                      AdapterFor(*checkpoint_, call, adapter_));
  std::vector<float> head = head_;
  if (adapter != adapter_) {
    SL_ASSIGN_OR_RETURN(head, checkpoint_->OutputDifference(yes_, no_, adapter.get()));
  }
  hidden_call.count = documents.size();
  hidden_call.first_alone = !query.images.empty() || !query.videos.empty();
  hidden_call.input = [&](size_t i) -> absl::StatusOr<SequenceInput> {
    const absl::StatusOr<Prompt> prompt =
        checkpoint_->prompts().Rerank(instruction, query, documents[i], max_tokens);
    if (!prompt.ok() && documents.size() > 1) {
      return Annotate(prompt.status(), absl::StrCat("document ", i));
    }
    if (!prompt.ok()) return prompt.status();
    return checkpoint_->Prepare(*prompt, adapter, call.tenant);
  };
  SL_ASSIGN_OR_RETURN(const std::vector<std::vector<float>> hidden,
                      LastHiddenStates(*checkpoint_, hidden_call));
  std::vector<float> logits;
  for (const std::vector<float>& state : hidden) {
    logits.push_back(
        static_cast<float>(std::inner_product(state.begin(), state.end(), head.begin(), 0.0)));
  }
  return logits;
}

absl::StatusOr<std::vector<float>> Qwen3VlReranker::Rerank(absl::string_view instruction,
                                                           const RerankItem& query,
                                                           std::span<const RerankItem> documents,
                                                           const CallOptions& call) {
  SL_ASSIGN_OR_RETURN(std::vector<float> scores, Logits(instruction, query, documents, call));
  for (float& score : scores) score = Sigmoid(score);
  return scores;
}

float Sigmoid(float x) { return static_cast<float>(1.0 / (1.0 + std::exp(-double{x}))); }

}  // namespace sightline::model
