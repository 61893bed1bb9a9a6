#include "index/vector_search.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

// Fewer allowed passages than these are compared one by one, whatever the graph could do.
constexpr int64_t kScanCandidates = 10'000;
constexpr double kScanShare = 0.02;
// Rows that comparing in order costs about as much as one step of the graph's beam: a step looks at
// some thirty new neighbours, each a miss of the cache.
constexpr int64_t kRowsPerBeamStep = 50;
// A look-up of a passage's row costs about as much as stepping over this many rows.
constexpr int64_t kRowsPerLookup = 64;

// Offers rows in fours, so that they share the loads of the query.
class RowScorer {
 public:
  RowScorer(const VectorRows& rows, std::span<const float> query, TopPassages& top)
      : rows_(rows), query_(query), top_(top), kernels_(BestKernels()) {}

  void Add(int64_t row) {
    waiting_[count_] = row;
    codes_[count_] = rows_.codes(row);
    if (++count_ < 4) return;
    float scores[4];
    kernels_.dot4(query_.data(), codes_, query_.size(), scores);
    for (int i = 0; i < 4; ++i) top_.Offer({rows_.passage(waiting_[i]), scores[i]});
    count_ = 0;
  }
  void Finish() {
    for (int i = 0; i < count_; ++i) {
      top_.Offer(
          {rows_.passage(waiting_[i]), kernels_.dot(query_.data(), codes_[i], query_.size())});
    }
    count_ = 0;
  }

 private:
  const VectorRows& rows_;
  const std::span<const float> query_;
  TopPassages& top_;
  const VectorKernels& kernels_;
  int64_t waiting_[4];
  const uint16_t* codes_[4];
  int count_ = 0;
};

absl::Status OutOfTime() { return absl::DeadlineExceededError("vector search: out of time"); }

absl::Status ScanRows(const View& view, std::span<const float> query, const PassageSet& allowed,
                      int64_t first_row, absl::Time deadline, TopPassages& top) {
  RowScorer scorer(view.rows, query, top);
  for (int64_t row = first_row; row < view.rows.size(); ++row) {
    if (row % VectorRows::kBlockRows == 0 && absl::Now() > deadline) return OutOfTime();
    if (allowed.Contains(view.rows.passage(row))) scorer.Add(row);
  }
  scorer.Finish();
  return absl::OkStatus();
}

void ScanPassages(const View& view, std::span<const float> query, const PassageSet& allowed,
                  TopPassages& top) {
  RowScorer scorer(view.rows, query, top);
  allowed.ForEach([&](uint32_t number) {
    const int64_t row = view.rows.RowOf(number);
    if (row >= 0) scorer.Add(row);
  });
  scorer.Finish();
}

absl::StatusOr<VectorSearchResult> CompareAll(const View& view, std::span<const float> query,
                                              const PassageSet& allowed, int n,
                                              absl::Time deadline) {
  TopPassages top(n);
  if (allowed.size() * kRowsPerLookup < view.rows.size()) {
    ScanPassages(view, query, allowed, top);
  } else {
    SL_RETURN_IF_ERROR(ScanRows(view, query, allowed, 0, deadline, top));
  }
  VectorSearchResult result;
  result.hits = top.Take();
  return result;
}

// How wide the beam must be so that about as many allowed rows pass through it as without a filter.
int64_t BeamFor(const View& view, const PassageSet& allowed, int n,
                const VectorSearchOptions& options) {
  const double share =
      std::min(1.0, static_cast<double>(allowed.size()) / static_cast<double>(view.graph->size()));
  return static_cast<int64_t>(std::ceil(std::max(options.beam, n) / share));
}

bool GraphIsWorthIt(const View& view, const PassageSet& allowed, int n,
                    const VectorSearchOptions& options) {
  if (view.graph == nullptr || view.counters.vectors < options.exact_below) return false;
  const double few = std::max(static_cast<double>(std::min(kScanCandidates, options.exact_below)),
                              kScanShare * static_cast<double>(view.counters.vectors));
  if (static_cast<double>(allowed.size()) < few) return false;
  return BeamFor(view, allowed, n, options) * kRowsPerBeamStep < allowed.size();
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
  const int64_t beam = BeamFor(view, allowed, n, options);
  SL_ASSIGN_OR_RETURN(const std::vector<RowScore> found,
                      view.graph->Search(query.data(), n, static_cast<int>(beam), allowed));
  TopPassages top(n);
  for (const RowScore& hit : found) top.Offer({view.rows.passage(hit.row), hit.score});
  SL_RETURN_IF_ERROR(ScanRows(view, query, allowed, view.graph->size(), deadline, top));
  if (top.size() < static_cast<size_t>(n)) return CompareAll(view, query, allowed, n, deadline);
  VectorSearchResult result;
  result.hits = top.Take();
  result.exact = false;
  result.recall = view.graph->recall();
  return result;
}

std::optional<float> CosineOf(const View& view, std::span<const float> query, uint32_t passage) {
  const int64_t row = view.rows.RowOf(passage);
  if (row < 0) return std::nullopt;
  return BestKernels().dot(query.data(), view.rows.codes(row), query.size());
}

}  // namespace sightline::index
