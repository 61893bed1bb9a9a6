#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/image.h"
#include "model/picture_regions.h"

namespace sightline::query {

// Numbers for the cells of a picture, row by row. Pure functions; any thread.

// How close the query is to what can be seen at each cell: the mean of its cosines with the regions
// that hold the cell, [-1, 1]. `query` is a unit vector of the regions' length.
std::vector<float> CellHeat(const model::PictureRegions& regions, std::span<const float> query);

// The heats as 0 (the coldest cell) to 255 (the hottest). Cells that hardly differ are all 0.
std::vector<uint8_t> HeatBytes(std::span<const float> heat);

// Around the hottest cell and the cells that hang together with it above half of the way from the
// coldest to the hottest, in fractions of the picture. None where cells hardly differ, or where
// that is the whole picture. `heat` has rows * columns values.
std::optional<Box> HottestBox(std::span<const float> heat, int rows, int columns);

}  // namespace sightline::query
