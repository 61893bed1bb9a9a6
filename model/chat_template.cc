#include "model/chat_template.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

using Kind = PromptSegment::Kind;

// Collects the segments of one conversation.
class Layout {
 public:
  explicit Layout(bool add_vision_id) : add_vision_id_(add_vision_id) {}

  void Control(absl::string_view token) {
    segments_.push_back({Kind::kControl, std::string(token)});
  }
  void Text(absl::string_view text) {
    if (!text.empty()) segments_.push_back({Kind::kText, std::string(text)});
  }

  void Open(absl::string_view role) {
    Control("<|im_start|>");
    Text(absl::StrCat(role, "\n"));
  }
  void Close() {
    Control("<|im_end|>");
    Text("\n");
  }

  // Text, pictures and videos; `with_media` off leaves the latter two out, as the template does in
  // system and assistant turns.
  void Parts(const std::vector<MessagePart>& parts, bool with_media) {
    for (const MessagePart& part : parts) {
      if (const auto* text = std::get_if<std::string>(&part)) {
        Text(*text);
      } else if (!with_media) {
        continue;
      } else if (const auto* image = std::get_if<ImagePtr>(&part)) {
        if (add_vision_id_) Text(absl::StrCat("Picture ", ++pictures_, ": "));
        PromptSegment segment;
        segment.kind = Kind::kImage;
        segment.image = *image;
        segments_.push_back(std::move(segment));
      } else {
        if (add_vision_id_) Text(absl::StrCat("Video ", ++videos_, ": "));
        PromptSegment segment;
        segment.kind = Kind::kVideo;
        segment.video = std::get<VideoFrames>(part);
        segments_.push_back(std::move(segment));
      }
    }
  }

  // What a system turn says of the tools, behind the system message where there is one.
  void Tools(std::span<const std::string> tools) {
    Text(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
    for (const std::string& tool : tools) Text(absl::StrCat("\n", tool));
    Text(
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within ");
    Control("<tool_call>");
    Control("</tool_call>");
    Text(" XML tags:\n");
    Control("<tool_call>");
    Text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n");
    Control("</tool_call>");
  }

  void Call(const ToolCall& call) {
    Control("<tool_call>");
    Text(absl::StrCat("\n{\"name\": \"", call.name, "\", \"arguments\": ", call.arguments, "}\n"));
    Control("</tool_call>");
  }

  std::vector<PromptSegment> Take() { return std::move(segments_); }

 private:
  const bool add_vision_id_;
  int pictures_ = 0;
  int videos_ = 0;
  std::vector<PromptSegment> segments_;
};

bool SaysNothing(const Message& message) {
  for (const MessagePart& part : message.parts) {
    const auto* text = std::get_if<std::string>(&part);
    if (text == nullptr || !text->empty()) return false;
  }
  return true;
}

absl::Status CheckRoles(std::span<const Message> messages) {
  if (messages.empty()) return absl::InvalidArgumentError("chat: no messages");
  for (const Message& message : messages) {
    if (message.role != "system" && message.role != "user" && message.role != "assistant" &&
        message.role != "tool") {
      return absl::InvalidArgumentError(absl::StrCat(
          "chat: role \"", message.role, "\", expected system, user, assistant or tool"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PromptSegment>> RenderChat(std::span<const Message> messages,
                                                      const ChatOptions& options) {
  if (absl::Status status = CheckRoles(messages); !status.ok()) return status;
  Layout layout(options.add_vision_id);
  const bool leads = messages[0].role == "system";
  if (!options.tools.empty()) {
    layout.Open("system");
    if (leads) {
      layout.Parts(messages[0].parts, /*with_media=*/false);
      layout.Text("\n\n");
    }
    layout.Tools(options.tools);
    layout.Close();
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "tool") {
      if (i == 0 || messages[i - 1].role != "tool") {
        layout.Control("<|im_start|>");
        layout.Text("user");
      }
      layout.Text("\n");
      layout.Control("<tool_response>");
      layout.Text("\n");
      layout.Parts(message.parts, /*with_media=*/true);
      layout.Text("\n");
      layout.Control("</tool_response>");
      if (i + 1 == messages.size() || messages[i + 1].role != "tool") layout.Close();
      continue;
    }
    if (message.role == "system" && (i > 0 || !options.tools.empty())) continue;
    layout.Open(message.role);
    layout.Parts(message.parts, /*with_media=*/message.role == "user");
    if (message.role == "assistant") {
      for (const ToolCall& call : message.tool_calls) {
        if (&call != &message.tool_calls.front() || !SaysNothing(message)) layout.Text("\n");
        layout.Call(call);
      }
    }
    layout.Close();
  }
  if (options.add_generation_prompt) layout.Open("assistant");
  return layout.Take();
}

std::string Rendered(std::span<const PromptSegment> segments) {
  std::string text;
  for (const PromptSegment& segment : segments) {
    switch (segment.kind) {
      case Kind::kText:
      case Kind::kControl: text += segment.text; break;
      case Kind::kImage: text += "<|vision_start|><|image_pad|><|vision_end|>"; break;
      case Kind::kVideo: text += "<|vision_start|><|video_pad|><|vision_end|>"; break;
    }
  }
  return text;
}

}  // namespace sightline::model
