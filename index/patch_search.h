#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::index {

// Scores those of the first `top` of `dense`, best first, that keep patches by PatchQuery::Score of
// `words`, and puts them in a new order on the places that they have among them, by the weighted
// sum of their cosines and those scores. A place keeps its score, so that the others stay where
// they are. Returns the scores, by passage. The collection keeps patches; at least one word.
// kDataLoss, kDeadlineExceeded.
absl::StatusOr<absl::flat_hash_map<uint32_t, float>> RescoreByPatches(
    const Store& store, const View& view, std::span<const std::vector<float>> words, size_t top,
    absl::Time deadline, std::vector<ScoredPassage>& dense);

}  // namespace sightline::index
