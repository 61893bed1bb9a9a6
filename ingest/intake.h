#pragma once

#include <functional>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"

namespace sightline::ingest {

// Hands documents in beside each other, because each waits for the disk several times before it is
// accepted; those of one document one after another, in their order, since the last one wins.
// Threads are started as they are needed. Add comes from one thread.
class Intake {
 public:
  explicit Intake(int threads);
  ~Intake();  // waits until all is handed in

  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // Runs `hand_in` soon, after all that was added with this `document` before.
  void Add(std::string document, std::function<void()> hand_in);

 private:
  struct Task {
    std::string document;
    std::function<void()> hand_in;
  };

  void Work();
  std::list<Task>::iterator NextFree() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t max_threads_;
  absl::Mutex mu_;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  int idle_ ABSL_GUARDED_BY(mu_) = 0;  // threads that wait for a task
  std::list<Task> tasks_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<std::string> busy_ ABSL_GUARDED_BY(mu_);  // documents being handed in
  std::vector<std::thread> threads_;
};

}  // namespace sightline::ingest
