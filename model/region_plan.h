#pragma once

#include <vector>

#include "model/picture_regions.h"

namespace sightline::model {

// Divides a picture into squares of cells, in reading order: single cells where those are at most
// kMaxRegions, else the smallest squares that are. Those at the right and lower edge may be cut.
// rows, columns: > 0.
std::vector<CellRect> PlanRegions(int rows, int columns);
inline constexpr int kMaxRegions = 320;

}  // namespace sightline::model
