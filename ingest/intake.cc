#include "ingest/intake.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace sightline::ingest {

Intake::Intake(int threads) : max_threads_(static_cast<size_t>(threads)) {}

Intake::~Intake() {
  {
    absl::MutexLock lock(&mu_);
    ending_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Intake::Add(std::string document, std::function<void()> hand_in) {
  bool needs_thread = false;
  {
    absl::MutexLock lock(&mu_);
    tasks_.push_back({std::move(document), std::move(hand_in)});
    needs_thread = static_cast<size_t>(idle_) < tasks_.size() && threads_.size() < max_threads_;
  }
  if (!needs_thread) return;
  const absl::Status started = CatchStatus("a thread", [this] {
    threads_.emplace_back([this] { Work(); });
    return absl::OkStatus();
  });
  if (started.ok() || !threads_.empty()) return;
  // Without threads it is handed in here.
  Task task;
  {
    absl::MutexLock lock(&mu_);
    task = std::move(tasks_.back());
    tasks_.pop_back();
  }
  task.hand_in();
}

std::list<Intake::Task>::iterator Intake::NextFree() {
  return std::find_if(tasks_.begin(), tasks_.end(),
                      [this](const Task& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                        return !busy_.contains(task.document);
                      });
}

void Intake::Work() {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return NextFree() != tasks_.end() || (ending_ && tasks_.empty());
  };
  absl::MutexLock lock(&mu_);
  while (true) {
    ++idle_;
    mu_.Await(absl::Condition(&ready));
    --idle_;
    const auto next = NextFree();
    if (next == tasks_.end()) return;
    Task task = std::move(*next);
    tasks_.erase(next);
    busy_.insert(task.document);
    mu_.Unlock();
    task.hand_in();
    task.hand_in = nullptr;
    mu_.Lock();
    busy_.erase(task.document);
  }
}

}  // namespace sightline::ingest
