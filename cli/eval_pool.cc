#include "cli/eval_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cli/interrupt.h"

namespace sightline::cli {

absl::Status ForEach(int count, const std::function<absl::Status(int)>& body) {
  std::atomic<int> next = 0;
  std::atomic<bool> stop = false;
  absl::Mutex mu;
  absl::Status first;
  const auto work = [&] {
    for (int i = next++; i < count && !stop; i = next++) {
      const absl::Status status = Interrupted() ? absl::CancelledError("interrupted") : body(i);
      if (status.ok()) continue;
      stop = true;
      absl::MutexLock lock(&mu);
      first.Update(status);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kEvalClients; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return first;
}

}  // namespace sightline::cli
