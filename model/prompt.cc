#include "model/prompt.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::model {
namespace {

using Kind = PromptSegment::Kind;

// "<|im_end|>", newline, "<|im_start|>", "assistant", newline.
constexpr size_t kGenerationPromptTokens = 5;
constexpr char kNothing[] = "NULL";
constexpr char kDefaultEmbeddingInstruction[] = "Represent the user's input.";
constexpr char kDefaultRerankInstruction[] =
    "Given a search query, retrieve relevant candidates that answer the query.";
constexpr char kRerankSystem[] =
    "Judge whether the Document meets the requirements based on the Query and the Instruct "
    "provided. "
    "Note that the answer can only be \"yes\" or \"no\".";

struct NamedControl {
  const char* token;
  int32_t ModelConfig::* id;
};
constexpr NamedControl kVisionTokens[] = {
    {"<|vision_start|>", &ModelConfig::vision_start_token_id},
    {"<|vision_end|>", &ModelConfig::vision_end_token_id},
    {"<|image_pad|>", &ModelConfig::image_token_id},
    {"<|video_pad|>", &ModelConfig::video_token_id},
};

// One stretch of tokens that share a grid: a picture, or one frame pair of a video.
struct Run {
  int height;  // in tokens
  int width;
};

// The runs of `grids` in order; a video is one a frame pair.
std::vector<Run> RunsOf(std::span<const GridThw> grids, int merge_size) {
  std::vector<Run> runs;
  for (const GridThw& grid : grids) {
    for (int step = 0; step < grid.t; ++step) {
      runs.push_back({grid.h / merge_size, grid.w / merge_size});
    }
  }
  return runs;
}

// Builds ids and the expanded text side by side. Text is gathered until a control token ends it, so
// that words are cut as in the whole text.
class TokenWriter {
 public:
  TokenWriter(const Tokenizer& tokenizer, const ModelConfig& config)
      : tokenizer_(tokenizer), config_(config) {}

  void Text(absl::string_view text) {
    absl::StrAppend(&pending_, text);
    absl::StrAppend(&expanded_, text);
  }

  absl::Status Control(const std::string& token) {
    const std::optional<int32_t> id = tokenizer_.Find(token);
    if (!id || !tokenizer_.IsAdded(*id)) {
      Text(token);  // a tokenizer without it, such as one from before tool calls, reads it as words
      return absl::OkStatus();
    }
    SL_RETURN_IF_ERROR(Flush());
    ids_.push_back(*id);
    expanded_ += token;
    return absl::OkStatus();
  }

  // A picture or frame of `tokens` tokens between its markers.
  absl::Status Vision(absl::string_view pad, int32_t pad_id, int64_t tokens) {
    SL_RETURN_IF_ERROR(Flush());
    ids_.push_back(config_.vision_start_token_id);
    ids_.insert(ids_.end(), tokens, pad_id);
    ids_.push_back(config_.vision_end_token_id);
    expanded_ += "<|vision_start|>";
    for (int64_t i = 0; i < tokens; ++i) absl::StrAppend(&expanded_, pad);
    expanded_ += "<|vision_end|>";
    return absl::OkStatus();
  }

  absl::Status Flush() {
    if (pending_.empty()) return absl::OkStatus();
    SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer_.EncodePlain(pending_));
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    pending_.clear();
    return absl::OkStatus();
  }

  std::vector<int32_t> TakeIds() { return std::move(ids_); }
  std::string TakeExpanded() { return std::move(expanded_); }

 private:
  const Tokenizer& tokenizer_;
  const ModelConfig& config_;
  std::string pending_;
  std::string expanded_;
  std::vector<int32_t> ids_;
};

std::string TimeLabel(double seconds) {
  char label[64];
  std::snprintf(label, sizeof(label), "<%.1f seconds>", seconds);
  return label;
}

