#include "index/vector_scan.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "index/allowed_rows.h"
#include "index/prefetch.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr int64_t kRowsPerClock = 4096;  // compared between looks at the clock
constexpr size_t kFirstDrop = 4096;
// Of so many allowed rows in a batch on, all are fetched: memory that is read in order comes about
// twice as fast as rows here and there.
constexpr int kDense = 24;

absl::Status OutOfTime() { return absl::DeadlineExceededError("vector search: out of time"); }

}  // namespace

VectorScan::VectorScan(std::span<const float> query, int n)
    : query_(query),
      code_(query),
      kernels_(BestCodeKernels()),
      n_(static_cast<size_t>(n)),
      top_(n),
      drop_at_(kFirstDrop + n_) {}

absl::Status VectorScan::AddRows(const VectorRows& rows, const PassageSet& allowed,
                                 absl::Time deadline) {
  rows_ = &rows;
  int64_t look = 0;
  for (int64_t row = 0; row < rows.size(); row += kBatch) {
    if (row >= look) {
      if (absl::Now() > deadline) return OutOfTime();
      look = row + kRowsPerClock;
    }
    const int count = static_cast<int>(std::min<int64_t>(kBatch, rows.size() - row));
    const uint64_t bits = AllowedBits(rows, row, count, allowed);
    if (std::popcount(bits) >= kDense) {
      CompareRun(row, count, bits);
    } else {
      for (uint64_t left = bits; left != 0; left &= left - 1) Add(row + std::countr_zero(left));
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

void VectorScan::Add(int64_t row) {
  batch_[batch_size_++] = row;
  if (batch_size_ == kBatch) CompareBatch();
}

void VectorScan::CompareBatch() {
  constexpr int kAhead = 6;
  const size_t stride = code_.stride();
  const VectorRows& rows = *rows_;
  for (int i = 0; i < std::min(kAhead, batch_size_); ++i) Prefetch(rows.code(batch_[i]), stride);
  for (int i = 0; i < batch_size_; ++i) {
    if (i + kAhead < batch_size_) Prefetch(rows.code(batch_[i + kAhead]), stride);
    Compare(batch_[i]);
  }
  batch_size_ = 0;
}

void VectorScan::CompareRun(int64_t first, int count, uint64_t allowed) {
  constexpr int kAhead = 6;
  const size_t stride = code_.stride();
  const VectorRows& rows = *rows_;
  const int64_t last = rows.size() - 1;
  for (int i = 0; i < count; ++i) {
    Prefetch(rows.code(std::min(first + i + kAhead, last)), stride);
    // Also of those that are not allowed: passing over some would make reading slower, not faster.
    const RowHead& head = rows.head(first + i);
    const float score = code_.Close(kernels_, rows.code(first + i), head);
    if ((allowed >> i & 1) != 0) Offer(first + i, score, code_.Bound(head));
  }
}

void VectorScan::Compare(int64_t row) {
  const RowHead& head = rows_->head(row);
  Offer(row, code_.Close(kernels_, rows_->code(row), head), code_.Bound(head));
}

float VectorScan::Floor() const {
  return least_.size() < n_ ? top_.Threshold() : std::max(top_.Threshold(), least_.front());
}

void VectorScan::Offer(int64_t row, float score, float bound) {
  if (score + bound < Floor()) return;
  candidates_.push_back({score + bound, rows_->passage(row), rows_->halves(row)});
  if (least_.size() < n_ || score - bound > least_.front()) {
    if (least_.size() == n_) {
      std::pop_heap(least_.begin(), least_.end(), std::greater<>());
      least_.pop_back();
    }
    least_.push_back(score - bound);
    std::push_heap(least_.begin(), least_.end(), std::greater<>());
  }
  if (candidates_.size() >= drop_at_) DropHopeless();
}

void VectorScan::DropHopeless() {
  const float floor = Floor();
  std::erase_if(candidates_, [&](const Candidate& c) { return c.most < floor; });
  drop_at_ = std::max(drop_at_, 2 * candidates_.size());
}

std::vector<ScoredPassage> VectorScan::Take() {
  DropHopeless();
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.most != b.most ? a.most > b.most : a.passage < b.passage;
  });
  constexpr size_t kAhead = 8;
  const VectorKernels& kernels = BestKernels();
  const size_t bytes = query_.size() * sizeof(uint16_t);
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].most < top_.Threshold()) break;
    if (i + kAhead < candidates_.size()) Prefetch(candidates_[i + kAhead].halves, bytes);
    top_.Offer(
        {candidates_[i].passage, kernels.dot(query_.data(), candidates_[i].halves, query_.size())});
  }
  candidates_.clear();
  return top_.Take();
}

}  // namespace sightline::index
