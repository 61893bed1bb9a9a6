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
#include "model/vision_tower.h"

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
  explicit SequenceState(EngineRequest request);

  const EngineRequest& request() const { return request_; }
  int64_t prompt_size() const { return static_cast<int64_t>(request_.input.ids.size()); }
  int64_t prompt_left() const { return prompt_size() - prompt_done_; }
  int64_t patch_bytes() const { return patch_bytes_; }
  // Pages its cache holds at the end, at most: of one that generates, or of one that is cut.
  int64_t cache_pages() const;

  bool started() const { return started_; }
  void Start() { started_ = true; }
  bool ended() const { return ended_; }
  // Keeps the first end there is.
  void End(absl::Status status);
  // Calls on_end. Once, after End.
  void TellEnd() { request_.on_end(std::move(end_)); }

  // Pictures whose features are not there yet, and the patches of the first of them.
  bool needs_vision() const { return has_unclaimed_visuals(); }
  bool has_unclaimed_visuals() const { return claimed_ < request_.input.visuals.size(); }
  int64_t next_visual_patches() const;
  // Claims the next picture and those after it that stay within `budget` patches. Returns theirs.
  int64_t ClaimVisuals(int64_t budget);
  // The claimed ones that have no features yet.
  std::vector<VisualInput*> ClaimedVisuals();

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
  // Features of all its pictures in the order of their places; made at the first call.
  const VisionFeatures& Features();
  // Counts the slice as run; true when its last token completes the prompt or was generated.
  bool Finish(const SequenceSlice& slice);
  void TakeHidden(std::vector<float> hidden);
  void TakeLogits(std::span<float> logits);

 private:
  EngineRequest request_;
  const int64_t patch_bytes_;
  bool started_ = false;
  bool ended_ = false;
  absl::Status end_;
  size_t claimed_ = 0;  // visuals that have been given to the tower
  std::optional<VisionFeatures> features_;
  int64_t prompt_done_ = 0;  // tokens of the prompt that went through the decoder
  std::optional<KvCache> cache_;
  std::optional<int32_t> next_token_;  // drawn, not yet run
};

// Runs parts of sequences through the network.
class SequenceRunner {
 public:
  // Network and cache are borrowed and outlive the runner.
  SequenceRunner(const Network& network, VisionCache& cache, KvType kv_type);

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
