#include "ingest/picture_hash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace sightline::ingest {
namespace {

constexpr int kFields = 32;
constexpr int kFrequencies = 8;
constexpr float kLeastContrast = 2;  // standard deviation of the fields' lightness, of 255

using Fields = std::array<float, static_cast<size_t>(kFields) * kFields>;

float Lightness(const uint8_t* pixel, int channels) {
  const float gray = 0.299f * static_cast<float>(pixel[0]) + 0.587f * static_cast<float>(pixel[1]) +
                     0.114f * static_cast<float>(pixel[2]);
  if (channels < 4) return gray;
  const float alpha = static_cast<float>(pixel[3]) / 255;
  return gray * alpha + 255 * (1 - alpha);
}

// Means over fields of the picture; of one smaller than 32 pixels some fields share a pixel.
Fields Shrunk(const Image& image) {
  Fields out = {};
  for (int fy = 0; fy < kFields; ++fy) {
    const int y0 = fy * image.height / kFields;
    const int y1 = std::max(y0 + 1, (fy + 1) * image.height / kFields);
    for (int fx = 0; fx < kFields; ++fx) {
      const int x0 = fx * image.width / kFields;
      const int x1 = std::max(x0 + 1, (fx + 1) * image.width / kFields);
      float sum = 0;
      for (int y = y0; y < y1; ++y) {
        const uint8_t* pixel =
            &image.pixels[(static_cast<size_t>(y) * image.width + x0) * image.channels];
        for (int x = x0; x < x1; ++x, pixel += image.channels) {
          sum += Lightness(pixel, image.channels);
        }
      }
      out[fy * kFields + fx] = sum / static_cast<float>((y1 - y0) * (x1 - x0));
    }
  }
  return out;
}

float Contrast(const Fields& fields) {
  float mean = 0, squares = 0;
  for (const float field : fields) mean += field / fields.size();
  for (const float field : fields) squares += (field - mean) * (field - mean) / fields.size();
  return std::sqrt(squares);
}

}  // namespace

std::optional<uint64_t> PictureHash(const Image& image) {
  const Fields fields = Shrunk(image);
  if (Contrast(fields) < kLeastContrast) return std::nullopt;
  std::array<std::array<float, kFields>, kFrequencies> cosines;
  for (int f = 0; f < kFrequencies; ++f) {
    for (int i = 0; i < kFields; ++i) {
      cosines[f][i] =
          std::cos(std::numbers::pi_v<float> * (static_cast<float>(i) + 0.5f) * (f + 1) / kFields);
    }
  }
  // Rows first, then columns.
  std::array<std::array<float, kFields>, kFrequencies> rows = {};  // by frequency, then y
  for (int f = 0; f < kFrequencies; ++f) {
    for (int y = 0; y < kFields; ++y) {
      for (int x = 0; x < kFields; ++x) rows[f][y] += cosines[f][x] * fields[y * kFields + x];
    }
  }
  std::array<float, kFrequencies * kFrequencies> parts = {};
  for (int fy = 0; fy < kFrequencies; ++fy) {
    for (int fx = 0; fx < kFrequencies; ++fx) {
      for (int y = 0; y < kFields; ++y) {
        parts[fy * kFrequencies + fx] += cosines[fy][y] * rows[fx][y];
      }
    }
  }
  std::array<float, kFrequencies * kFrequencies> sorted = parts;
  std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2, sorted.end());
  const float median = sorted[sorted.size() / 2];
  uint64_t hash = 0;
  for (size_t i = 0; i < parts.size(); ++i) hash |= uint64_t{parts[i] > median} << i;
  return hash;
}

}  // namespace sightline::ingest
