#include "index/segment_plan.h"

namespace sightline::index {

SegmentRun NextJoin(std::span<const int64_t> rows) {
  SegmentRun run;
  int64_t newer = 0;
  for (size_t i = rows.size(); i-- > 0;) {
    if (newer > 0 && rows[i] <= newer) run = {i, rows.size() - i};
    newer += rows[i];
  }
  return run;
}

}  // namespace sightline::index
