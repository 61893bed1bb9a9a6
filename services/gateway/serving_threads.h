#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace sightline::gateway {

// The threads that serve all connections. Work that takes long is done on one of them, with no
// hand-over to another and back; so that connections do not wait for it, a thread is added whenever
// fewer than wanted would be free. Threads that were added stay. Any thread.
class ServingThreads {
 public:
  // `free`: how many are to be free for connections at any time, >= 1.
  explicit ServingThreads(int free) : free_(free) {}
  // After Join, or before Start.
  ~ServingThreads() = default;

  boost::asio::io_context& context() { return context_; }

  void Start();

  // Runs `work`, on this thread when it is one of them and done with what it does now.
  void Defer(std::function<void()> work);

  // Returns when nothing is left to be done or waited for.
  void Join();

 private:
  void AddThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DoWork(const std::function<void()>& work);

  const int free_;
  boost::asio::io_context context_;
  absl::Mutex mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
  int count_ ABSL_GUARDED_BY(mu_) = 0;
  int working_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::gateway
