#include "model/qwen3vl_generator.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "absl/synchronization/notification.h"
#include "base/status.h"
#include "base/utf8.h"
#include "model/sampler.h"
#include "model/stop_filter.h"
#include "model/tokenizer.h"

namespace sightline::model {
namespace {

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// One text being written. After construction it belongs to the engine's thread until `done`.
class Writing {
 public:
  Writing(const Tokenizer& tokenizer, const std::vector<int32_t>& eos, const GenerateInput& input,
          const SamplerOptions& sampling, std::span<const int32_t> prompt, int64_t max_tokens,
          const OnText& on_text)
      : eos_(eos),
        ignore_eos_(input.sampling.ignore_eos),
        max_tokens_(max_tokens),
        constraint_(input.constraint),
        on_text_(on_text),
        sampler_(sampling, input.sampling.seed.has_value() ? *input.sampling.seed : DrawSeed(),
                 prompt),
        decoder_(tokenizer, /*skip_special=*/true),
        stop_(input.stop) {}

  // The next token, or nothing when the text is finished.
  absl::StatusOr<std::optional<int32_t>> Next(std::span<float> logits) {
    if (constraint_ != nullptr) constraint_->Apply(result_.token_ids, logits);
    SL_ASSIGN_OR_RETURN(const int32_t token, sampler_.Next(logits));
    result_.token_ids.push_back(token);
    const bool eos = !ignore_eos_ && std::find(eos_.begin(), eos_.end(), token) != eos_.end();
    if (!eos) SL_RETURN_IF_ERROR(Give(stop_.Push(decoder_.Push(token))));
    const bool full = static_cast<int64_t>(result_.token_ids.size()) >= max_tokens_;
    if (!eos && !stop_.stopped() && !full) return std::optional<int32_t>(token);
    if (!stop_.stopped()) {
      SL_RETURN_IF_ERROR(Give(stop_.Push(decoder_.Finish())));
      SL_RETURN_IF_ERROR(Give(stop_.Finish()));
    }
    result_.finish_reason = eos || stop_.stopped() ? FinishReason::kStop : FinishReason::kLength;
    return std::optional<int32_t>();
  }

  void End(absl::Status status) {
    status_ = std::move(status);
    done_.Notify();
  }

  absl::StatusOr<GenerateResult> Wait() {
    done_.WaitForNotification();
    SL_RETURN_IF_ERROR(status_);
    return std::move(result_);
  }

 private:
  absl::Status Give(const std::string& text) {
    if (text.empty()) return absl::OkStatus();
    result_.text += text;
    if (on_text_ != nullptr && !on_text_(text)) {
      return absl::CancelledError("ended by the receiver of the text");
    }
    return absl::OkStatus();
  }

  const std::vector<int32_t>& eos_;
  const bool ignore_eos_;
  const int64_t max_tokens_;
  const std::shared_ptr<TokenConstraint> constraint_;
  const OnText& on_text_;
  Sampler sampler_;
  StreamDecoder decoder_;
  StopFilter stop_;
  GenerateResult result_;
  absl::Status status_;
  absl::Notification done_;
};

absl::Status CheckInput(const GenerateInput& input) {
  if (input.max_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_tokens is ", input.max_tokens, ", expected at least 1"));
  }
  for (const std::string& stop : input.stop) {
    if (stop.empty()) return absl::InvalidArgumentError("a stop string is empty");
    if (!IsValidUtf8(stop)) return absl::InvalidArgumentError("a stop string is not UTF-8");
  }
  return absl::OkStatus();
}

}  // namespace

Qwen3VlGenerator::Qwen3VlGenerator(std::shared_ptr<Checkpoint> checkpoint,
                                   std::shared_ptr<const Adapter> adapter)
    : checkpoint_(std::move(checkpoint)),
      adapter_(std::move(adapter)),
      info_(checkpoint_->Info("generator: chat", checkpoint_->config().model.text.vocab_size,
                              adapter_.get())) {}

absl::StatusOr<GenerateResult> Qwen3VlGenerator::Generate(const GenerateInput& input,
                                                          const CallOptions& call,
                                                          const OnText& on_text) {
  SL_ASSIGN_OR_RETURN(
      const Prompt prompt,
      checkpoint_->prompts().Chat(input.messages, ChatOptions(), checkpoint_->context() - 1));
  SL_ASSIGN_OR_RETURN(std::shared_ptr<const Adapter> adapter,
                      AdapterFor(*checkpoint_, call, adapter_));
  SL_ASSIGN_OR_RETURN(SequenceInput sequence, checkpoint_->Prepare(prompt, std::move(adapter)));
  return Continue(std::move(sequence), input, call, on_text);
}

absl::StatusOr<GenerateResult> Qwen3VlGenerator::Continue(SequenceInput sequence,
                                                          const GenerateInput& input,
                                                          const CallOptions& call,
                                                          const OnText& on_text) {
  SL_RETURN_IF_ERROR(CheckInput(input));
  const CheckpointConfig& config = checkpoint_->config();
  SL_ASSIGN_OR_RETURN(const SamplerOptions sampling,
                      ResolveSampling(input.sampling, config.generation));
  const auto prompt_tokens = static_cast<int64_t>(sequence.ids.size());
  const int64_t max_tokens =
      std::min<int64_t>(input.max_tokens, checkpoint_->context() - prompt_tokens);
  const auto image_tokens = static_cast<int>(sequence.visual_rows.size());

  SL_ASSIGN_OR_RETURN(const Place place, checkpoint_->engine().TakePlace(Part::kGenerator));
  Writing writing(checkpoint_->tokenizer(), config.generation.eos_token_ids, input, sampling,
                  sequence.ids, max_tokens, on_text);
  EngineRequest request;
  request.part = Part::kGenerator;
  request.call = call;
  request.input = std::move(sequence);
  request.max_new_tokens = max_tokens;
  request.on_logits = [&writing](std::span<float> logits) { return writing.Next(logits); };
  request.on_end = [&writing](absl::Status status) { writing.End(std::move(status)); };
  std::vector<EngineRequest> requests;
  requests.push_back(std::move(request));
  SL_RETURN_IF_ERROR(checkpoint_->engine().Submit(std::move(requests)));
  SL_ASSIGN_OR_RETURN(GenerateResult result, writing.Wait());
  result.prompt_tokens = static_cast<int>(prompt_tokens);
  result.image_tokens = image_tokens;
  return result;
}

absl::StatusOr<int> Qwen3VlGenerator::CountTokens(absl::string_view text) const {
  return checkpoint_->CountTokens(text);
}

int Qwen3VlGenerator::ImageTokens(int width, int height) const {
  const absl::StatusOr<GridThw> grid =
      checkpoint_->processor().ImageGrid(width, height, ImageProcessor::Path::kChat);
  return grid.ok()
             ? static_cast<int>(grid->tokens(checkpoint_->config().model.vision.spatial_merge_size))
             : 0;
}

}  // namespace sightline::model
