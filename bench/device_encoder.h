#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/support/fake_model.h"

namespace sightline::bench {

// Stands in for a network on a device of its own: it takes time and no processor. Like the engine
// it runs one batch at a time, of what all its callers have waiting. Any thread.
class DeviceEncoder final : public testing::FakeEncoder {
 public:
  // A batch takes `fixed` and `each` for every input.
  DeviceEncoder(absl::Duration fixed, absl::Duration each) : fixed_(fixed), each_(each) {}

  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions&) override {
    std::unique_lock lock(mu_);
    const int64_t mine = last_ + static_cast<int64_t>(inputs.size());
    last_ = mine;
    while (done_ < mine) {
      if (running_) {
        ended_.wait(lock);
        continue;
      }
      // Whoever finds the device free runs a batch for all.
      running_ = true;
      const int64_t batch = std::min<int64_t>(kBatch, last_ - done_);
      lock.unlock();
      absl::SleepFor(fixed_ + static_cast<double>(batch) * each_);
      lock.lock();
      done_ += batch;
      running_ = false;
      ended_.notify_all();
    }
    std::vector<float> vector(static_cast<size_t>(dimension == 0 ? this->dimension() : dimension));
    vector.front() = 1;
    return std::vector(inputs.size(), vector);
  }

 private:
  static constexpr int64_t kBatch = 16;

  const absl::Duration fixed_;
  const absl::Duration each_;
  std::mutex mu_;
  std::condition_variable ended_;
  int64_t last_ = 0;  // inputs that were handed in, in order
  int64_t done_ = 0;  // of them
  bool running_ = false;
};

}  // namespace sightline::bench
