#include "model/load.h"

#include <map>
#include <utility>

#include "base/status.h"
#include "model/bundle.h"
#include "model/checkpoint.h"
#include "model/qwen3vl_encoder.h"
#include "model/qwen3vl_generator.h"
#include "model/qwen3vl_reranker.h"

namespace sightline::model {

absl::StatusOr<LoadedModel> Load(const std::string& folder, const LoadOptions& options) {
  SL_ASSIGN_OR_RETURN(const BundleLayout layout, ReadBundle(folder));
  const CheckpointOptions checkpoint_options = {.untrained = layout.untrained,
                                                .max_image_pixels = layout.max_image_pixels};
  std::map<std::string, std::shared_ptr<Checkpoint>> opened;  // parts of one folder share a network
  const auto open = [&](const std::string& part) -> absl::StatusOr<std::shared_ptr<Checkpoint>> {
    std::shared_ptr<Checkpoint>& known = opened[part];
    if (known == nullptr) {
      SL_ASSIGN_OR_RETURN(known, Checkpoint::Open(part, options, checkpoint_options));
    }
    return known;
  };
  LoadedModel model;
  if (layout.encoder.has_value()) {
    SL_ASSIGN_OR_RETURN(std::shared_ptr<Checkpoint> checkpoint, open(*layout.encoder));
    model.encoder = std::make_unique<Qwen3VlEncoder>(std::move(checkpoint));
  }
  if (layout.reranker.has_value()) {
    SL_ASSIGN_OR_RETURN(std::shared_ptr<Checkpoint> checkpoint, open(*layout.reranker));
    SL_ASSIGN_OR_RETURN(model.reranker, Qwen3VlReranker::Create(std::move(checkpoint)));
  }
  if (layout.generator.has_value()) {
    SL_ASSIGN_OR_RETURN(std::shared_ptr<Checkpoint> checkpoint, open(*layout.generator));
    model.generator = std::make_unique<Qwen3VlGenerator>(std::move(checkpoint));
  }
  return model;
}

}  // namespace sightline::model
