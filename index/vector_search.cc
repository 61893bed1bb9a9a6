#include "index/vector_search.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "index/vector_scan.h"

namespace sightline::index {
namespace {

// Fewer allowed passages than these are compared one by one, whatever the graph could do.
constexpr int64_t kScanCandidates = 10'000;
constexpr double kScanShare = 0.02;
// Rows that are compared in order in the time of one step of the graph's beam: a step looks at some
// thirty neighbours, each a miss of the cache. With few allowed a second walk follows that looks
// further. Both measured with bench/vector_bench over 200,000 vectors.
constexpr int64_t kRowsPerBeamStep = 80;
constexpr int64_t kRowsPerFilteredStep = 180;
constexpr double kFewAllowed = 0.5;
// A look-up of a passage's row costs about as much as stepping over this many rows.
constexpr int64_t kRowsPerLookup = 64;

absl::Status OutOfTime() { return absl::DeadlineExceededError("vector search: out of time"); }

absl::StatusOr<VectorSearchResult> CompareAll(const View& view, std::span<const float> query,
                                              const PassageSet& allowed, int n,
                                              absl::Time deadline) {
  VectorScan scan(view.rows, query, n);
  if (allowed.size() * kRowsPerLookup < view.rows.size()) {
    SL_RETURN_IF_ERROR(scan.AddPassages(allowed, deadline));
  } else {
    SL_RETURN_IF_ERROR(scan.AddRows(0, allowed, deadline));
  }
  VectorSearchResult result;
  result.hits = scan.Take();
  return result;
}

bool GraphIsWorthIt(const View& view, const PassageSet& allowed, int n,
                    const VectorSearchOptions& options) {
  if (view.graph == nullptr || view.counters.vectors < options.exact_below) return false;
  const double few = std::max(static_cast<double>(std::min(kScanCandidates, options.exact_below)),
                              kScanShare * static_cast<double>(view.counters.vectors));
  if (static_cast<double>(allowed.size()) < few) return false;
  const bool few_allowed = static_cast<double>(allowed.size()) <
                           kFewAllowed * static_cast<double>(view.counters.vectors);
  return std::max(options.beam, n) * (few_allowed ? kRowsPerFilteredStep : kRowsPerBeamStep) <
         allowed.size();
}

}  // namespace

absl::StatusOr<VectorSearchResult> SearchVectors(const View& view, std::span<const float> query,
                                                 const PassageSet& allowed, int n,
                                                 const VectorSearchOptions& options,
                                                 absl::Time deadline) {
  if (absl::Now() > deadline) return OutOfTime();
  if (!GraphIsWorthIt(view, allowed, n, options)) {
    return CompareAll(view, query, allowed, n, deadline);
  }
  SL_ASSIGN_OR_RETURN(const std::vector<RowScore> found,
                      view.graph->Search(query, n, std::max(options.beam, n), allowed));
  if (found.size() < static_cast<size_t>(n)) return CompareAll(view, query, allowed, n, deadline);
  VectorSearchResult result;
  if (view.head_rows() == 0) {
    for (const RowScore& hit : found)
      result.hits.push_back({view.rows.passage(hit.row), hit.score});
  } else {
    VectorScan scan(view.rows, query, n);
    for (const RowScore& hit : found) scan.AddKnown({view.rows.passage(hit.row), hit.score});
    SL_RETURN_IF_ERROR(scan.AddRows(view.graph->size(), allowed, deadline));
    result.hits = scan.Take();
  }
  result.exact = false;
  result.recall = view.graph->recall();
  return result;
}

std::optional<float> CosineOf(const View& view, std::span<const float> query, uint32_t passage) {
  const int64_t row = view.rows.RowOf(passage);
  if (row < 0) return std::nullopt;
  return BestKernels().dot(query.data(), view.rows.halves(row), query.size());
}

}  // namespace sightline::index
