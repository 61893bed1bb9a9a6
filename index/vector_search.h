#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/passage_set.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::index {

struct VectorSearchOptions {
  int64_t exact_below = 50'000;  // live vectors under which every one is compared
  int beam = 128;                // of the graph, raised to n
};

struct VectorSearchResult {
  std::vector<ScoredPassage> hits;  // best first; score = cosine
  bool exact = true;                // the hits are those of comparing every allowed vector
  std::optional<float> recall;      // estimated, when not exact
};

// The `n` passages of `allowed` (live ones) whose vectors are closest to `query`, a unit vector.
// Never fewer than there are, up to n: where the graph finds too few, and where comparing all is no
// dearer, all allowed vectors are compared (docs/vector-search.md). kDeadlineExceeded.
absl::StatusOr<VectorSearchResult> SearchVectors(const View& view, std::span<const float> query,
                                                 const PassageSet& allowed, int n,
                                                 const VectorSearchOptions& options,
                                                 absl::Time deadline);

// The same by comparing all, here. kDeadlineExceeded.
absl::StatusOr<std::vector<ScoredPassage>> SearchExactly(const View& view,
                                                         std::span<const float> query,
                                                         const PassageSet& allowed, int n,
                                                         absl::Time deadline);

// Cosine of one passage; empty where it has no vector.
std::optional<float> CosineOf(const View& view, std::span<const float> query, uint32_t passage);

// The mean cosine of the query and some vectors spread over the collection: what it has with one
// that has nothing to do with it. 0 where there is none.
float ChanceCosine(const View& view, std::span<const float> query);

}  // namespace sightline::index
