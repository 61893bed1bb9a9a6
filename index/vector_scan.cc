#include "index/vector_scan.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "index/allowed_rows.h"
#include "index/prefetch.h"

namespace sightline::index {
namespace {

constexpr int64_t kRowsPerClock = 4096;  // compared between looks at the clock
constexpr size_t kFirstDrop = 4096;
// Of so many allowed rows in a batch on, all are fetched: memory that is read in order comes about
// twice as fast as rows here and there.
constexpr int kAhead = 6;  // rows that are fetched while one is compared
constexpr int kRun = 64;
constexpr int kDense = 48;

absl::Status OutOfTime() { return absl::DeadlineExceededError("vector search: out of time"); }

}  // namespace

VectorScan::VectorScan(std::span<const float> query, int n, Bounds bounds)
    : query_(query),
      code_(query),
      bounds_(bounds),
      error_share_(bounds == Bounds::kCertain ? 1 : LikelyErrorShare(query.size())),
      kernels_(BestCodeKernels()),
      n_(static_cast<size_t>(n)),
      top_(n),
      floor_(top_.Threshold()),
      drop_at_(kFirstDrop + n_) {}

absl::Status VectorScan::AddRows(const VectorRows& rows, const PassageSet& allowed,
                                 absl::Time deadline) {
  rows_ = &rows;
  for (int64_t first = 0; first < rows.size(); first += kRowsPerClock) {
    if (absl::Now() > deadline) return OutOfTime();
    const int64_t end = std::min(first + kRowsPerClock, rows.size());
    // Without gaps in their numbers these need not be looked at, a miss of the cache each time.
    const uint32_t passage = rows.passage(first);
    const bool in_a_run = rows.passage(end - 1) - passage == end - 1 - first;
    for (int64_t row = first; row < end; row += kRun) {
      const int count = static_cast<int>(std::min<int64_t>(kRun, end - row));
      const uint64_t bits = in_a_run ? allowed.Bits(passage + static_cast<uint32_t>(row - first),
                                                    static_cast<uint32_t>(count))
                                     : AllowedBits(rows, row, count, allowed);
      if (rows.has_codes() && bounds_ == Bounds::kCertain && std::popcount(bits) >= kDense) {
        CompareRun(row, count, bits);
      } else {
        for (uint64_t left = bits; left != 0; left &= left - 1) Add(row + std::countr_zero(left));
      }
    }
  }
  CompareBatch();
  return absl::OkStatus();
}

absl::Status VectorScan::AddPassages(const VectorRows& rows, const PassageSet& allowed,
                                     absl::Time deadline) {
  if (rows.size() == 0) return absl::OkStatus();
  rows_ = &rows;
  int64_t row = 0;
  int64_t seen = 0;
  bool late = false;
  allowed.ForEach(rows.first_passage(), rows.last_passage(), [&](uint32_t passage) {
    if (late) return;
    row = rows.RowAtOrAfter(passage, row);
    if (row < rows.size() && rows.passage(row) == passage) Add(row);
    if (++seen % kRowsPerClock == 0) late = absl::Now() > deadline;
  });
  if (late) return OutOfTime();
  CompareBatch();
  return absl::OkStatus();
}

inline void VectorScan::Compare(int64_t row) {
  const RowHead& head = rows_->head(row);
  Offer(row, code_.Close(kernels_, rows_->code(row), head), code_.Bound(head, error_share_));
}

void VectorScan::PassOver() {
  constexpr int kPartsAhead = 16;
  const VectorRows& rows = *rows_;
  const size_t part = code_.part();
  const auto fetch = [&](int64_t row) {
    __builtin_prefetch(&rows.head(row));
    Prefetch(rows.code(row), part);
  };
  int kept = 0;
  for (int i = 0; i < std::min(kPartsAhead, batch_size_); ++i) fetch(batch_[i]);
  for (int i = 0; i < batch_size_; ++i) {
    if (i + kPartsAhead < batch_size_) fetch(batch_[i + kPartsAhead]);
    const int64_t row = batch_[i];
    const float score = code_.QuickPart(kernels_, rows.code(row), rows.head(row));
    if (!partial_.ready()) {
      partial_.Learn(score, code_.Quick(kernels_, rows.code(row), rows.head(row)));
    } else if (partial_.Most(score) * code_.unit() < floor_) {
      continue;
    }
    batch_[kept++] = row;
  }
  batch_size_ = kept;
}

void VectorScan::ScoreBatch() {
  constexpr int kScoredAhead = 4;
  for (int i = 0; i < batch_size_; ++i) {
    if (i + kScoredAhead < batch_size_) rows_->FetchForScore(batch_[i + kScoredAhead]);
    top_.Offer({rows_->passage(batch_[i]), rows_->Score(query_, batch_[i])});
  }
  RaiseFloor();
  batch_size_ = 0;
}

void VectorScan::CompareBatch() {
  if (!rows_->has_codes()) return ScoreBatch();
  if (bounds_ == Bounds::kLikely && code_.part() > 0) PassOver();
  const size_t stride = code_.stride();
  const VectorRows& rows = *rows_;
  const auto fetch = [&](int64_t row) {
    __builtin_prefetch(&rows.head(row));
    Prefetch(rows.code(row), stride);
  };
  for (int i = 0; i < std::min(kAhead, batch_size_); ++i) fetch(batch_[i]);
  for (int i = 0; i < batch_size_; ++i) {
    if (i + kAhead < batch_size_) fetch(batch_[i + kAhead]);
    Compare(batch_[i]);
  }
  batch_size_ = 0;
}

void VectorScan::CompareRun(int64_t first, int count, uint64_t allowed) {
  const size_t stride = code_.stride();
  const VectorRows& rows = *rows_;
  const int64_t last = rows.size() - 1;
  for (int i = 0; i < count; ++i) {
    Prefetch(rows.code(std::min(first + i + kAhead, last)), stride);
    // Also of those that are not allowed: passing over some would make reading slower, not faster.
    const RowHead& head = rows.head(first + i);
    const float score = code_.Close(kernels_, rows.code(first + i), head);
    if ((allowed >> i & 1) != 0) Offer(first + i, score, code_.Bound(head, error_share_));
  }
}

void VectorScan::RaiseFloor() {
  floor_ = top_.Threshold();
  if (least_.size() == n_) floor_ = std::max(floor_, least_.front());
}

void VectorScan::Keep(int64_t row, float score, float bound) {
  candidates_.push_back({score + bound, static_cast<uint32_t>(row), rows_});
  if (least_.size() < n_ || score - bound > least_.front()) {
    if (least_.size() == n_) {
      std::pop_heap(least_.begin(), least_.end(), std::greater<>());
      least_.pop_back();
    }
    least_.push_back(score - bound);
    std::push_heap(least_.begin(), least_.end(), std::greater<>());
    RaiseFloor();
  }
  if (candidates_.size() >= drop_at_) DropHopeless();
}

void VectorScan::DropHopeless() {
  std::erase_if(candidates_, [&](const Candidate& c) { return c.most < floor_; });
  drop_at_ = std::max(drop_at_, 2 * candidates_.size());
}

std::vector<ScoredPassage> VectorScan::Take() {
  DropHopeless();
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.most != b.most ? a.most > b.most : a.passage() < b.passage();
  });
  constexpr size_t kCandidatesAhead = 8;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (candidate.most < top_.Threshold()) break;
    if (i + kCandidatesAhead < candidates_.size()) {
      const Candidate& ahead = candidates_[i + kCandidatesAhead];
      ahead.rows->FetchForScore(ahead.row);
    }
    top_.Offer({candidate.passage(), candidate.rows->Score(query_, candidate.row)});
  }
  candidates_.clear();
  return top_.Take();
}

}  // namespace sightline::index
