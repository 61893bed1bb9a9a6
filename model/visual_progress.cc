#include "model/visual_progress.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace sightline::model {

VisualProgress::VisualProgress(VisualInput& input, std::vector<int64_t> places)
    : input_(input), places_(std::move(places)) {
  if (input_.features != nullptr) TakeWhole(std::move(input_.features));
}

void VisualProgress::TakeWhole(std::shared_ptr<const VisionFeatures> features) {
  claimed_ = input_.grid.t;
  parts_ = {{0, static_cast<int64_t>(places_.size()), std::move(features)}};
  input_.frames = {};
  std::vector<float>().swap(input_.patches);
}

int64_t VisualProgress::Claim(int64_t budget, bool least_one, VisionCache& cache) {
  if (claimed_ == 0 && !input_.key.empty()) {
    if (auto known = cache.FindAgain(input_.key)) {
      TakeWhole(std::move(known));
      return 0;
    }
  }
  const int64_t fitting = std::max<int64_t>(budget / step_patches(), least_one ? 1 : 0);
  const int64_t steps = std::min(fitting, input_.grid.t - claimed_);
  if (steps == 0) return 0;
  pending_ = {claimed_, steps};
  claimed_ += steps;
  return steps * step_patches();
}

void VisualProgress::Take(std::shared_ptr<const VisionFeatures> features, VisionCache& cache) {
  const int64_t count = pending_->steps * step_tokens();
  if (pending_->first_step == 0) {
    const int64_t whole = features->bytes() / pending_->steps * input_.grid.t;
    for_cache_ = !input_.key.empty() && whole <= cache.max_bytes();
  }
  parts_.push_back({pending_->first_step * step_tokens(), count, std::move(features)});
  pending_.reset();
  if (!claimed()) return;
  if (for_cache_) {
    std::vector<std::shared_ptr<const VisionFeatures>> all;
    for (const Part& part : parts_) all.push_back(part.features);
    std::shared_ptr<const VisionFeatures> whole = JoinFeatures(all);
    cache.Insert(input_.key, whole, whole->bytes());
    TakeWhole(std::move(whole));
    for_cache_ = false;
  } else {
    input_.frames = {};
    std::vector<float>().swap(input_.patches);
  }
}

VisualProgress::Rows VisualProgress::Find(int64_t first, int64_t count) const {
  const auto part = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const Part& one) { return first < one.first + one.count; });
  const int64_t offset = first - part->first;
  return {part->features, offset, std::min(count, part->count - offset)};
}

void VisualProgress::Drop(int64_t done) {
  if (for_cache_) return;
  std::erase_if(parts_,
                [&](const Part& part) { return places_[part.first + part.count - 1] < done; });
}

std::shared_ptr<const VisionFeatures> JoinFeatures(
    const std::vector<std::shared_ptr<const VisionFeatures>>& parts) {
  if (parts.size() == 1) return parts.front();
  const auto join = [&](auto&& of) {
    std::vector<at::Tensor> tensors;
    for (const auto& part : parts) tensors.push_back(of(*part));
    return at::cat(tensors, 0);
  };
  auto out = std::make_shared<VisionFeatures>();
  out->tokens = join([](const VisionFeatures& f) { return f.tokens; });
  for (size_t j = 0; j < parts.front()->taps.size(); ++j) {
    out->taps.push_back(join([j](const VisionFeatures& f) { return f.taps[j]; }));
  }
  return out;
}

}  // namespace sightline::model
