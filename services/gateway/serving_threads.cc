#include "services/gateway/serving_threads.h"

#include <boost/asio/defer.hpp>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace sightline::gateway {

void ServingThreads::Start() {
  absl::MutexLock lock(&mu_);
  while (count_ < free_) AddThread();
}

void ServingThreads::Defer(std::function<void()> work) {
  boost::asio::defer(context_, [this, work = std::move(work)] { DoWork(work); });
}

void ServingThreads::Join() {
  for (;;) {
    std::thread thread;
    {
      absl::MutexLock lock(&mu_);
      if (threads_.empty()) break;
      thread = std::move(threads_.back());
      threads_.pop_back();
    }
    thread.join();
  }
}

void ServingThreads::AddThread() {
  threads_.emplace_back([this] { context_.run(); });
  ++count_;
}

void ServingThreads::DoWork(const std::function<void()>& work) {
  {
    absl::MutexLock lock(&mu_);
    ++working_;
    if (count_ - working_ < free_) {
      try {
        AddThread();
      } catch (const std::system_error& error) {
        // With fewer free, connections wait longer; the work is done all the same.
        log::Warning("cannot start a thread", {{"reason", error.what()}});
      }
    }
  }
  work();
  absl::MutexLock lock(&mu_);
  --working_;
}

}  // namespace sightline::gateway
