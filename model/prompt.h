#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/chat_template.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "model/image_processor.h"
#include "model/model_config.h"
#include "model/reranker.h"
#include "model/tokenizer.h"

namespace sightline::model {

// A prompt ready for the network.
struct Prompt {
  struct Video {
    VideoFrames frames;
    VideoPlan plan;
  };

  std::vector<int32_t> ids;   // [S]
  std::string text;           // as the template renders it
  std::string expanded_text;  // with each picture's place repeated as often as it has tokens
  ImageProcessor::Path path = ImageProcessor::Path::kChat;  // for ProcessImage and ProcessVideo
  std::vector<ImagePtr> images;                             // in the order of their tokens
  std::vector<GridThw> image_grids;                         // one an image
  std::vector<Video> videos;                                // in the order of their tokens
  std::vector<GridThw> video_grids;                         // one a video
  std::vector<int32_t> position_ids;                        // [3, S]: t, h, w
  int32_t rope_delta =
      0;  // a token generated at index p of the sequence has t = h = w = p + rope_delta
};

struct Positions {
  std::vector<int32_t> ids;  // [3, S]: t, h, w
  int32_t rope_delta = 0;
};

// Interleaved M-RoPE positions of an unpadded sequence.
// kInvalidArgument: the image or video tokens in `ids` are not what the grids give.
absl::StatusOr<Positions> ComputePositions(std::span<const int32_t> ids,
                                           std::span<const GridThw> image_grids,
                                           std::span<const GridThw> video_grids,
                                           const ModelConfig& config);

// Builds the prompts of one checkpoint. All content is data: control tokens come from the layout
// only. Borrows what it is given, which outlives it. Immutable; any thread.
//
// All methods: kInvalidArgument for text that is not UTF-8, pictures ImageProcessor refuses, and
// more tokens than the limit.
class PromptBuilder {
 public:
  // `thinking`: Chat's generation prompt opens a reasoning block. kFailedPrecondition: the
  // tokenizer lacks a control token, or disagrees with config.json about its id.
  static absl::StatusOr<PromptBuilder> Create(const Tokenizer& tokenizer, const ModelConfig& config,
                                              const ImageProcessor& processor,
                                              bool thinking = false);

  // `max_tokens` counts the prompt alone.
  absl::StatusOr<Prompt> Chat(std::span<const Message> messages, const ChatOptions& options,
                              int64_t max_tokens) const;

  // Instruction as system message, then videos, images, texts; NULL when there is none of them.
  absl::StatusOr<Prompt> Embedding(const EncodeInput& input, int64_t max_tokens) const;

  // One query and document pair. Ends in the five tokens of the generation prompt. Beyond
  // `max_tokens` (those five not counted) ordinary tokens are dropped from the end and special ones
  // kept, as the reference does; an empty instruction means the default.
  absl::StatusOr<Prompt> Rerank(absl::string_view instruction, const RerankItem& query,
                                const RerankItem& document, int64_t max_tokens) const;

 private:
  PromptBuilder(const Tokenizer& tokenizer, const ModelConfig& config,
                const ImageProcessor& processor, bool thinking)
      : tokenizer_(&tokenizer), config_(&config), processor_(&processor), thinking_(thinking) {}

  absl::StatusOr<Prompt> Build(std::vector<PromptSegment> segments,
                               ImageProcessor::Path path) const;
  absl::Status AddPositions(Prompt& prompt) const;

  const Tokenizer* tokenizer_;
  const ModelConfig* config_;
  const ImageProcessor* processor_;
  bool thinking_;
};

// Tokens an embedding prompt, and a reranker's without its last five, may have in the reference.
inline constexpr int64_t kMaxEmbeddingTokens = 8192;
inline constexpr int64_t kMaxRerankTokens = 10240;

// The instruction as the embedding model was trained to see it: stripped, a full stop added unless
// it ends in punctuation, the default "Represent the user's input." when empty.
std::string EmbeddingInstruction(absl::string_view given);

}  // namespace sightline::model
