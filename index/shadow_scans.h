#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "index/passage_set.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::index {

// How much of what is nearest a collection's searches find, as shadow scans have seen it lately.
// Any thread.
class RecallEstimate {
 public:
  // Of a search that should have found `wanted`, it found `found`.
  void Add(int found, int wanted);
  // Older searches count less: the last hundred make up two thirds. Empty: fewer than twenty.
  std::optional<float> value() const;
  int64_t searches() const;

 private:
  mutable absl::Mutex mu_;
  double found_ ABSL_GUARDED_BY(mu_) = 0;
  double wanted_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t searches_ ABSL_GUARDED_BY(mu_) = 0;
};

// Does a search over again now and then, comparing all, to see what it missed. In the background
// (background_thread.h), one at a time, and at most a hundredth of the time. Any thread.
class ShadowScans {
 public:
  static constexpr size_t kDepth = 10;  // the nearest that are looked for

  struct Search {
    std::shared_ptr<const View> view;
    std::vector<float> query;
    PassageSet allowed;
    std::vector<ScoredPassage> found;  // best first, at least kDepth where so many are allowed
    std::shared_ptr<RecallEstimate> estimate;
  };

  ShadowScans();
  // Waits for the scan that is under way.
  ~ShadowScans();

  // Whether a search that is offered now will be done over. Cheap.
  bool wants() const { return wants_.load(std::memory_order_relaxed); }
  void Offer(Search search);
  // Until what was offered has been scanned.
  void Wait() const;

 private:
  void Loop();
  static void Scan(const Search& search);

  std::atomic<bool> wants_{true};
  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<Search> next_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace sightline::index
