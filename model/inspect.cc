#include "model/inspect.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "base/status.h"
#include "model/whole_run.h"

namespace sightline::model {
namespace {

NamedFloats Named(std::string name, const at::Tensor& tensor) {
  const at::Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* const data = here.data_ptr<float>();
  return {std::move(name), here.sizes().vec(), {data, data + here.numel()}};
}

}  // namespace

absl::StatusOr<std::vector<NamedFloats>> InspectSequence(Checkpoint& checkpoint,
                                                         const SequenceInput& input, bool vision) {
  return CatchStatus("network", [&]() -> absl::StatusOr<std::vector<NamedFloats>> {
    const c10::InferenceMode inference;
    const WholeRun run = RunWhole(checkpoint.engine().network(), input, nullptr);
    std::vector<NamedFloats> out;
    out.push_back(Named("logits", run.logits));
    if (!vision || !run.vision.tokens.defined()) return out;
    out.push_back(Named("image_embeds", run.vision.tokens));
    for (size_t j = 0; j < run.vision.taps.size(); ++j) {
      out.push_back(Named(absl::StrCat("deepstack_", j), run.vision.taps[j]));
    }
    return out;
  });
}

}  // namespace sightline::model
