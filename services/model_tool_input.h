#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "model/reranker.h"
#include "nlohmann/json_fwd.hpp"

namespace sightline::services {

// One line of an input file.
struct InputLine {
  int number = 0;  // from 1
  std::string text;
};

// The lines of `path` that are not blank; "-" is standard input. A file that is one JSON value
// spread over several lines is one line. kNotFound: no such file.
absl::StatusOr<std::vector<InputLine>> ReadInputLines(const std::string& path);

// Turns the model tool's JSON into inputs of the model; pictures are decoded by sightline-media,
// each file once. One thread.
class ToolInputs {
 public:
  // `folder`: relative picture paths start there. `media_program`: path of sightline-media, or
  // empty for the one beside this program.
  ToolInputs(std::string folder, std::string media_program)
      : folder_(std::move(folder)), media_program_(std::move(media_program)) {}

  // kInvalidArgument: not a picture; kNotFound: no such file.
  absl::StatusOr<ImagePtr> Picture(const std::string& path);

  // {"messages": [{"role", "content": text or [{"type": "text", "text"}, {"type": "image", "image":
  // PATH},
  // {"type": "video", "video": [PATH…], "fps"}]}]}. kInvalidArgument names the field.
  absl::StatusOr<std::vector<model::Message>> Messages(const nlohmann::json& line);

  // {"text": T or [T…], "image": P or [P…], "video": [P…], "fps", "instruction"}, all of them
  // optional.
  absl::StatusOr<model::EncodeInput> Encode(const nlohmann::json& line);

  // A text, or the same object without the instruction.
  absl::StatusOr<model::RerankItem> Item(const nlohmann::json& value);

 private:
  absl::StatusOr<VideoFrames> Video(const nlohmann::json& frames, const nlohmann::json& owner);
  absl::StatusOr<model::MessagePart> Part(const nlohmann::json& part);

  const std::string folder_;
  const std::string media_program_;
  std::unique_ptr<media::MediaClient> media_;  // started with the first picture
  std::map<std::string, ImagePtr> pictures_;
};

// The folder that paths in the input file `path` are relative to.
std::string FolderOf(const std::string& path);

}  // namespace sightline::services
