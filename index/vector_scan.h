#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "index/partial_scores.h"
#include "index/passage_set.h"
#include "index/top_passages.h"
#include "index/vector_code.h"
#include "index/vector_rows.h"

namespace sightline::index {

// The `n` rows nearest to a query among those it is shown, as their stored vectors tell. It reads
// the bytes of every row, and scores only those by what is stored whose score could still be among
// the best, by a bound that holds for each: the answer is that of scoring all, as is done with rows
// that have no bytes. What it is shown
// may be of several VectorRows, which must stay until Take. For one thread.
class VectorScan {
 public:
  // kLikely: the bounds of bytes hold but for one row in many millions, and reach a fifth as far at
  // 1024 values; rows that a quarter of their bytes puts four standard deviations below the best
  // are passed over. Where many rows score about alike and none is near, that takes half the time.
  enum class Bounds { kCertain, kLikely };
  VectorScan(std::span<const float> query, int n, Bounds bounds = Bounds::kCertain);

  // A passage whose score from its stored vector is known.
  void AddKnown(ScoredPassage passage) {
    top_.Offer(passage);
    RaiseFloor();
  }
  // The rows whose passages are allowed. kDeadlineExceeded.
  absl::Status AddRows(const VectorRows& rows, const PassageSet& allowed, absl::Time deadline);
  // The same rows, found by their passages: for when these are few.
  absl::Status AddPassages(const VectorRows& rows, const PassageSet& allowed, absl::Time deadline);

  // Best first; leaves nothing.
  std::vector<ScoredPassage> Take();

 private:
  struct Candidate {
    float most = 0;  // its score is not above
    uint32_t row = 0;
    const VectorRows* rows = nullptr;

    uint32_t passage() const { return rows->passage(row); }
  };
  static constexpr int kBatch = 512;

  void Compare(int64_t row);
  // Rows here and there: those ahead are fetched while one is compared.
  void Add(int64_t row) {
    batch_[batch_size_++] = row;
    if (batch_size_ == kBatch) CompareBatch();
  }
  void CompareBatch();
  void ScoreBatch();
  // Drops from the batch what its first bytes show to be too far.
  void PassOver();
  // Rows in order, of which those of the bits `allowed` count.
  void CompareRun(int64_t first, int count, uint64_t allowed);
  void RaiseFloor();
  void Offer(int64_t row, float score, float bound) {
    if (score + bound >= floor_) Keep(row, score, bound);
  }
  void Keep(int64_t row, float score, float bound);
  void DropHopeless();

  const VectorRows* rows_ = nullptr;  // that are being added
  const std::span<const float> query_;
  const QueryCode code_;
  const Bounds bounds_;
  const float error_share_;  // of rows' errors, that their bounds reckon with
  const CodeKernels& kernels_;
  const size_t n_;
  TopPassages top_;
  PartialScores partial_;
  int64_t batch_[kBatch];
  int batch_size_ = 0;
  std::vector<float> least_;  // scores that n rows have at least, the lowest in front
  float floor_;               // what scores below this is not among the best
  std::vector<Candidate> candidates_;
  size_t drop_at_;
};

}  // namespace sightline::index
