#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/generator.h"

namespace sightline::model {

// One stretch of a rendered prompt.
struct PromptSegment {
  enum class Kind {
    kText,     // words: the layout's own ("user\n") or content; always data to the tokenizer
    kControl,  // exactly one added token's spelling, put there by the layout
    kImage,    // a picture's place: <|vision_start|><|image_pad|><|vision_end|>
    kVideo,    // a video's place: <|vision_start|><|video_pad|><|vision_end|>
  };
  Kind kind = Kind::kText;
  std::string text = {};   // kText, kControl
  ImagePtr image = {};     // kImage
  VideoFrames video = {};  // kVideo
};

struct ChatOptions {
  bool add_generation_prompt = true;
  bool add_vision_id = false;  // "Picture 1: " before each picture, counted over the conversation
  std::span<const std::string> tools = {};  // JSON texts, declared in the system turn as they are
};

// Lays `messages` out as the Qwen3-VL template does: a leading system message is kept (later ones
// are dropped), media count in user and tool messages only, consecutive tool messages share one
// turn, nothing is trimmed, and there is no default system prompt. Tools are declared behind the
// system message, in a turn of their own without one; an assistant's calls stand behind its words.
// The checkpoint's own Jinja template is not interpreted. kInvalidArgument: no messages, or a role
// other than system, user, assistant, tool.
absl::StatusOr<std::vector<PromptSegment>> RenderChat(std::span<const Message> messages,
                                                      const ChatOptions& options);

// The segments as one string, each picture and video as its three tokens.
std::string Rendered(std::span<const PromptSegment> segments);

}  // namespace sightline::model
