#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/date.h"
#include "index/filter.h"
#include "index/passage_set.h"
#include "index/view.h"

namespace sightline::index {

// The view's live passages of documents in `time` for which `filter` holds. Each document is asked
// once; its passages only where the answer depends on them. kDeadlineExceeded.
absl::StatusOr<PassageSet> AllowedPassages(const View& view, const Filter& filter,
                                           const TimeRange& time, absl::Time deadline);

}  // namespace sightline::index
