#include "services/model_tool_input.h"

#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace sightline::services {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxPictureBytes = uint64_t{512} << 20;

absl::Status Wrong(absl::string_view field, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("\"", field, "\" must be ", expected));
}

// A text, or a list of them; nothing when the field is absent or null.
absl::StatusOr<std::vector<std::string>> Texts(const json& owner, const char* field) {
  std::vector<std::string> out;
  const auto found = owner.find(field);
  if (found == owner.end() || found->is_null()) return out;
  const json list = found->is_array() ? *found : json::array({*found});
  for (const json& value : list) {
    if (!value.is_string()) return Wrong(field, "a string or a list of strings");
    out.push_back(value.get<std::string>());
  }
  return out;
}

}  // namespace

std::string FolderOf(const std::string& path) {
  if (path == "-") return ".";
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

absl::StatusOr<std::vector<InputLine>> ReadInputLines(const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    SL_ASSIGN_OR_RETURN(text, ReadFile(path));
  }
  std::vector<InputLine> lines;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (!stripped.empty()) lines.push_back({number, std::string(stripped)});
  }
  if (lines.size() > 1 && !json::accept(lines.front().text) && json::accept(text)) {
    return std::vector<InputLine>{{1, text}};
  }
  return lines;
}

absl::StatusOr<ImagePtr> ToolInputs::Picture(const std::string& path) {
  const std::string full = (std::filesystem::path(folder_) / path).string();
  ImagePtr& known = pictures_[full];
  if (known != nullptr) return known;
  if (media_ == nullptr) {
    media::MediaOptions options;
    options.program = media_program_;
    SL_ASSIGN_OR_RETURN(media_, media::MediaClient::Create(options));
  }
  SL_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(full, kMaxPictureBytes));
  absl::StatusOr<media::DecodedImage> decoded =
      media_->DecodeImage(bytes, absl::Now() + absl::Seconds(60));
  if (!decoded.ok()) return Annotate(decoded.status(), full);
  known = std::move(decoded->image);
  return known;
}

absl::StatusOr<VideoFrames> ToolInputs::Video(const json& frames, const json& owner) {
  if (!frames.is_array() || frames.empty()) return Wrong("video", "a list of picture paths");
  VideoFrames out;
  if (owner.contains("fps")) {
    if (!owner["fps"].is_number()) return Wrong("fps", "a number");
    out.fps = owner["fps"].get<double>();
  }
  for (const json& frame : frames) {
    if (!frame.is_string()) return Wrong("video", "a list of picture paths");
    SL_ASSIGN_OR_RETURN(ImagePtr picture, Picture(frame.get<std::string>()));
    out.frames.push_back(std::move(picture));
  }
  return out;
}

absl::StatusOr<model::MessagePart> ToolInputs::Part(const json& part) {
  if (!part.is_object()) return Wrong("content", "a string or a list of objects");
  if (part.contains("image")) {
    if (!part["image"].is_string()) return Wrong("image", "a path");
    SL_ASSIGN_OR_RETURN(ImagePtr picture, Picture(part["image"].get<std::string>()));
    return model::MessagePart(std::move(picture));
  }
  if (part.contains("video")) {
    SL_ASSIGN_OR_RETURN(VideoFrames video, Video(part["video"], part));
    return model::MessagePart(std::move(video));
  }
  if (!part.contains("text") || !part["text"].is_string()) {
    return Wrong("content", "parts with \"text\", \"image\" or \"video\"");
  }
  return model::MessagePart(part["text"].get<std::string>());
}

absl::StatusOr<std::vector<model::Message>> ToolInputs::Messages(const json& line) {
  if (!line.is_object() || !line.contains("messages") || !line["messages"].is_array()) {
    return Wrong("messages", "a list");
  }
  std::vector<model::Message> out;
  for (const json& given : line["messages"]) {
    if (!given.is_object() || !given.contains("role") || !given["role"].is_string() ||
        !given.contains("content")) {
      return Wrong("messages", "objects with \"role\" and \"content\"");
    }
    model::Message message;
    message.role = given["role"].get<std::string>();
    const json& content = given["content"];
    if (content.is_string()) {
      message.parts.emplace_back(content.get<std::string>());
    } else if (content.is_array()) {
      for (const json& part : content) {
        SL_ASSIGN_OR_RETURN(model::MessagePart made, Part(part));
        message.parts.push_back(std::move(made));
      }
    } else {
      return Wrong("content", "a string or a list");
    }
    out.push_back(std::move(message));
  }
  return out;
}

absl::StatusOr<model::RerankItem> ToolInputs::Item(const json& value) {
  model::RerankItem out;
  if (value.is_string()) {
    out.texts.push_back(value.get<std::string>());
    return out;
  }
  if (!value.is_object()) return absl::InvalidArgumentError("expected a text or a JSON object");
  SL_ASSIGN_OR_RETURN(out.texts, Texts(value, "text"));
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> images, Texts(value, "image"));
  for (const std::string& path : images) {
    SL_ASSIGN_OR_RETURN(ImagePtr picture, Picture(path));
    out.images.push_back(std::move(picture));
  }
  if (value.contains("video") && !value["video"].is_null()) {
    SL_ASSIGN_OR_RETURN(VideoFrames video, Video(value["video"], value));
    out.videos.push_back(std::move(video));
  }
  return out;
}

absl::StatusOr<model::EncodeInput> ToolInputs::Encode(const json& line) {
  if (!line.is_object()) return absl::InvalidArgumentError("expected a JSON object");
  SL_ASSIGN_OR_RETURN(model::RerankItem item, Item(line));
  SL_ASSIGN_OR_RETURN(const std::vector<std::string> instruction, Texts(line, "instruction"));
  model::EncodeInput out;
  if (!instruction.empty()) out.instruction = instruction.front();
  out.videos = std::move(item.videos);
  out.images = std::move(item.images);
  out.texts = std::move(item.texts);
  return out;
}

}  // namespace sightline::services
