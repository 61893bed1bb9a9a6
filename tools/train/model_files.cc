#include "tools/train/model_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::train {

absl::StatusOr<std::unique_ptr<ModelFiles>> ModelFiles::Open(const std::string& folder) {
  std::unique_ptr<ModelFiles> files(new ModelFiles());
  SL_ASSIGN_OR_RETURN(files->config_, model::LoadCheckpointConfig(folder));
  SL_ASSIGN_OR_RETURN(files->tokenizer_, model::Tokenizer::Open(folder));
  files->processor_ =
      std::make_unique<model::ImageProcessor>(files->config_.image, files->config_.video);
  SL_ASSIGN_OR_RETURN(files->prompts_,
                      model::PromptBuilder::Create(*files->tokenizer_, files->config_.model,
                                                   *files->processor_, files->config_.thinking));
  const std::pair<const char*, int32_t*> wanted[] = {{"yes", &files->yes_},
                                                     {"no", &files->no_},
                                                     {"<|im_start|>", &files->turn_start_},
                                                     {"<|im_end|>", &files->turn_end_},
                                                     {"assistant", &files->assistant_}};
  for (const auto& [token, id] : wanted) {
    const std::optional<int32_t> found = files->tokenizer_->Find(token);
    if (!found.has_value()) {
      return absl::FailedPreconditionError(
          absl::StrCat("tokenizer: no single token \"", token, "\""));
    }
    *id = *found;
  }
  return files;
}

}  // namespace sightline::train
