#include "ingest/media/paper.h"

#include <algorithm>
#include <numeric>

namespace sightline::media {
namespace {

constexpr int kShortestSide = 400;  // pixels; on a smaller page lines of text cannot be read
constexpr int kStep = 3;            // every third pixel tells enough
constexpr int kShade = 24;          // brightnesses to either side that are one paper's
constexpr int kBright = 150;        // the darkest that paper is
constexpr int kInk = 64;            // darker than the paper by this much
constexpr double kLeastPaper = 0.5;
constexpr double kLeastInk = 0.001;
constexpr double kMostInk = 0.4;

}  // namespace

void PaperMeter::AddRow(const uint8_t* row, int width, int bands) {
  width_ = width;
  if (rows_++ % kStep != 0) return;
  for (int x = 0; x < width; x += kStep) {
    const uint8_t* p = row + size_t{1} * x * bands;
    ++pixels_[bands < 3 ? p[0] : (77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8];
  }
}

bool PaperMeter::LooksLikePage() const {
  if (std::min(width_, rows_) < kShortestSide) return false;
  const auto between = [this](int low, int high) {
    return std::accumulate(pixels_.begin() + std::max(low, 0),
                           pixels_.begin() + std::min(high, 256), int64_t{0});
  };
  const auto all = static_cast<double>(between(0, 256));
  int64_t paper = 0;
  int shade = 0;
  for (int i = kBright + kShade; i < 256; ++i) {
    const int64_t near = between(i - kShade, i + kShade + 1);
    if (near > paper) {
      paper = near;
      shade = i;
    }
  }
  if (static_cast<double>(paper) < kLeastPaper * all) return false;
  const auto ink = static_cast<double>(between(0, shade - kInk));
  return ink >= kLeastInk * all && ink <= kMostInk * all;
}

}  // namespace sightline::media
