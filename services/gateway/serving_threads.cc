#include "services/gateway/serving_threads.h"

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "base/log.h"

namespace sightline::gateway {
namespace {

// Work that takes longer loses the loop: some times what waking a thread costs.
constexpr absl::Duration kPatience = absl::Milliseconds(1);
constexpr absl::Duration kQuiet = absl::Milliseconds(200);  // without work; then nobody looks

thread_local int64_t this_runner = 0;

}  // namespace

ServingThreads::ServingThreads(int loops) {
  for (int i = 0; i < loops; ++i) loops_.push_back(std::make_unique<ServingLoop>());
}

void ServingThreads::Start() {
  absl::MutexLock lock(&mu_);
  for (const auto& loop : loops_) {
    absl::MutexLock loop_lock(&loop->mu_);
    loop->runner_ = ++runners_;
    ++running_;
    Give({loop.get(), loop->runner_});
  }
  supervisor_ = std::thread([this] { Supervise(); });
}

ServingLoop& ServingThreads::Next() { return *loops_[next_++ % loops_.size()]; }

void ServingThreads::Defer(ServingLoop& loop, std::function<void()> work) {
  boost::asio::defer(loop.context_, [this, &loop, work = std::move(work)] { DoWork(loop, work); });
}

void ServingThreads::Join() {
  for (const auto& loop : loops_) {
    boost::asio::post(loop->context_, [&loop] { loop->guard_.reset(); });
  }
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(+[](int* running) { return *running == 0; }, &running_));
    stopping_ = true;
    threads = std::move(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  supervisor_.join();
}

void ServingThreads::TakeTurns() {
  for (;;) {
    Turn turn;
    {
      absl::MutexLock lock(&mu_);
      const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopping_ || !turns_.empty();
      };
      ++parked_;
      mu_.Await(absl::Condition(&wanted));
      --parked_;
      if (turns_.empty()) return;
      turn = turns_.front();
      turns_.pop_front();
    }
    Run(turn);
  }
}

void ServingThreads::Run(Turn turn) {
  this_runner = turn.runner;
  ServingLoop& loop = *turn.loop;
  for (;;) {
    if (loop.context_.run_one() == 0) {
      absl::MutexLock lock(&mu_);
      --running_;
      return;
    }
    absl::MutexLock lock(&loop.mu_);
    if (loop.runner_ == turn.runner) continue;
    // What the work left to be done stands in the loop's queue, unknown to the new runner.
    boost::asio::post(loop.context_, [] {});
    return;
  }
}

void ServingThreads::DoWork(ServingLoop& loop, const std::function<void()>& work) {
  {
    absl::MutexLock lock(&loop.mu_);
    if (loop.runner_ == this_runner) loop.began_ = absl::Now();
  }
  ++works_;
  if (!watched_.exchange(true)) {
    absl::MutexLock wake(&mu_);
  }
  work();
  absl::MutexLock lock(&loop.mu_);
  if (loop.runner_ == this_runner) loop.began_ = absl::InfiniteFuture();
}

void ServingThreads::Supervise() {
  absl::MutexLock lock(&mu_);
  const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || watched_.load();
  };
  const auto stop = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_; };
  absl::Time quiet_since = absl::Now();
  int64_t seen = 0;
  while (!stopping_) {
    const absl::Time now = absl::Now();
    if (works_ != seen) quiet_since = now;
    seen = works_;
    TakeOverWhereStuck(now);
    if (now - quiet_since > kQuiet) {
      watched_ = false;
      // Work that began just before is looked at once more.
      if (works_ == seen) mu_.Await(absl::Condition(&wanted));
    }
    mu_.AwaitWithTimeout(absl::Condition(&stop), kPatience);
  }
}

void ServingThreads::TakeOverWhereStuck(absl::Time now) {
  for (const auto& loop : loops_) {
    absl::MutexLock lock(&loop->mu_);
    if (now - loop->began_ < kPatience) continue;
    loop->runner_ = ++runners_;
    loop->began_ = absl::InfiniteFuture();
    try {
      Give({loop.get(), loop->runner_});
    } catch (const std::system_error& error) {
      // The turn is the next thread's that has done its work.
      log::Warning("cannot start a thread", {{"reason", error.what()}});
    }
  }
}

void ServingThreads::Give(Turn turn) {
  turns_.push_back(turn);
  if (turns_.size() <= static_cast<size_t>(parked_)) return;
  threads_.emplace_back([this] { TakeTurns(); });
}

}  // namespace sightline::gateway
