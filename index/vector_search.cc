#include "index/vector_search.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "index/device_search.h"
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

  // Asks the segment's device or, where that is `walkable`, its compact index, or walks its graph
  // then, or leaves its rows to be compared.
  absl::Status AddSegment(const Segment& segment, const VectorSearchOptions& options,
                          bool walkable) {
    const int64_t allowed = AllowedIn(segment.rows, allowed_);
    if (absl::Now() > deadline_) return OutOfTime();
    if (segment.device != nullptr && segment.device->usable() && allowed >= kDeviceCandidates &&
        Ask(*segment.device, segment.device_recall, segment)) {
      return absl::OkStatus();
    }
    if (walkable && segment.compact != nullptr && segment.compact->usable() &&
        allowed >= kCompactCandidates &&
        Ask(*segment.compact, segment.compact->recall(), segment)) {
      return absl::OkStatus();
    }
    if (!walkable || !GraphIsWorthIt(segment, allowed, n_, options)) {
      AddRows(segment.rows, allowed);
      return absl::OkStatus();
    }
    SL_ASSIGN_OR_RETURN(
        const std::vector<RowScore> found,
        segment.graph->Search(query_, n_, beam_, allowed_, several_ ? &shared_ : nullptr));
    if (found.size() < static_cast<size_t>(n_)) {
      AddRows(segment.rows, allowed);
      in_vain_ = true;
      return absl::OkStatus();
    }
    AddFound(segment.rows, found);
    AddRecall(segment, segment.graph->recall());
    return absl::OkStatus();
  }

  // Leaves the rows to be compared.
  void AddRows(const VectorRows& rows) { AddRows(rows, AllowedIn(rows, allowed_)); }

  absl::StatusOr<VectorSearchResult> Finish() {
    VectorSearchResult result;
    if (walked_rows_ > 0 || in_vain_) {
      result.exact = false;
      result.recall = walked_rows_ > 0 ? static_cast<float>(found_rows_ / walked_rows_) : 1;
    }
    if (compared_.empty()) {
      // One walk has them in order.
      if (lists_ > 1) {
        const auto kept = std::min(found_.size(), static_cast<size_t>(n_));
        std::partial_sort(found_.begin(), found_.begin() + static_cast<int64_t>(kept), found_.end(),
                          Better);
        found_.resize(kept);
      }
      result.hits = std::move(found_);
      return result;
    }
    // What a filter leaves that works against the query is dense there: many rows score alike.
    VectorScan scan(query_, n_,
                    result.exact ? VectorScan::Bounds::kCertain : VectorScan::Bounds::kLikely);
    for (const ScoredPassage& hit : found_) scan.AddKnown(hit);
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

  // Whether it told which are the best.
  bool Ask(const DeviceRows& device, float recall, const Segment& segment) {
    const auto found = SearchOnDevice(device, segment.rows, query_, allowed_, n_);
    if (!found.ok() || !found->has_value()) return false;
    AddFound(segment.rows, (*found)->hits);
    if (!(*found)->exact) AddRecall(segment, recall);
    return true;
  }

  void AddFound(const VectorRows& rows, const std::vector<RowScore>& hits) {
    for (const RowScore& hit : hits) found_.push_back({rows.passage(hit.row), hit.score});
    ++lists_;
  }

  void AddRecall(const Segment& segment, float recall) {
    const auto rows = static_cast<double>(segment.rows.size());
    walked_rows_ += rows;
    found_rows_ += rows * recall;
  }

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
  std::vector<ScoredPassage> found_;  // the best of each segment that was walked or asked for
  int lists_ = 0;                     // of how many
  bool in_vain_ = false;              // a walk was, and what is allowed of its segment is compared
  double walked_rows_ = 0;            // of those where some may have been missed
  double found_rows_ = 0;             // the same, times the recall of each
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
    SL_RETURN_IF_ERROR(search.AddSegment(*segment, options, large));
  }
  search.AddRows(view.head);
  return search.Finish();
}

absl::StatusOr<std::vector<ScoredPassage>> SearchExactly(const View& view,
                                                         std::span<const float> query,
                                                         const PassageSet& allowed, int n,
                                                         absl::Time deadline) {
  VectorScan scan(query, n);
  for (const SegmentPtr& segment : view.segments) {
    SL_RETURN_IF_ERROR(scan.AddRows(segment->rows, allowed, deadline));
  }
  SL_RETURN_IF_ERROR(scan.AddRows(view.head, allowed, deadline));
  return scan.Take();
}

std::optional<float> CosineOf(const View& view, std::span<const float> query, uint32_t passage) {
  const auto place = view.RowOf(passage);
  if (!place.has_value()) return std::nullopt;
  return place->rows->Score(query, place->row);
}

float ChanceCosine(const View& view, std::span<const float> query) {
  constexpr int64_t kSampled = 64;
  const int64_t all = view.rows();
  const int64_t sampled = std::min(kSampled, all);
  double sum = 0;
  int64_t place = 0;   // of the next that is sampled, over all parts
  int64_t behind = 0;  // of the part's first
  const auto add = [&](const VectorRows& rows) {
    for (; place < sampled && place * all / sampled < behind + rows.size(); ++place) {
      sum += rows.Score(query, place * all / sampled - behind);
    }
    behind += rows.size();
  };
  for (const SegmentPtr& segment : view.segments) add(segment->rows);
  add(view.head);
  return sampled == 0 ? 0 : static_cast<float>(sum / static_cast<double>(sampled));
}

}  // namespace sightline::index
