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

// The nearest of all queries, in one pass: half floats without bytes may be read from a disk.
absl::StatusOr<std::vector<TopPassages>> ReadOnce(const VectorRows& rows,
                                                  const std::vector<std::vector<float>>& queries,
                                                  const std::function<bool()>& stop) {
  std::vector<TopPassages> nearest(queries.size(), TopPassages(kDepth));
  for (int64_t row = 0; row < rows.size(); ++row) {
    if (row % VectorRows::kBlockRows == 0 && stop()) {
      return absl::CancelledError("measuring recall: stopped");
    }
    for (size_t i = 0; i < queries.size(); ++i) {
      nearest[i].Offer({rows.passage(row), rows.Score(queries[i], row)});
    }
  }
  return nearest;
}

}  // namespace

absl::StatusOr<float> MeasureRecall(const VectorRows& rows, const RowSearch& search,
                                    const std::function<bool()>& stop) {
  if (rows.size() < 2) return 1.0f;
  const PassageSet all = AllPassages(rows);
  std::vector<std::vector<float>> queries;
  for (int i = 0; i < kQueries; ++i) {
    // Rows spread over the whole; multipliers are primes, so that pairs do not repeat.
    const int64_t a = i * int64_t{7919} % rows.size();
    const int64_t b = (i * int64_t{104729} + 1) % rows.size();
    queries.push_back(MiddleOf(rows, a, b));
  }
  std::vector<TopPassages> read_once;
  if (!rows.has_codes()) {
    SL_ASSIGN_OR_RETURN(read_once, ReadOnce(rows, queries, stop));
  }
  int found = 0;
  int wanted = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (stop()) return absl::CancelledError("measuring recall: stopped");
    std::vector<ScoredPassage> exact;
    if (rows.has_codes()) {
      VectorScan scan(queries[i], kDepth);
      SL_RETURN_IF_ERROR(scan.AddRows(rows, all, absl::InfiniteFuture()));
      exact = scan.Take();
    } else {
      exact = read_once[i].Take();
    }
    SL_ASSIGN_OR_RETURN(const std::vector<RowScore> got, search(queries[i], all, kDepth));
    wanted += static_cast<int>(exact.size());
    // By score, not by row: equal vectors may stand in for each other.
    for (const RowScore& hit : got) found += hit.score >= exact.back().score;
  }
  return std::min(1.0f, static_cast<float>(found) / static_cast<float>(wanted));
}

}  // namespace sightline::index
