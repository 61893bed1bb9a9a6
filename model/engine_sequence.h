#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/engine.h"
#include "model/kv_cache.h"
#include "model/network.h"
#include "model/vision_cache.h"
#include "model/visual_progress.h"

namespace sightline::model {

class SequenceState;

// Tokens of one sequence that a step runs: `count` of its prompt from `begin` on, or the one it
// generated last (then `begin` is that one's place in the sequence).
struct SequenceSlice {
  SequenceState* sequence = nullptr;
  int64_t begin = 0;
  int64_t count = 0;
};

// One request on its way through the engine. Belongs to the engine's thread.
class SequenceState {
 public:
  // merge: rows and columns of patches that become one token.
  SequenceState(EngineRequest request, int merge);
  SequenceState(const SequenceState&) = delete;
  SequenceState& operator=(const SequenceState&) = delete;

  const EngineRequest& request() const { return request_; }
  int64_t prompt_size() const { return static_cast<int64_t>(request_.input.ids.size()); }
  int64_t prompt_left() const { return prompt_size() - prompt_done_; }
  int64_t pixel_bytes() const { return pixel_bytes_; }
  // Pages its cache holds at the end, at most: of one that generates, or of one that is cut.
  int64_t cache_pages() const;

  bool started() const { return started_; }
  void Start() { started_ = true; }
  bool ended() const { return ended_; }
  // Keeps the first end there is.
  void End(absl::Status status);
  // Calls on_end. Once, after End.
  void TellEnd() { request_.on_end(std::move(end_)); }

  // True while pictures are left that the tower has not been given.
  bool needs_vision() const { return next_visual_ < visuals_.size(); }
  // Patches of the least that can be claimed next.
  int64_t next_visual_patches() const { return visuals_[next_visual_].step_patches(); }
  // Claims the next pictures, in the prompt's order and of a video as many frame pairs, as stay
  // within `budget` patches, and at least one frame pair when `least_one`. Features that `cache`
  // knows cost nothing. Returns the patches.
  int64_t ClaimVisuals(int64_t budget, bool least_one, VisionCache& cache);
  // Tokens from the next one of the prompt on that come before any picture yet to be claimed.
  int64_t ready_tokens() const;

  // True once a token was drawn and the text goes on.
  bool generating() const { return next_token_.has_value(); }
  SequenceSlice NextToken() { return {this, cache_->tokens(), 1}; }
  // The next `count` tokens of the prompt.
  SequenceSlice NextPrompt(int64_t count) { return {this, prompt_done_, count}; }

  // What follows is for SequenceRunner.

  // Adds the slice's ids, and its positions to the three axes.
  void AppendTokens(const SequenceSlice& slice, std::vector<int64_t>& ids,
                    std::vector<int64_t> (&positions)[3]) const;
  // Null when the sequence fits in this one slice and nothing will follow.
  KvCache* CacheFor(const SequenceSlice& slice, const KvLayout& layout);
  // In the order of their first tokens.
  std::vector<VisualProgress>& visuals() { return visuals_; }
  // Counts the slice as run; true when its last token completes the prompt or was generated.
  bool Finish(const SequenceSlice& slice);
  void TakeHidden(std::vector<float> hidden);
  void TakeLogits(std::span<float> logits);

 private:
  void SkipClaimed();
  void TellFeatures();

  EngineRequest request_;
  const int64_t pixel_bytes_;
  bool started_ = false;
  bool ended_ = false;
  absl::Status end_;
  std::vector<VisualProgress> visuals_;  // of request_.input
  size_t next_visual_ = 0;               // the first that is not claimed whole
  int64_t prompt_done_ = 0;              // tokens of the prompt that went through the decoder
  std::optional<KvCache> cache_;
  std::optional<int32_t> next_token_;  // drawn, not yet run
};

// Runs parts of sequences through the network.
class SequenceRunner {
 public:
  // Network and cache are borrowed and outlive the runner.
  SequenceRunner(const Network& network, VisionCache& cache, KvType kv_type);

  int64_t ClaimVisuals(SequenceState& sequence, int64_t budget, bool least_one) const {
    return sequence.ClaimVisuals(budget, least_one, cache_);
  }

  // Makes features of the pictures the sequences have claimed; equal pictures once. One pass for
  // all sequences whose adapters leave the tower alone, and one for each adapter that changes it.
  void RunVision(const std::vector<SequenceState*>& sequences) const;

  // One pass of the decoder; sequences that have a result are told.
  void RunDecoder(const std::vector<SequenceSlice>& slices) const;

  // Of a sequence's cache.
  int64_t cache_page_bytes() const { return kv_layout_.page_bytes(); }

 private:
  void RunTower(const std::vector<SequenceState*>& sequences, const Adapter* adapter) const;

  const Network& network_;
  VisionCache& cache_;
  const KvLayout kv_layout_;
};

}  // namespace sightline::model