// Videos, then images, then texts; NULL when there is nothing.
std::vector<MessagePart> PartsOf(const std::vector<VideoFrames>& videos,
                                 const std::vector<ImagePtr>& images,
                                 const std::vector<std::string>& texts) {
  std::vector<MessagePart> parts(videos.begin(), videos.end());
  parts.insert(parts.end(), images.begin(), images.end());
  parts.insert(parts.end(), texts.begin(), texts.end());
  if (parts.empty()) parts.emplace_back(kNothing);
  return parts;
}

absl::Status TooLong(size_t tokens, int64_t max_tokens) {
  if (static_cast<int64_t>(tokens) <= max_tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("prompt of ", tokens, " tokens, at most ", max_tokens, " fit"));
}

// Cuts a reranker prompt down as the reference does: the last five tokens and all special ones
// stay, ordinary ones beyond the budget go, from the end.
void DropOrdinaryTokens(const Tokenizer& tokenizer, int64_t max_tokens, std::vector<int32_t>& ids) {
  const auto body_end = ids.end() - static_cast<ptrdiff_t>(kGenerationPromptTokens);
  if (body_end - ids.begin() <= max_tokens) return;
  int64_t budget = max_tokens - std::count_if(ids.begin(), body_end,
                                              [&](int32_t id) { return tokenizer.IsSpecial(id); });
  const auto kept_end = std::remove_if(
      ids.begin(), body_end, [&](int32_t id) { return !tokenizer.IsSpecial(id) && budget-- <= 0; });
  ids.erase(kept_end, body_end);
}

// Python's str.strip: White_Space and the four ASCII separators.
bool IsSpace(UChar32 c) { return u_isUWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

absl::string_view Strip(absl::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  auto end = static_cast<int32_t>(text.size());
  int32_t start = 0;
  while (start < end) {
    int32_t next = start;
    UChar32 c;
    U8_NEXT(bytes, next, end, c);
    if (!IsSpace(c)) break;
    start = next;
  }
  while (end > start) {
    int32_t previous = end;
    UChar32 c;
    U8_PREV(bytes, start, previous, c);
    if (!IsSpace(c)) break;
    end = previous;
  }
  return text.substr(start, end - start);
}

}  // namespace

absl::StatusOr<Positions> ComputePositions(std::span<const int32_t> ids,
                                           std::span<const GridThw> image_grids,
                                           std::span<const GridThw> video_grids,
                                           const ModelConfig& config) {
  const std::vector<Run> images = RunsOf(image_grids, config.vision.spatial_merge_size);
  const std::vector<Run> videos = RunsOf(video_grids, config.vision.spatial_merge_size);
  size_t next_image = 0;
  size_t next_video = 0;
  const size_t count = ids.size();
  Positions positions;
  positions.ids.resize(3 * count);
  int32_t next = 0;
  for (size_t i = 0; i < count;) {
    const bool image = ids[i] == config.image_token_id;
    if (!image && ids[i] != config.video_token_id) {
      for (int axis = 0; axis < 3; ++axis) positions.ids[axis * count + i] = next;
      ++next;
      ++i;
      continue;
    }
    const std::vector<Run>& runs = image ? images : videos;
    size_t& which = image ? next_image : next_video;
    const char* kind = image ? "picture" : "video frame pair";
    if (which == runs.size()) {
      return absl::InvalidArgumentError(absl::StrCat("prompt has tokens of ", kind, " ", which,
                                                     ", but ", runs.size(), " grids were given"));
    }
    const Run run = runs[which++];
    const size_t length = static_cast<size_t>(run.height) * run.width;
    for (size_t k = 0; k < length; ++k) {
      if (i + k >= count || ids[i + k] != ids[i]) {
        return absl::InvalidArgumentError(absl::StrCat("prompt has ", k, " tokens of ", kind, " ",
                                                       which - 1, ", its grid gives ", length));
      }
      positions.ids[i + k] = next;
      positions.ids[count + i + k] = next + static_cast<int32_t>(k) / run.width;
      positions.ids[2 * count + i + k] = next + static_cast<int32_t>(k) % run.width;
    }
    next += std::max(run.height, run.width);
    i += length;
  }
  if (next_image != images.size() || next_video != videos.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt has tokens of ", next_image, " pictures and ", next_video,
        " video frame pairs, the grids are of ", images.size(), " and ", videos.size()));
  }
  positions.rope_delta = next - static_cast<int32_t>(count);
  return positions;
}

