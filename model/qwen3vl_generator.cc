#include "model/qwen3vl_generator.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "base/status.h"
#include "base/utf8.h"
#include "model/preferred_reply.h"
#include "model/sampler.h"
#include "model/text_writer.h"
#include "model/tokenizer.h"

namespace sightline::model {
namespace {

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

constexpr int kMaxChoices = 16;

// One text on its way through the engine.
struct Task {
  explicit Task(TextWriter text) : writer(std::move(text)) {}

  TextWriter writer;         // the engine thread's until `done`
  absl::Notification begun;  // the prompt went through the network, or the text ended without
  absl::Notification done;
};

// The texts of one call. None outlives it: the destructor ends those that run and waits.
class Tasks {
 public:
  Tasks(Engine& engine, const CallOptions& call, int64_t max_tokens)
      : engine_(engine), call_(call), max_tokens_(max_tokens) {}
  ~Tasks() {
    unwanted_ = true;
    for (size_t i = 0; i < submitted_; ++i) tasks_[i]->done.WaitForNotification();
  }
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  void Add(TextWriter writer) { tasks_.push_back(std::make_unique<Task>(std::move(writer))); }

  // Queues the next texts, one for each of `inputs`.
  absl::Status Submit(std::vector<SequenceInput> inputs) {
    std::vector<EngineRequest> requests;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Task* const task = tasks_[submitted_ + i].get();
      EngineRequest request;
      request.part = Part::kGenerator;
      request.call = call_;
      request.input = std::move(inputs[i]);
      request.max_new_tokens = max_tokens_;
      request.on_logits = [this, task](std::span<float> logits) { return Next(*task, logits); };
      request.on_end = [this, task](absl::Status status) { End(*task, std::move(status)); };
      requests.push_back(std::move(request));
    }
    const size_t count = requests.size();
    SL_RETURN_IF_ERROR(engine_.Submit(std::move(requests)));
    submitted_ += count;
    return absl::OkStatus();
  }

  // Waits until the text's prompt is through the network. The first error there was.
  absl::Status WaitForBegin(size_t index) {
    tasks_[index]->begun.WaitForNotification();
    absl::MutexLock lock(&mu_);
    return first_error_;
  }

  // The first error there was, or all texts.
  absl::StatusOr<std::vector<GenerateChoice>> Wait() {
    for (const auto& task : tasks_) task->done.WaitForNotification();
    absl::MutexLock lock(&mu_);
    SL_RETURN_IF_ERROR(first_error_);
    std::vector<GenerateChoice> choices;
    for (const auto& task : tasks_) choices.push_back(task->writer.Take());
    return choices;
  }

 private:
  absl::StatusOr<std::optional<int32_t>> Next(Task& task, std::span<float> logits) {
    if (unwanted_) return absl::CancelledError("another text of the call failed");
    auto next = task.writer.Next(logits);
    if (!task.begun.HasBeenNotified()) task.begun.Notify();
    return next;
  }

  void End(Task& task, absl::Status status) {
    if (!status.ok()) {
      absl::MutexLock lock(&mu_);
      first_error_.Update(status);
      unwanted_ = true;
    }
    if (!task.begun.HasBeenNotified()) task.begun.Notify();
    task.done.Notify();
  }

