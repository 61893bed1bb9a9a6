#include "index/segment_plan.h"

#include <numeric>
#include <vector>

namespace sightline::index {
namespace {

// Rows whose links a join with the head makes, for each of the head's, at most.
constexpr int64_t kMostPerHeadRow = 2;

}  // namespace

SegmentRun NextJoin(std::span<const int64_t> rows) {
  SegmentRun run;
  int64_t newer = 0;
  for (size_t i = rows.size(); i-- > 0;) {
    if (newer > 0 && rows[i] <= newer) run = {i, rows.size() - i};
    newer += rows[i];
  }
  return run;
}

SegmentRun JoinWithHead(std::span<const int64_t> rows, int64_t head) {
  std::vector<int64_t> all(rows.begin(), rows.end());
  all.push_back(head);
  const SegmentRun run = NextJoin(all);
  if (run.count == 0) return {rows.size(), 0};
  // The oldest has its links.
  const int64_t linked =
      std::accumulate(all.begin() + static_cast<int64_t>(run.first) + 1, all.end(), int64_t{0});
  if (linked > kMostPerHeadRow * head) return {rows.size(), 0};
  return {run.first, run.count - 1};
}

}  // namespace sightline::index
