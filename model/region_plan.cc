#include "model/region_plan.h"

#include <algorithm>
#include <cstdint>

namespace sightline::model {

std::vector<CellRect> PlanRegions(int rows, int columns) {
  int side = 1;
  const auto along = [&](int cells) { return (cells + side - 1) / side; };
  while (int64_t{1} * along(rows) * along(columns) > kMaxRegions) ++side;
  std::vector<CellRect> out;
  for (int top = 0; top < rows; top += side) {
    for (int left = 0; left < columns; left += side) {
      out.push_back({top, left, std::min(side, rows - top), std::min(side, columns - left)});
    }
  }
  return out;
}

}  // namespace sightline::model
