#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/call.h"
#include "model/engine_load.h"
#include "model/sequence_input.h"
#include "model/vision_cache.h"

namespace sightline::model {

struct Network;

// What keys and values are kept as. kAuto: on the CPU bfloat16, but float32 for a network whose
// weights are float32; on a GPU the type it computes in.
enum class KvType { kAuto, kFloat32, kBFloat16 };

struct EngineOptions {
  int threads = 0;  // of the network on the CPU; 0 = all cores, or one for a network under 50
                    // million parameters
  int queue_capacity = 256;  // calls of one part waiting or running; one more is refused

  int64_t step_tokens = 1024;  // prompt tokens run through the decoder in one step
  int64_t bulk_step_tokens =
      256;                      // of bulk work in a step in which somebody waits for his next token
  int64_t step_patches = 4096;  // patches run through the vision tower in one step; a video is cut
                                // between frame pairs, a larger picture takes a step of its own
  int max_generating = 16;      // sequences that generate at once
  KvType kv_type = KvType::kAuto;
  int64_t kv_bytes = int64_t{2} << 30;       // of all caches' pages; a sequence beyond it waits,
                                             // unless it is the only one
  int64_t waiting_bytes = int64_t{1} << 30;  // of pictures that wait; more are refused
};

// Which of a model's parts a call belongs to; each has a queue capacity of its own.
enum class Part { kEncoder, kReranker, kGenerator };

// A call's place in the queue; giving it up makes room for another.
using Place = std::shared_ptr<void>;

// One sequence to be run. The functions are called on the engine's thread and must not block for
// long: every other sequence waits.
struct EngineRequest {
  Part part = Part::kEncoder;
  CallOptions call;
  SequenceInput input;

  // Where set, given the features of the prompt's only picture, once they are known. Not for a
  // video.
  std::function<void(std::shared_ptr<const VisionFeatures> features)> on_features;
  // Set for a sequence whose last hidden state, after the final norm, is wanted. [hidden] float32
  std::function<void(std::vector<float> hidden)> on_hidden;
  // Set instead for a sequence that generates: given the logits [vocab], which it may change,
  // returns the next token, or nothing when the text is finished.
  std::function<absl::StatusOr<std::optional<int32_t>>(std::span<float> logits)> on_logits;
  int64_t max_new_tokens = 0;  // of one that generates

  // Called exactly once, after the others: OK, or why there is no result.
  std::function<void(absl::Status status)> on_end;
};

// Owns a network and the one thread that runs it. Each step of that thread runs one pass of the
// decoder over the next token of every sequence that generates and a bounded number of prompt
// tokens of others; long prompts are cut over several steps. Interactive prompts go first and are
// not mixed with bulk ones, so one of them waits at most for the step under way. Between steps
// sequences that were cancelled or whose deadline passed are ended.
//
// What a sequence computes does not depend on what else is in the step, beyond rounding.
// Methods may be called from any thread.
class Engine {
 public:
  // Takes ownership of the network; `cache` is borrowed and outlives the engine.
  Engine(std::unique_ptr<const Network> network, VisionCache& cache, const EngineOptions& options);
  // Ends what waits and runs with kUnavailable.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Network& network() const;

  // Memory that a sequence's cache takes at `tokens` tokens.
  int64_t CacheBytes(int64_t tokens) const;

  // kResourceExhausted, at once, when `part` has all its places taken.
  absl::StatusOr<Place> TakePlace(Part part);

  // As of the last step's end, but with what was submitted since.
  EngineLoad load() const;

  // Queues the requests, in order. When it fails none is queued and no function of theirs is
  // called. kResourceExhausted: too many pictures wait; kUnavailable: the engine is ending.
  absl::Status Submit(std::vector<EngineRequest> requests);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::model