  Engine& engine_;
  const CallOptions& call_;
  const int64_t max_tokens_;
  std::vector<std::unique_ptr<Task>> tasks_;
  size_t submitted_ = 0;
  std::atomic<bool> unwanted_{false};
  absl::Mutex mu_;
  absl::Status first_error_ ABSL_GUARDED_BY(mu_);
};

absl::Status CheckInput(const GenerateInput& input) {
  if (input.max_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_tokens is ", input.max_tokens, ", expected at least 1"));
  }
  if (input.n < 1 || input.n > kMaxChoices) {
    return absl::InvalidArgumentError(
        absl::StrCat("n is ", input.n, ", expected 1 to ", kMaxChoices));
  }
  if (input.constraint != nullptr && input.n > 1) {
    return absl::InvalidArgumentError(
        "a constraint of the caller's own is of one text: n must be 1");
  }
  const bool formatted = !std::holds_alternative<std::monostate>(input.format);
  const bool marked = std::holds_alternative<MarkedTextFormat>(input.format);
  if (marked && input.constraint != nullptr) {
    return absl::InvalidArgumentError("a constraint does not go with a format");
  }
  if (const auto* format = std::get_if<MarkedTextFormat>(&input.format);
      format != nullptr && !(format->reply_above > 0 && format->reply_above <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("reply_above is ", format->reply_above, ", expected above 0 and at most 1"));
  }
  if (formatted && !marked &&
      (!input.stop.empty() || !input.sampling.stop_token_ids.empty() ||
       input.constraint != nullptr)) {
    return absl::InvalidArgumentError(
        "a json_schema or regex says where the text ends: stop, stop_token_ids and a constraint do "
        "not go with it");
  }
  for (const std::string& stop : input.stop) {
    if (stop.empty()) return absl::InvalidArgumentError("a stop string is empty");
    if (!IsValidUtf8(stop)) return absl::InvalidArgumentError("a stop string is not UTF-8");
  }
  return absl::OkStatus();
}

// A constraint's shortest text must fit, with the mark that ends the reasoning in front of it.
absl::Status CheckRoom(const WriterOptions& options) {
  if (options.constraint == nullptr) return absl::OkStatus();
  const int64_t least = options.constraint->MinTokens() + (options.starts_thinking ? 1 : 0);
  if (options.max_tokens >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("max_tokens leaves room for ", options.max_tokens,
                   " tokens, the shortest text of this format may take ", least));
}

}  // namespace

Qwen3VlGenerator::Qwen3VlGenerator(std::shared_ptr<Checkpoint> checkpoint,
                                   std::shared_ptr<const Adapter> adapter)
    : checkpoint_(std::move(checkpoint)),
      adapter_(std::move(adapter)),
      info_(checkpoint_->Info(
          checkpoint_->config().thinking ? "generator: chat, thinking" : "generator: chat",
          checkpoint_->config().model.text.vocab_size, adapter_.get())) {}

absl::StatusOr<GenerateResult> Qwen3VlGenerator::Generate(const GenerateInput& input,
                                                          const CallOptions& call,
                                                          const OnText& on_text) {
  SL_ASSIGN_OR_RETURN(const Prompt prompt,
                      checkpoint_->prompts().Chat(input.messages, ChatOptions{.tools = input.tools},
                                                  checkpoint_->context() - 1));
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const Adapter> adapter,
                      AdapterFor(*checkpoint_, call, adapter_));
  return Continue([&] { return checkpoint_->Prepare(prompt, adapter, call.tenant); }, input, call,
                  on_text);
}

absl::StatusOr<GenerateResult> Qwen3VlGenerator::Continue(const Prepare& prepare,
                                                          const GenerateInput& input,
                                                          const CallOptions& call,
                                                          const OnText& on_text) {
  SL_RETURN_IF_ERROR(CheckInput(input));
  const CheckpointConfig& config = checkpoint_->config();
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<FormatMasks> masks, MasksOf(input.format));
  WriterOptions options;
  SL_ASSIGN_OR_RETURN(options.sampling, ResolveSampling(input.sampling, config.generation));
  SL_ASSIGN_OR_RETURN(SequenceInput sequence, prepare());
  const auto prompt_tokens = static_cast<int64_t>(sequence.ids.size());
  if (!input.sampling.ignore_eos) options.end_tokens = config.generation.eos_token_ids;
  options.stop_tokens = input.sampling.stop_token_ids;
  options.stop = input.stop;
  options.max_tokens = std::min<int64_t>(input.max_tokens, checkpoint_->context() - prompt_tokens);
  // Every format but MarkedTextFormat comes without stop tokens.
  std::vector<int32_t> ends = options.end_tokens;
  ends.insert(ends.end(), options.stop_tokens.begin(), options.stop_tokens.end());
  std::vector<int32_t> reply;
  const auto* const marked = std::get_if<MarkedTextFormat>(&input.format);
  if (marked != nullptr) {
    SL_ASSIGN_OR_RETURN(reply, checkpoint_->tokenizer().EncodePlain(marked->reply));
  }
  // One for each text; the caller's own is of one text.
  const auto constraint = [&]() -> std::shared_ptr<TokenConstraint> {
    if (masks == nullptr) return input.constraint;
    std::unique_ptr<TokenConstraint> form = FormatMasks::NewConstraint(masks, ends);
    return reply.empty() ? std::move(form)
                         : PreferReply(std::move(form), reply, marked->reply_above);
  };
  options.constraint = constraint();
  options.think = FindThinkTokens(checkpoint_->tokenizer());
  options.starts_thinking = EndsThinking(sequence.ids, options.think);
  SL_RETURN_IF_ERROR(CheckRoom(options));
  GenerateResult result;
  result.prompt_tokens = static_cast<int>(prompt_tokens);
  result.image_tokens = static_cast<int>(sequence.visual_rows.size());

  SL_ASSIGN_OR_RETURN(const Place place, checkpoint_->engine().TakePlace(Part::kGenerator));
  Tasks tasks(checkpoint_->engine(), call, options.max_tokens);
  const uint64_t seed = input.sampling.seed.has_value() ? *input.sampling.seed : DrawSeed();
  for (int i = 0; i < input.n; ++i) {
    options.seed = ChoiceSeed(seed, i);
    options.choice = i;
    if (i > 0) options.constraint = constraint();
    tasks.Add(TextWriter(checkpoint_->tokenizer(), options, sequence.ids, on_text));
  }
  std::vector<SequenceInput> inputs;
  inputs.push_back(std::move(sequence));
  SL_RETURN_IF_ERROR(tasks.Submit(std::move(inputs)));
  if (input.n > 1) {
    // The others follow when the first one's pictures have been through the vision tower.
    SL_RETURN_IF_ERROR(tasks.WaitForBegin(0));
    SL_ASSIGN_OR_RETURN(const SequenceInput again, prepare());
    SL_RETURN_IF_ERROR(tasks.Submit(std::vector<SequenceInput>(input.n - 1, again)));
  }
  SL_ASSIGN_OR_RETURN(result.choices, tasks.Wait());
  return result;
}

