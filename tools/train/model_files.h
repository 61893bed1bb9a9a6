#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/image_processor.h"
#include "model/model_config.h"
#include "model/prompt.h"
#include "model/tokenizer.h"

namespace sightline::train {

// What of a checkpoint turns words and pictures into a network's input. Immutable; any thread.
class ModelFiles {
 public:
  // Errors of the files' readers.
  static absl::StatusOr<std::unique_ptr<ModelFiles>> Open(const std::string& folder);

  const model::CheckpointConfig& config() const { return config_; }
  const model::Tokenizer& tokenizer() const { return *tokenizer_; }
  const model::ImageProcessor& processor() const { return *processor_; }
  const model::PromptBuilder& prompts() const { return *prompts_; }

  // Ids of single tokens that every checkpoint to be trained has.
  int32_t yes() const { return yes_; }
  int32_t no() const { return no_; }
  int32_t turn_start() const { return turn_start_; }
  int32_t turn_end() const { return turn_end_; }
  int32_t assistant() const { return assistant_; }

 private:
  ModelFiles() = default;
  model::CheckpointConfig config_;
  std::unique_ptr<model::Tokenizer> tokenizer_;
  std::unique_ptr<model::ImageProcessor> processor_;
  std::optional<model::PromptBuilder> prompts_;
  int32_t yes_ = 0, no_ = 0, turn_start_ = 0, turn_end_ = 0, assistant_ = 0;
};

}  // namespace sightline::train
