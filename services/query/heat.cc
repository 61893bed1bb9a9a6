#include "services/query/heat.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sightline::query {
namespace {

constexpr float kLeastSpread = 1e-4f;  // between cells; below it is rounding

struct Spread {
  float least = 0;
  float width = 0;  // 0 = cells hardly differ
};

Spread SpreadOf(std::span<const float> heat) {
  if (heat.empty()) return {};
  const auto [least, most] = std::minmax_element(heat.begin(), heat.end());
  const float width = *most - *least;
  return {*least, width < kLeastSpread ? 0 : width};
}

}  // namespace

std::vector<float> CellHeat(const model::PictureRegions& regions, std::span<const float> query) {
  const size_t cells = size_t{1} * regions.rows * regions.columns;
  std::vector<float> sum(cells), count(cells);
  for (size_t i = 0; i < regions.regions.size(); ++i) {
    const model::CellRect& region = regions.regions[i];
    const std::vector<float>& vector = regions.vectors[i];
    const float cosine = std::inner_product(vector.begin(), vector.end(), query.begin(), 0.0f);
    for (int row = region.row; row < region.row + region.rows; ++row) {
      for (int column = region.column; column < region.column + region.columns; ++column) {
        const size_t cell = size_t{1} * row * regions.columns + column;
        sum[cell] += cosine;
        count[cell] += 1;
      }
    }
  }
  for (size_t cell = 0; cell < cells; ++cell) sum[cell] /= std::max(count[cell], 1.0f);
  return sum;
}

std::vector<uint8_t> HeatBytes(std::span<const float> heat) {
  const Spread spread = SpreadOf(heat);
  std::vector<uint8_t> out(heat.size());
  if (spread.width == 0) return out;
  for (size_t i = 0; i < heat.size(); ++i) {
    out[i] = static_cast<uint8_t>(std::lround((heat[i] - spread.least) / spread.width * 255));
  }
  return out;
}

std::optional<Box> HottestBox(std::span<const float> heat, int rows, int columns) {
  const Spread spread = SpreadOf(heat);
  if (spread.width == 0) return std::nullopt;
  const float least = spread.least + spread.width / 2;
  std::vector<bool> seen(heat.size());
  const auto hottest = static_cast<int>(std::max_element(heat.begin(), heat.end()) - heat.begin());
  std::vector<int> open = {hottest};
  seen[hottest] = true;
  int top = rows, left = columns, bottom = 0, right = 0;
  while (!open.empty()) {
    const int row = open.back() / columns, column = open.back() % columns;
    open.pop_back();
    top = std::min(top, row);
    left = std::min(left, column);
    bottom = std::max(bottom, row + 1);
    right = std::max(right, column + 1);
    const int beside[4][2] = {
        {row - 1, column}, {row + 1, column}, {row, column - 1}, {row, column + 1}};
    for (const auto& [y, x] : beside) {
      if (y < 0 || x < 0 || y >= rows || x >= columns) continue;
      const int cell = y * columns + x;
      if (seen[cell] || heat[cell] < least) continue;
      seen[cell] = true;
      open.push_back(cell);
    }
  }
  if (bottom - top == rows && right - left == columns) return std::nullopt;
  const auto part = [](int at, int of) { return static_cast<float>(at) / static_cast<float>(of); };
  return Box{part(left, columns), part(top, rows), part(right, columns), part(bottom, rows)};
}

}  // namespace sightline::query
