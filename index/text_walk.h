#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/passage_set.h"
#include "index/term_list.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::index {

// A list that passages are scored by, and what its BM25 saturation is multiplied with, > 0.
struct WeightedList {
  const TermList* list = nullptr;
  double weight = 0;
};

// The `n` best of `allowed` (live ones) by the sum of `lists`, best first, each holding at least
// one: exactly what adding up all postings gives, to the last bit, in the order of `lists`. Blocks
// of postings are passed over where their bounds say that no passage in them can be among the best;
// within the others, lists that cannot bring one there alone are read for the passages of the
// others only (block-max MaxScore over ranges of passages). kDeadlineExceeded.
absl::StatusOr<std::vector<ScoredPassage>> WalkLists(const View& view,
                                                     const std::vector<WeightedList>& lists,
                                                     double mean_length, const PassageSet& allowed,
                                                     int n, absl::Time deadline);

}  // namespace sightline::index