absl::StatusOr<PromptBuilder> PromptBuilder::Create(const Tokenizer& tokenizer,
                                                    const ModelConfig& config,
                                                    const ImageProcessor& processor,
                                                    bool thinking) {
  for (const char* token : {"<|im_start|>", "<|im_end|>"}) {
    const std::optional<int32_t> id = tokenizer.Find(token);
    if (!id || !tokenizer.IsAdded(*id)) {
      return absl::FailedPreconditionError(absl::StrCat("tokenizer: no added token ", token));
    }
  }
  for (const NamedControl& control : kVisionTokens) {
    const std::optional<int32_t> id = tokenizer.Find(control.token);
    if (!id || !tokenizer.IsAdded(*id) || *id != config.*control.id) {
      return absl::FailedPreconditionError(absl::StrCat("tokenizer: ", control.token, " has id ",
                                                        id.value_or(-1), ", config.json says ",
                                                        config.*control.id));
    }
  }
  if (tokenizer.size() > config.text.vocab_size) {
    return absl::FailedPreconditionError(absl::StrCat("tokenizer: ids up to ", tokenizer.size() - 1,
                                                      ", config.json has vocab_size ",
                                                      config.text.vocab_size));
  }
  if (thinking) {
    for (const char* token : {"<think>", "</think>"}) {
      const std::optional<int32_t> id = tokenizer.Find(token);
      if (!id || !tokenizer.IsAdded(*id)) {
        return absl::FailedPreconditionError(
            absl::StrCat("tokenizer: no added token ", token, ", which the chat template uses"));
      }
    }
  }
  return PromptBuilder(tokenizer, config, processor, thinking);
}

absl::StatusOr<Prompt> PromptBuilder::Build(std::vector<PromptSegment> segments,
                                            ImageProcessor::Path path) const {
  const int merge = config_->vision.spatial_merge_size;
  Prompt prompt;
  prompt.path = path;
  prompt.text = Rendered(segments);
  TokenWriter writer(*tokenizer_, *config_);
  for (PromptSegment& segment : segments) {
    switch (segment.kind) {
      case Kind::kText: writer.Text(segment.text); break;
      case Kind::kControl: SL_RETURN_IF_ERROR(writer.Control(segment.text)); break;
      case Kind::kImage: {
        if (segment.image == nullptr) return absl::InvalidArgumentError("a picture is missing");
        SL_ASSIGN_OR_RETURN(const GridThw grid, processor_->ImageGrid(segment.image->width,
                                                                      segment.image->height, path));
        SL_RETURN_IF_ERROR(
            writer.Vision("<|image_pad|>", config_->image_token_id, grid.tokens(merge)));
        prompt.image_grids.push_back(grid);
        prompt.images.push_back(std::move(segment.image));
        break;
      }
      case Kind::kVideo: {
        SL_ASSIGN_OR_RETURN(VideoPlan plan, processor_->PlanVideo(segment.video, path));
        for (double seconds : plan.timestamps) {
          writer.Text(TimeLabel(seconds));
          SL_RETURN_IF_ERROR(writer.Vision("<|video_pad|>", config_->video_token_id,
                                           plan.grid.tokens(merge) / plan.grid.t));
        }
        prompt.video_grids.push_back(plan.grid);
        prompt.videos.push_back({std::move(segment.video), std::move(plan)});
        break;
      }
    }
  }
  SL_RETURN_IF_ERROR(writer.Flush());
  prompt.ids = writer.TakeIds();
  prompt.ids.insert(prompt.ids.begin(), tokenizer_->prefix().begin(), tokenizer_->prefix().end());
  prompt.ids.insert(prompt.ids.end(), tokenizer_->suffix().begin(), tokenizer_->suffix().end());
  prompt.expanded_text = writer.TakeExpanded();
  return prompt;
}

