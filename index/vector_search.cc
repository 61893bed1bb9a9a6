#include "index/vector_search.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "index/vector_scan.h"

namespace sightline::index {
namespace {

// Fewer allowed passages of a segment are compared one by one, whatever its graph could do.
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

int64_t AllowedIn(const VectorRows& rows, const PassageSet& allowed) {
  return rows.size() == 0 ? 0 : allowed.Count(rows.first_passage(), rows.last_passage());
}

bool GraphIsWorthIt(const Segment& segment, int64_t allowed, int n,
                    const VectorSearchOptions& options) {
  if (segment.graph == nullptr) return false;
  const auto rows = static_cast<double>(segment.rows.size());
  const double few = std::max(static_cast<double>(std::min(kScanCandidates, options.exact_below)),
                              kScanShare * rows);
  if (static_cast<double>(allowed) < few) return false;
  const bool few_allowed = static_cast<double>(allowed) < kFewAllowed * rows;
  return std::max(options.beam, n) * (few_allowed ? kRowsPerFilteredStep : kRowsPerBeamStep) <
         allowed;
}

// A search that decides for each segment by itself: its walk costs the same whatever the others
// hold, and so does comparing what is allowed in it.
class Search {
 public:
  // `several`: more than one segment will be added.
  Search(std::span<const float> query, const PassageSet& allowed, int n, int beam, bool several,
         absl::Time deadline)
      : query_(query),
        allowed_(allowed),
        n_(n),
        beam_(std::max(beam, n)),
        deadline_(deadline),
        several_(several),
        shared_(static_cast<size_t>(beam_)) {}

  // Walks the segment's graph, or leaves its rows to be compared.
  absl::Status AddSegment(const Segment& segment, const VectorSearchOptions& options) {
    const int64_t allowed = AllowedIn(segment.rows, allowed_);
    if (!GraphIsWorthIt(segment, allowed, n_, options)) {
      AddRows(segment.rows, allowed);
      return absl::OkStatus();
    }
    if (absl::Now() > deadline_) return OutOfTime();
    SL_ASSIGN_OR_RETURN(
        const std::vector<RowScore> found,
        segment.graph->Search(query_, n_, beam_, allowed_, several_ ? &shared_ : nullptr));
    if (found.size() < static_cast<size_t>(n_)) {
      AddRows(segment.rows, allowed);
      in_vain_ = true;
      return absl::OkStatus();
    }
    for (const RowScore& hit : found) {
      walked_.push_back({segment.rows.passage(hit.row), hit.score});
    }
    ++walks_;
    const auto rows = static_cast<double>(segment.rows.size());
    walked_rows_ += rows;
    found_rows_ += rows * segment.graph->recall();
    return absl::OkStatus();
  }

  // Leaves the rows to be compared.
  void AddRows(const VectorRows& rows) { AddRows(rows, AllowedIn(rows, allowed_)); }

  absl::StatusOr<VectorSearchResult> Finish() {
    VectorSearchResult result;
    if (walks_ > 0 || in_vain_) {
      result.exact = false;
      result.recall = walks_ > 0 ? static_cast<float>(found_rows_ / walked_rows_) : 1;
    }
    if (compared_.empty()) {
      // One walk has them in order.
      if (walks_ > 1) {
        std::partial_sort(walked_.begin(), walked_.begin() + n_, walked_.end(), Better);
        walked_.resize(n_);
      }
      result.hits = std::move(walked_);
      return result;
    }
    // What a filter leaves that works against the query is dense there: many rows score alike.
    VectorScan scan(query_, n_,
                    result.exact ? VectorScan::Bounds::kCertain : VectorScan::Bounds::kLikely);
    for (const ScoredPassage& hit : walked_) scan.AddKnown(hit);
    for (const auto& [rows, allowed] : compared_) {
      if (allowed * kRowsPerLookup < rows->size()) {
        SL_RETURN_IF_ERROR(scan.AddPassages(*rows, allowed_, deadline_));
      } else {
        SL_RETURN_IF_ERROR(scan.AddRows(*rows, allowed_, deadline_));
      }
    }
    result.hits = scan.Take();
    return result;
  }

 private:
  struct Compared {
    const VectorRows* rows;
    int64_t allowed;
  };

  void AddRows(const VectorRows& rows, int64_t allowed) {
    if (allowed > 0) compared_.push_back({&rows, allowed});
  }

  const std::span<const float> query_;
  const PassageSet& allowed_;
  const int n_;
  const int beam_;
  const absl::Time deadline_;
  const bool several_;
  SharedBeam shared_;
  std::vector<ScoredPassage> walked_;  // n of each walk
  int walks_ = 0;
  bool in_vain_ = false;  // a walk was, and what is allowed of its segment is compared
  double walked_rows_ = 0;
  double found_rows_ = 0;  // the same, times the recall of each graph
  std::vector<Compared> compared_;
};

}  // namespace

absl::StatusOr<VectorSearchResult> SearchVectors(const View& view, std::span<const float> query,
                                                 const PassageSet& allowed, int n,
                                                 const VectorSearchOptions& options,
                                                 absl::Time deadline) {
  if (absl::Now() > deadline) return OutOfTime();
  Search search(query, allowed, n, options.beam, view.segments.size() > 1, deadline);
  const bool large = view.counters.vectors >= options.exact_below;
  for (const SegmentPtr& segment : view.segments) {
    if (large) {
      SL_RETURN_IF_ERROR(search.AddSegment(*segment, options));
    } else {
      search.AddRows(segment->rows);
    }
  }
  search.AddRows(view.head);
  return search.Finish();
}

std::optional<float> CosineOf(const View& view, std::span<const float> query, uint32_t passage) {
  const auto place = view.RowOf(passage);
  if (!place.has_value()) return std::nullopt;
  return place->rows->Score(query, place->row);
}

}  // namespace sightline::index
