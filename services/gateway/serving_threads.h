#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sightline::gateway {

// Where connections are served: one thread at a time waits for their events, reads and writes, and
// does their work as well. What comes over one connection is thus done on one processor, which
// still has at hand what the last request left there, and no thread wakes another on the way.
class ServingLoop {
 public:
  boost::asio::io_context& context() { return context_; }

 private:
  friend class ServingThreads;
  using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  boost::asio::io_context context_{1};  // 1: nobody is to be woken for what comes next
  std::optional<Guard> guard_{context_.get_executor()};
  absl::Mutex mu_;
  int64_t runner_ ABSL_GUARDED_BY(mu_) = 0;  // the thread whose turn it is, by number
  absl::Time began_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();  // the runner's present work
};

// The threads of some loops. Work that turns out long loses its thread the loop: another takes
// over, so that the loop's other connections wait a few milliseconds at most. Any thread.
class ServingThreads {
 public:
  // `loops` >= 1.
  explicit ServingThreads(int loops);
  // After Join, or without Start.
  ~ServingThreads() = default;

  // Throws std::system_error when there can be no more threads.
  void Start();

  // The first loop, and the loops in turn.
  ServingLoop& first() { return *loops_.front(); }
  ServingLoop& Next();

  // Runs `work` on the loop, after what the calling thread does now when it is the loop's.
  void Defer(ServingLoop& loop, std::function<void()> work);

  // Returns when nothing is left to be done or waited for. Once.
  void Join();

 private:
  struct Turn {
    ServingLoop* loop;
    int64_t runner;
  };

  void TakeTurns();
  void Run(Turn turn);
  void DoWork(ServingLoop& loop, const std::function<void()>& work);
  void Supervise();
  void TakeOverWhereStuck(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To a thread that has nothing to do, else to a new one.
  void Give(Turn turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::vector<std::unique_ptr<ServingLoop>> loops_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> watched_{false};  // the supervisor looks every now and then
  std::atomic<int64_t> works_{0};     // ever begun

  absl::Mutex mu_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
  std::deque<Turn> turns_ ABSL_GUARDED_BY(mu_);  // that wait for a thread
  int parked_ ABSL_GUARDED_BY(mu_) = 0;          // threads that wait for a turn
  int running_ ABSL_GUARDED_BY(mu_) = 0;         // loops that have not come to their end
  int64_t runners_ ABSL_GUARDED_BY(mu_) = 0;     // ever
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread supervisor_;
};

}  // namespace sightline::gateway
