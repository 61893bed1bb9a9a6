#include "model/text_loss.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "model/network.h"
#include "model/qwen3vl_encoder.h"
#include "model/whole_run.h"

namespace sightline::model {
namespace {

constexpr size_t kLines = 32;

// log p of every next token, [tokens, vocabulary] float32 on the CPU.
at::Tensor LogProbabilities(Checkpoint& checkpoint, std::span<const int32_t> ids) {
  SequenceInput input;
  input.ids.assign(ids.begin(), ids.end());
  for (int axis = 0; axis < 3; ++axis) {
    for (size_t i = 0; i < ids.size(); ++i) input.positions.push_back(static_cast<int32_t>(i));
  }
  const WholeRun run = RunWhole(checkpoint.engine().network(), input, nullptr);
  return at::log_softmax(run.logits.to(at::kCPU, at::kFloat), -1);
}

absl::Status CompareEmbeddings(std::shared_ptr<Checkpoint> original,
                               std::shared_ptr<Checkpoint> other, absl::string_view text,
                               TextLoss& loss) {
  std::vector<EncodeInput> inputs;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view words = absl::StripAsciiWhitespace(line);
    if (words.empty()) continue;
    EncodeInput input;
    input.texts = {std::string(words)};
    inputs.push_back(std::move(input));
    if (inputs.size() == kLines) break;
  }
  if (inputs.empty()) return absl::OkStatus();
  Qwen3VlEncoder first(std::move(original)), second(std::move(other));
  SL_ASSIGN_OR_RETURN(const auto a, first.Encode(inputs, 0, {}));
  SL_ASSIGN_OR_RETURN(const auto b, second.Encode(inputs, 0, {}));
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double cosine = 0;
    for (size_t j = 0; j < a[i].size(); ++j) cosine += double{a[i][j]} * b[i][j];
    sum += cosine;
    loss.least_embedding_cosine = std::min(loss.least_embedding_cosine, cosine);
  }
  loss.embeddings = static_cast<int>(a.size());
  loss.mean_embedding_cosine = sum / static_cast<double>(a.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TextLoss> CompareOnText(std::shared_ptr<Checkpoint> original,
                                       std::shared_ptr<Checkpoint> other, absl::string_view text,
                                       int64_t max_tokens) {
  if (original->config().model.text.vocab_size != other->config().model.text.vocab_size) {
    return absl::InvalidArgumentError("the checkpoints have different vocabularies");
  }
  SL_ASSIGN_OR_RETURN(std::vector<int32_t> ids, original->tokenizer().EncodePlain(text));
  ids.resize(std::min<size_t>(ids.size(), static_cast<size_t>(max_tokens)));
  if (ids.size() < 2) return absl::InvalidArgumentError("the text has fewer than two tokens");
  return CatchStatus("text loss", [&]() -> absl::StatusOr<TextLoss> {
    const c10::InferenceMode inference;
    TextLoss loss;
    double same = 0;
    for (size_t begin = 0; begin + 1 < ids.size(); begin += kLossWindow) {
      const std::span<const int32_t> piece = std::span<const int32_t>(ids).subspan(
          begin, std::min<size_t>(kLossWindow, ids.size() - begin));
      if (piece.size() < 2) break;
      const auto rows = static_cast<int64_t>(piece.size()) - 1;
      const at::Tensor p = LogProbabilities(*original, piece).narrow(0, 0, rows);
      const at::Tensor q = LogProbabilities(*other, piece).narrow(0, 0, rows);
      const std::vector<int64_t> next(piece.begin() + 1, piece.end());
      const at::Tensor places = at::tensor(next).unsqueeze(1);
      loss.original_nll -= p.gather(1, places).sum(at::kDouble).item<double>();
      loss.nll -= q.gather(1, places).sum(at::kDouble).item<double>();
      loss.kl += p.exp().mul(p.sub(q)).sum(at::kDouble).item<double>();
      same += p.argmax(1).eq(q.argmax(1)).sum().item<double>();
      loss.tokens += rows;
    }
    const auto count = static_cast<double>(loss.tokens);
    loss.original_nll /= count;
    loss.nll /= count;
    loss.kl /= count;
    loss.same_best = same / count;
    SL_RETURN_IF_ERROR(CompareEmbeddings(original, other, text, loss));
    return loss;
  });
}

}  // namespace sightline::model
