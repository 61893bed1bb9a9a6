#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace sightline::model {

// Who waits: an interactive call goes ahead of every bulk one.
enum class Priority { kInteractive, kBulk };

// Set by the caller, from any thread, when the result is no longer wanted.
using CancelFlag = std::shared_ptr<absl::Notification>;

// What a call to the network carries besides its input.
struct CallOptions {
  Priority priority = Priority::kInteractive;
  absl::Time deadline = absl::InfiniteFuture();  // kDeadlineExceeded; never started after it
  CancelFlag cancel;                             // kCancelled; null = cannot be cancelled
  // Whose call it is. What the network keeps of one tenant's pictures is never used for another's,
  // so that none can tell by the time a call takes what another has shown.
  std::string tenant = "";
  // One of ModelInfo::adapters, else kNotFound; empty = the part's own, if it has one.
  std::string adapter = "";
};

// What one loaded network is.
struct ModelInfo {
  std::string name;          // folder name
  std::string architecture;  // e.g. "Qwen3VLForConditionalGeneration"
  std::string dtype;         // "float32", "bfloat16", …
  std::string device;        // "cpu", "cuda:0"
  std::string fingerprint;   // 64 hex digits: weights, prompts, preprocessing, dimension
  int64_t parameters = 0;
  int context = 0;                    // tokens
  std::vector<std::string> adapters;  // low-rank changes a call can choose by name
  bool untrained = false;    // sightline.json says the weights are random: scores mean nothing
  bool quotes = false;       // and that answers are quoted unless a request asks for a written one
  double abstain_above = 1;  // as in BundleLayout
  bool rereads = false;      // likewise
  // Of a reranker: hits are ordered by the cosine of the encoder's vectors and, this many times,
  // the log-odds of the reranker's score; 0 = by the reranker's score alone.
  double rerank_weight = 0;
};

}  // namespace sightline::model
