#include "services/query/meaning.h"

#include <numeric>

#include "base/status.h"

namespace sightline::query {

MeaningScorer EncoderMeaning(model::Encoder& encoder) {
  if (encoder.info().untrained) return nullptr;
  return [&encoder](const QueryContent& question, std::span<const std::string> texts,
                    const edge::CallLimits& limits) -> absl::StatusOr<std::vector<float>> {
    std::vector<model::EncodeInput> inputs;
    inputs.push_back(
        {.instruction = "", .videos = {}, .images = question.images, .texts = question.texts});
    for (const std::string& text : texts) {
      inputs.push_back({.instruction = "", .videos = {}, .images = {}, .texts = {text}});
    }
    const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                     .deadline = limits.deadline,
                                     .cancel = limits.cancel,
                                     .tenant = limits.tenant,
                                     .adapter = ""};
    SL_ASSIGN_OR_RETURN(const auto vectors, encoder.Encode(inputs, 0, call));
    if (vectors.size() != inputs.size()) return absl::InternalError("expected a vector an input");
    std::vector<float> cosines;
    for (size_t i = 1; i < vectors.size(); ++i) {
      cosines.push_back(
          std::inner_product(vectors[0].begin(), vectors[0].end(), vectors[i].begin(), 0.0f));
    }
    return cosines;
  };
}

}  // namespace sightline::query
