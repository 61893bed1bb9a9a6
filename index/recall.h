#pragma once

#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/passage_set.h"
#include "index/row_score.h"
#include "index/vector_rows.h"

namespace sightline::index {

// A search for the `n` nearest of the rows whose passages are in `all`, which may miss some.
using RowSearch = std::function<absl::StatusOr<std::vector<RowScore>>(
    std::span<const float> query, const PassageSet& all, int n)>;

// Share of the true ten nearest that `search` finds, over queries made from pairs of rows, and
// scored as the vectors are stored. kCancelled soon after `stop` answers true; the search's own
// errors.
absl::StatusOr<float> MeasureRecall(const VectorRows& rows, const RowSearch& search,
                                    const std::function<bool()>& stop);

}  // namespace sightline::index
