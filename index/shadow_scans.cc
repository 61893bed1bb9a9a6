#include "index/shadow_scans.h"

#include <algorithm>
#include <utility>

#include "index/background_thread.h"
#include "index/vector_search.h"

namespace sightline::index {
namespace {

constexpr double kKept = 0.99;  // of what older searches count, with each that comes
constexpr int64_t kFewest = 20;
// A scan rests for so many times as long as it took.
constexpr int kRest = 99;
constexpr absl::Duration kLongest = absl::Seconds(10);

}  // namespace

void RecallEstimate::Add(int found, int wanted) {
  absl::MutexLock lock(&mu_);
  found_ = kKept * found_ + found;
  wanted_ = kKept * wanted_ + wanted;
  ++searches_;
}

std::optional<float> RecallEstimate::value() const {
  absl::MutexLock lock(&mu_);
  if (searches_ < kFewest || wanted_ <= 0) return std::nullopt;
  return static_cast<float>(found_ / wanted_);
}

int64_t RecallEstimate::searches() const {
  absl::MutexLock lock(&mu_);
  return searches_;
}

ShadowScans::ShadowScans() : thread_([this] { RunInBackground([this] { Loop(); }); }) {}

ShadowScans::~ShadowScans() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void ShadowScans::Offer(Search search) {
  absl::MutexLock lock(&mu_);
  if (!wants_ || stopping_) return;
  wants_ = false;
  next_ = std::move(search);
}

void ShadowScans::Wait() const {
  absl::MutexLock lock(&mu_);
  const auto idle = [this]()
                        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !next_.has_value() && !busy_; };
  mu_.Await(absl::Condition(&idle));
}

void ShadowScans::Loop() {
  while (true) {
    std::optional<Search> search;
    {
      absl::MutexLock lock(&mu_);
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopping_ || next_.has_value();
      };
      mu_.Await(absl::Condition(&ready));
      if (stopping_) return;
      search = std::exchange(next_, std::nullopt);
      busy_ = true;
    }
    const absl::Time start = absl::Now();
    Scan(*search);
    search.reset();
    const absl::Duration rest = kRest * (absl::Now() - start);
    absl::MutexLock lock(&mu_);
    busy_ = false;
    mu_.AwaitWithTimeout(absl::Condition(&stopping_), rest);
    wants_ = true;
  }
}

void ShadowScans::Scan(const Search& search) {
  const auto nearest = SearchExactly(*search.view, search.query, search.allowed,
                                     static_cast<int>(kDepth), absl::Now() + kLongest);
  if (!nearest.ok() || nearest->empty()) return;
  // By score, not by passage: equal vectors may stand in for each other.
  const size_t looked_at = std::min(search.found.size(), nearest->size());
  const auto found =
      std::count_if(search.found.begin(), search.found.begin() + static_cast<int64_t>(looked_at),
                    [&](const ScoredPassage& hit) { return hit.score >= nearest->back().score; });
  search.estimate->Add(static_cast<int>(found), static_cast<int>(nearest->size()));
}

}  // namespace sightline::index