absl::Status PromptBuilder::AddPositions(Prompt& prompt) const {
  SL_ASSIGN_OR_RETURN(Positions positions, ComputePositions(prompt.ids, prompt.image_grids,
                                                            prompt.video_grids, *config_));
  prompt.position_ids = std::move(positions.ids);
  prompt.rope_delta = positions.rope_delta;
  return absl::OkStatus();
}

absl::StatusOr<Prompt> PromptBuilder::Chat(std::span<const Message> messages,
                                           const ChatOptions& options, int64_t max_tokens) const {
  SL_ASSIGN_OR_RETURN(std::vector<PromptSegment> segments, RenderChat(messages, options));
  if (thinking_ && options.add_generation_prompt) {
    segments.push_back({PromptSegment::Kind::kControl, "<think>"});
    segments.push_back({PromptSegment::Kind::kText, "\n"});
  }
  SL_ASSIGN_OR_RETURN(Prompt prompt, Build(std::move(segments), ImageProcessor::Path::kChat));
  SL_RETURN_IF_ERROR(TooLong(prompt.ids.size(), max_tokens));
  SL_RETURN_IF_ERROR(AddPositions(prompt));
  return prompt;
}

absl::StatusOr<Prompt> PromptBuilder::Embedding(const EncodeInput& input,
                                                int64_t max_tokens) const {
  const Message messages[] = {{"system", {EmbeddingInstruction(input.instruction)}},
                              {"user", PartsOf(input.videos, input.images, input.texts)}};
  SL_ASSIGN_OR_RETURN(std::vector<PromptSegment> segments, RenderChat(messages, {}));
  SL_ASSIGN_OR_RETURN(Prompt prompt, Build(std::move(segments), ImageProcessor::Path::kEmbed));
  SL_RETURN_IF_ERROR(TooLong(prompt.ids.size(), max_tokens));
  SL_RETURN_IF_ERROR(AddPositions(prompt));
  return prompt;
}

absl::StatusOr<Prompt> PromptBuilder::Rerank(absl::string_view instruction, const RerankItem& query,
                                             const RerankItem& document, int64_t max_tokens) const {
  if (instruction.empty()) instruction = kDefaultRerankInstruction;
  std::vector<MessagePart> parts = {absl::StrCat("<Instruct>: ", instruction),
                                    std::string("<Query>:")};
  for (MessagePart& part : PartsOf(query.videos, query.images, query.texts)) {
    parts.push_back(std::move(part));
  }
  parts.emplace_back("\n<Document>:");
  for (MessagePart& part : PartsOf(document.videos, document.images, document.texts)) {
    parts.push_back(std::move(part));
  }
  const Message messages[] = {{"system", {kRerankSystem}}, {"user", std::move(parts)}};
  SL_ASSIGN_OR_RETURN(std::vector<PromptSegment> segments, RenderChat(messages, {}));
  SL_ASSIGN_OR_RETURN(Prompt prompt, Build(std::move(segments), ImageProcessor::Path::kEmbed));
  DropOrdinaryTokens(*tokenizer_, max_tokens, prompt.ids);
  SL_RETURN_IF_ERROR(
      TooLong(prompt.ids.size(), max_tokens + static_cast<int64_t>(kGenerationPromptTokens)));
  SL_RETURN_IF_ERROR(AddPositions(prompt));
  return prompt;
}

std::string EmbeddingInstruction(absl::string_view given) {
  const absl::string_view stripped = Strip(given);
  if (stripped.empty()) return kDefaultEmbeddingInstruction;
  const auto* bytes = reinterpret_cast<const uint8_t*>(stripped.data());
  auto end = static_cast<int32_t>(stripped.size());
  UChar32 last;
  U8_PREV(bytes, 0, end, last);
  const bool punctuation = last >= 0 && (U_GET_GC_MASK(last) & U_GC_P_MASK) != 0;
  return punctuation ? std::string(stripped) : absl::StrCat(stripped, ".");
}

}  // namespace sightline::model
