#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"

namespace sightline {

struct ReadAheadOptions {
  int threads = 1;  // >= 1
  int ahead = 1;    // items made or being made that nobody has taken, at most; >= 1
};

// Makes items on threads of its own, a few before they are asked for, and gives them in order.
// Methods come from one thread.
template <typename T>
class ReadAhead {
 public:
  // `make` is called with 0 .. count - 1, each once, from several threads.
  ReadAhead(int count, const ReadAheadOptions& options, std::function<T(int)> make)
      : count_(count), ahead_(options.ahead), make_(std::move(make)) {
    started_ = CatchStatus("threads to read ahead", [&] {
      for (int i = 0; i < std::min(options.threads, count); ++i) {
        threads_.emplace_back([this] { Work(); });
      }
      return absl::OkStatus();
    });
  }

  // Begins no more, and waits for what is being made.
  ~ReadAhead() {
    {
      absl::MutexLock lock(&mu_);
      count_ = next_;
    }
    for (std::thread& thread : threads_) thread.join();
  }

  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // The next item; called at most `count` times. kInternal: no thread could be started.
  absl::StatusOr<T> Next() {
    if (threads_.empty()) return started_;
    absl::MutexLock lock(&mu_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return !made_.empty() && made_.begin()->first == taken_;
    };
    mu_.Await(absl::Condition(&ready));
    T item = std::move(made_.begin()->second);
    made_.erase(made_.begin());
    ++taken_;
    return item;
  }

 private:
  void Work() {
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return next_ >= count_ || next_ < taken_ + ahead_;
    };
    absl::MutexLock lock(&mu_);
    while (true) {
      mu_.Await(absl::Condition(&ready));
      if (next_ >= count_) return;
      const int index = next_++;
      mu_.Unlock();
      T item = make_(index);
      mu_.Lock();
      made_.emplace(index, std::move(item));
    }
  }

  absl::Mutex mu_;
  int count_ ABSL_GUARDED_BY(mu_);
  const int ahead_;
  const std::function<T(int)> make_;
  absl::Status started_;
  int next_ ABSL_GUARDED_BY(mu_) = 0;   // to be made
  int taken_ ABSL_GUARDED_BY(mu_) = 0;  // by Next
  std::map<int, T> made_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace sightline
