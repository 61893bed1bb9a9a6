#include "index/vector_scan.h"

#include <algorithm>
#include <functional>

#include "index/prefetch.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

constexpr int64_t kRowsPerClock = 4096;  // compared between looks at the clock
constexpr size_t kFirstDrop = 4096;

absl::Status OutOfTime() { return absl::DeadlineExceededError("vector search: out of time"); }

// Whether `rows`, a run of at most 64, have passages that follow each other and are all allowed.
bool AllAllowed(const VectorRows& rows, int64_t first, int count, const PassageSet& allowed) {
  const uint32_t passage = rows.passage(first);
  if (rows.passage(first + count - 1) - passage != static_cast<uint32_t>(count - 1)) return false;
  return allowed.ContainsRun(passage, static_cast<uint32_t>(count));
}

}  // namespace

VectorScan::VectorScan(const VectorRows& rows, std::span<const float> query, int n)
    : rows_(rows),
      query_(query),
      code_(query),
      kernels_(BestCodeKernels()),
      n_(static_cast<size_t>(n)),
      top_(n),
      drop_at_(kFirstDrop + n_) {}

absl::Status VectorScan::AddRows(int64_t first, const PassageSet& allowed, absl::Time deadline) {
  int64_t look = first;
  for (int64_t row = first; row < rows_.size(); row += kBatch) {
    if (row >= look) {
      if (absl::Now() > deadline) return OutOfTime();
      look = row + kRowsPerClock;
    }
    const int count = static_cast<int>(std::min<int64_t>(kBatch, rows_.size() - row));
    const bool all = AllAllowed(rows_, row, count, allowed);
    for (int i = 0; i < count; ++i) {
      if (all || allowed.Contains(rows_.passage(row + i))) Add(row + i);
    }
  }
  CompareBatch();
  return absl::OkStatus();
}

absl::Status VectorScan::AddPassages(const PassageSet& allowed, absl::Time deadline) {
  int64_t row = 0;
  int64_t seen = 0;
  bool late = false;
  allowed.ForEach([&](uint32_t passage) {
    if (late) return;
    row = rows_.RowAtOrAfter(passage, row);
    if (row < rows_.size() && rows_.passage(row) == passage) Add(row);
    if (++seen % kRowsPerClock == 0) late = absl::Now() > deadline;
  });
  if (late) return OutOfTime();
  CompareBatch();
  return absl::OkStatus();
}

void VectorScan::CompareBatch() {
  // Rows ahead are fetched while one is compared: they lie apart where a filter takes some out, and
  // the processor's own fetching ends at each small page.
  constexpr int kAhead = 6;
  const size_t stride = code_.stride();
  for (int i = 0; i < std::min(kAhead, batch_size_); ++i) Prefetch(rows_.code(batch_[i]), stride);
  for (int i = 0; i < batch_size_; ++i) {
    if (i + kAhead < batch_size_) Prefetch(rows_.code(batch_[i + kAhead]), stride);
    const RowHead& head = rows_.head(batch_[i]);
    Offer(batch_[i], code_.Close(kernels_, rows_.code(batch_[i]), head), code_.Bound(head));
  }
  batch_size_ = 0;
}

float VectorScan::Floor() const {
  return least_.size() < n_ ? top_.Threshold() : std::max(top_.Threshold(), least_.front());
}

void VectorScan::Offer(int64_t row, float score, float bound) {
  if (score + bound < Floor()) return;
  candidates_.push_back({score + bound, row});
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
    return a.most != b.most ? a.most > b.most : a.row < b.row;
  });
  constexpr size_t kAhead = 4;
  const VectorKernels& kernels = BestKernels();
  const size_t bytes = query_.size() * sizeof(uint16_t);
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (candidates_[i].most < top_.Threshold()) break;
    if (i + kAhead < candidates_.size()) Prefetch(rows_.halves(candidates_[i + kAhead].row), bytes);
    const int64_t row = candidates_[i].row;
    top_.Offer({rows_.passage(row), kernels.dot(query_.data(), rows_.halves(row), query_.size())});
  }
  candidates_.clear();
  return top_.Take();
}

}  // namespace sightline::index
