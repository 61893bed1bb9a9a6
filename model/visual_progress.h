#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/sequence_input.h"
#include "model/vision_cache.h"
#include "model/vision_tower.h"

namespace sightline::model {

// Frame pairs of one picture or video that go through the tower together.
struct VisualClaim {
  int64_t first_step = 0;
  int64_t steps = 0;
};

// One picture or video of a prompt on its way through the vision tower, which a long video passes a
// few frame pairs at a time. Its features are held in parts and given up once the prompt is past
// them, unless all of them together are to be kept in the cache. Belongs to the engine's thread.
class VisualProgress {
 public:
  // `input` is borrowed; features that it brings are taken. places: of its tokens in the prompt,
  // ascending, as many as its grid has.
  VisualProgress(VisualInput& input, std::vector<int64_t> places);

  const VisualInput& input() const { return input_; }
  const std::vector<int64_t>& places() const { return places_; }

  // Of one frame pair, the least that can be claimed.
  int64_t step_patches() const { return int64_t{input_.grid.h} * input_.grid.w; }
  bool claimed() const { return claimed_ == input_.grid.t; }
  // The first of its places whose features are neither there nor claimed; it must not be claimed().
  int64_t first_unclaimed_place() const { return places_[claimed_ * step_tokens()]; }

  // Takes features that `cache` knows, else claims as many frame pairs as have `budget` patches, at
  // least one when `least_one`. Returns their patches.
  int64_t Claim(int64_t budget, bool least_one, VisionCache& cache);
  // What was claimed last and has no features yet.
  std::optional<VisualClaim> pending() const { return pending_; }

  // The features of what is pending. With the last of them the pixels are given up, and all go into
  // `cache` where they fit.
  void Take(std::shared_ptr<const VisionFeatures> features, VisionCache& cache);

  // Runs of neighbouring tokens whose features are there.
  size_t parts() const { return parts_.size(); }
  // Features of tokens from `first` on, up to `count` of them, that lie in one part.
  struct Rows {
    std::shared_ptr<const VisionFeatures> features;
    int64_t offset = 0;  // of the first in them
    int64_t count = 0;
  };
  Rows Find(int64_t first, int64_t count) const;

  // Gives up features that only places before `done` need.
  void Drop(int64_t done);

 private:
  struct Part {
    int64_t first = 0;  // of its tokens
    int64_t count = 0;
    std::shared_ptr<const VisionFeatures> features;
  };

  int64_t step_tokens() const { return static_cast<int64_t>(places_.size()) / input_.grid.t; }
  void TakeWhole(std::shared_ptr<const VisionFeatures> features);

  VisualInput& input_;
  const std::vector<int64_t> places_;
  int64_t claimed_ = 0;  // frame pairs
  std::optional<VisualClaim> pending_;
  bool for_cache_ = false;   // all parts are kept until the last is there
  std::vector<Part> parts_;  // ascending
};

// All features end to end. One part is returned as it is.
std::shared_ptr<const VisionFeatures> JoinFeatures(
    const std::vector<std::shared_ptr<const VisionFeatures>>& parts);

}  // namespace sightline::model
