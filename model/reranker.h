#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image.h"
#include "model/call.h"

namespace sightline::model {

// One side of a pair; videos, images, texts in that order in the prompt, NULL when empty.
struct RerankItem {
  std::vector<VideoFrames> videos;
  std::vector<ImagePtr> images;
  std::vector<std::string> texts;
};

// Scores how well documents meet a query. Methods may be called from any thread.
class Reranker {
 public:
  virtual ~Reranker() = default;
  virtual const ModelInfo& info() const = 0;

  // One score in [0, 1] a document, in order: the probability of "yes". Errors as Encoder::Encode.
  virtual absl::StatusOr<std::vector<float>> Rerank(absl::string_view instruction,
                                                    const RerankItem& query,
                                                    std::span<const RerankItem> documents,
                                                    const CallOptions& call) = 0;
};

}  // namespace sightline::model
