#pragma once

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "tests/support/fake_model.h"

namespace sightline::testing {

// A FakeEncoder that a test can hold, make fail, and count. Any thread.
class ControlledEncoder : public FakeEncoder {
 public:
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    ++calls_;
    while (held_) {
      if (call.cancel->WaitForNotificationWithTimeout(absl::Milliseconds(2))) {
        return absl::CancelledError("cancelled");
      }
    }
    {
      absl::MutexLock lock(&mu_);
      if (failures_ > 0) {
        --failures_;
        return failure_;
      }
    }
    for (const model::EncodeInput& input : inputs) {
      for (const std::string& text : input.texts) {
        if (absl::StrContains(text, "UNENCODABLE")) {
          return absl::InvalidArgumentError("input longer than the context");
        }
      }
    }
    return FakeEncoder::Encode(inputs, dimension, call);
  }

  // Calls wait, or run again.
  void Hold() { held_ = true; }
  void LetGo() { held_ = false; }
  void FailNext(int calls, absl::Status status) {
    absl::MutexLock lock(&mu_);
    failures_ = calls;
    failure_ = std::move(status);
  }
  int calls() const { return calls_; }

 private:
  std::atomic<int> calls_{0};
  std::atomic<bool> held_{false};
  absl::Mutex mu_;
  int failures_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::testing