absl::StatusOr<std::shared_ptr<FormatMasks>> Qwen3VlGenerator::MasksOf(const TextFormat& format) {
  std::string key;
  if (const auto* schema = std::get_if<JsonSchemaFormat>(&format)) {
    key = absl::StrCat("schema ", schema->schema);
  } else if (const auto* regex = std::get_if<RegexFormat>(&format)) {
    key = absl::StrCat("regex ", regex->pattern);
  } else if (const auto* marked = std::get_if<MarkedTextFormat>(&format)) {
    key = absl::StrCat("marked ", marked->markers);
  } else {
    return std::shared_ptr<FormatMasks>();
  }
  const auto find = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) -> std::shared_ptr<FormatMasks> {
    const auto known = std::find_if(formats_.begin(), formats_.end(),
                                    [&](const auto& entry) { return entry.first == key; });
    if (known == formats_.end()) return nullptr;
    formats_.splice(formats_.begin(), formats_, known);
    return known->second;
  };
  std::shared_ptr<const TokenTrie> trie;
  {
    absl::MutexLock lock(&mu_);
    if (std::shared_ptr<FormatMasks> known = find()) return known;
    trie = trie_;
  }
  SL_ASSIGN_OR_RETURN(std::shared_ptr<const ByteGrammar> grammar, CompileFormat(format));
  if (trie == nullptr) {
    trie = std::make_shared<TokenTrie>(checkpoint_->tokenizer(),
                                       checkpoint_->config().model.text.vocab_size);
  }
  auto masks = std::make_shared<FormatMasks>(std::move(grammar), trie);
  absl::MutexLock lock(&mu_);
  if (trie_ == nullptr) trie_ = std::move(trie);
  if (std::shared_ptr<FormatMasks> known = find()) return known;
  formats_.emplace_front(std::move(key), masks);
  if (formats_.size() > kMaxFormats) formats_.pop_back();
  return masks;
}

absl::StatusOr<int> Qwen3VlGenerator::CountTokens(absl::string_view text) const {
  return checkpoint_->CountTokens(text);
}

absl::Status Qwen3VlGenerator::CheckFormat(const TextFormat& format) const {
  return CompileFormat(format).status();
}

bool Qwen3VlGenerator::thinks() const { return checkpoint_->config().thinking; }

bool Qwen3VlGenerator::Repeats(const SamplingParams& sampling) const {
  if (sampling.seed.has_value()) return true;
  const auto resolved = ResolveSampling(sampling, checkpoint_->config().generation);
  return resolved.ok() && resolved->temperature == 0;
}

int Qwen3VlGenerator::ImageTokens(int width, int height) const {
  const absl::StatusOr<GridThw> grid =
      checkpoint_->processor().ImageGrid(width, height, ImageProcessor::Path::kChat);
  return grid.ok()
             ? static_cast<int>(grid->tokens(checkpoint_->config().model.vision.spatial_merge_size))
             : 0;
}

}  // namespace sightline::model
