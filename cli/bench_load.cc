#include "cli/bench_load.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "cli/interrupt.h"

namespace sightline::cli {

absl::StatusOr<LoadResult> RunLoad(
    const LoadOptions& options,
    const std::function<absl::Status(int64_t call, bool counted)>& body) {
  std::atomic<int64_t> next = 0;
  std::atomic<int64_t> counted_calls = 0;
  std::atomic<bool> stop = false;
  absl::Mutex mu;
  absl::Status first;
  const absl::Time begin = absl::Now() + options.warm_up;
  const absl::Time end = begin + options.length;
  const auto work = [&] {
    for (absl::Time now = absl::Now(); now < end && !stop; now = absl::Now()) {
      const absl::Status status =
          Interrupted() ? absl::CancelledError("interrupted") : body(next++, now >= begin);
      if (status.ok()) {
        counted_calls += now >= begin;
        continue;
      }
      stop = true;
      absl::MutexLock lock(&mu);
      first.Update(status);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < options.clients; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  if (!first.ok()) return first;
  return LoadResult{.calls = counted_calls, .seconds = absl::ToDoubleSeconds(absl::Now() - begin)};
}

}  // namespace sightline::cli
