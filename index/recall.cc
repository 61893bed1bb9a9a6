#include "index/recall.h"

#include <algorithm>
#include <cmath>

#include "absl/time/time.h"
#include "base/status.h"
#include "index/vector_scan.h"

namespace sightline::index {
namespace {

constexpr int kQueries = 32;
constexpr int kDepth = 10;

std::vector<float> MiddleOf(const VectorRows& rows, int64_t a, int64_t b) {
  std::vector<float> query(rows.dimension());
  std::vector<float> other(rows.dimension());
  rows.Widen(a, query.data());
  rows.Widen(b, other.data());
  float norm = 0;
  for (int i = 0; i < rows.dimension(); ++i) {
    query[i] += 0.5f * other[i];
    norm += query[i] * query[i];
  }
  for (float& value : query) value /= std::max(std::sqrt(norm), 1e-6f);
  return query;
}

PassageSet AllPassages(const VectorRows& rows) {
  PassageSet all;
  for (int64_t row = 0; row < rows.size(); ++row) all.Insert(rows.passage(row));
  return all;
}

}  // namespace

absl::StatusOr<float> MeasureRecall(const VectorRows& rows, const RowSearch& search,
                                    const std::function<bool()>& stop) {
  if (rows.size() < 2) return 1.0f;
  const PassageSet all = AllPassages(rows);
  int found = 0;
  int wanted = 0;
  for (int i = 0; i < kQueries; ++i) {
    if (stop()) return absl::CancelledError("measuring recall: stopped");
    // Rows spread over the whole; multipliers are primes, so that pairs do not repeat.
    const int64_t a = i * int64_t{7919} % rows.size();
    const int64_t b = (i * int64_t{104729} + 1) % rows.size();
    const std::vector<float> query = MiddleOf(rows, a, b);
    VectorScan scan(query, kDepth);
    SL_RETURN_IF_ERROR(scan.AddRows(rows, all, absl::InfiniteFuture()));
    const std::vector<ScoredPassage> exact = scan.Take();
    SL_ASSIGN_OR_RETURN(const std::vector<RowScore> got, search(query, all, kDepth));
    wanted += static_cast<int>(exact.size());
    // By score, not by row: equal vectors may stand in for each other.
    for (const RowScore& hit : got) found += hit.score >= exact.back().score;
  }
  return std::min(1.0f, static_cast<float>(found) / static_cast<float>(wanted));
}

}  // namespace sightline::index
