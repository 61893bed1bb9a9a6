#include "services/query/picture_quality.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sightline::query {
namespace {

constexpr float kLeastSpread = 2;    // standard deviation of the luma, of 255
constexpr double kLeastEdges = 0.1;  // of one direction, as a share of the other's
constexpr int kReach = 4;            // pixels to each side of the blurring window

// Luma of 0 to 255, rows from the top.
struct Luma {
  int width = 0;
  int height = 0;
  std::vector<float> values;

  float at(int x, int y) const { return values[static_cast<size_t>(y) * width + x]; }
};

// Means over squares of `step` pixels; what is left over at the right and at the bottom is dropped.
Luma LumaOf(const Image& image) {
  const int longer = std::max(image.width, image.height);
  const int shorter = std::min(image.width, image.height);
  const int step = std::clamp((longer + kBlurSide - 1) / kBlurSide, 1, shorter);
  Luma out = {image.width / step, image.height / step, {}};
  out.values.reserve(static_cast<size_t>(out.width) * out.height);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      float sum = 0;
      for (int dy = 0; dy < step; ++dy) {
        const uint8_t* pixel =
            &image.pixels[(static_cast<size_t>(y * step + dy) * image.width + x * step) *
                          image.channels];
        for (int dx = 0; dx < step; ++dx, pixel += image.channels) {
          // ITU-R BT.601.
          sum += 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
        }
      }
      out.values.push_back(sum / static_cast<float>(step * step));
    }
  }
  return out;
}

Luma Transposed(const Luma& luma) {
  Luma out = {luma.height, luma.width, {}};
  out.values.reserve(luma.values.size());
  for (int x = 0; x < luma.width; ++x) {
    for (int y = 0; y < luma.height; ++y) out.values.push_back(luma.at(x, y));
  }
  return out;
}

// The differences between neighbours of a row, and what blurring along the rows takes of them.
struct Differences {
  double all = 0;
  double lost = 0;

  double Kept() const { return all > 0 ? (all - lost) / all : 0; }
};

Differences AlongRows(const Luma& luma) {
  Differences out;
  std::vector<float> blurred(luma.width);
  for (int y = 0; y < luma.height; ++y) {
    for (int x = 0; x < luma.width; ++x) {
      float sum = 0;
      for (int d = -kReach; d <= kReach; ++d)
        sum += luma.at(std::clamp(x + d, 0, luma.width - 1), y);
      blurred[x] = sum / (2 * kReach + 1);
    }
    for (int x = 1; x < luma.width; ++x) {
      const float before = std::abs(luma.at(x, y) - luma.at(x - 1, y));
      const float after = std::abs(blurred[x] - blurred[x - 1]);
      out.all += before;
      out.lost += std::max(0.0f, before - after);
    }
  }
  return out;
}

bool IsEmpty(const Luma& luma) {
  double sum = 0, squares = 0;
  for (const float value : luma.values) {
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(luma.values.size());
  return squares / count - (sum / count) * (sum / count) < kLeastSpread * kLeastSpread;
}

double BlurOf(const Luma& luma) {
  const Differences across = AlongRows(luma);
  const Differences down = AlongRows(Transposed(luma));
  // Stripes have edges in one direction alone: the other tells nothing.
  if (down.all < kLeastEdges * across.all) return across.Kept();
  if (across.all < kLeastEdges * down.all) return down.Kept();
  return std::max(across.Kept(), down.Kept());
}

}  // namespace

double BlurOf(const Image& image) { return BlurOf(LumaOf(image)); }

std::optional<PictureFault> FaultOf(const Image& image) {
  if (std::min(image.width, image.height) < kTinySide) return PictureFault::kTiny;
  const Luma luma = LumaOf(image);
  if (IsEmpty(luma)) return PictureFault::kEmpty;
  if (BlurOf(luma) >= kBlurred) return PictureFault::kBlurred;
  return std::nullopt;
}

std::string Describe(PictureFault fault) {
  switch (fault) {
    case PictureFault::kTiny: return "tiny: so few pixels show little";
    case PictureFault::kEmpty: return "empty: the picture is of one colour";
    case PictureFault::kBlurred: return "blurred: small things in the picture cannot be seen";
  }
  return "";
}

}  // namespace sightline::query
