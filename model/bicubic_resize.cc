#include "model/bicubic_resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

// Both passes are plain integer loops; built for AVX2 too they run several times as fast, and give
// the same bits. ThreadSanitizer's runtime is not up when the choice between the two is made.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SL_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SL_VECTOR_CLONES
#endif

namespace sightline::model {
namespace {

constexpr int kWeightBits = 22;  // 32 - 8 of a pixel - 2 for the lobes' overshoot, as in Pillow
constexpr double kSupport = 2;   // of the kernel, in pixels of the smaller side

double Cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// Which source pixels make each output pixel of one axis, and in what shares.
struct Axis {
  std::vector<int> first;       // [out] first source pixel
  std::vector<int> count;       // [out] source pixels, <= taps
  std::vector<int32_t> weight;  // [out, taps], scaled by 2^kWeightBits
  int taps = 0;
};

Axis MakeAxis(int in, int out) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kSupport * filter_scale;
  Axis axis;
  axis.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  axis.first.resize(out);
  axis.count.resize(out);
  axis.weight.resize(static_cast<size_t>(out) * axis.taps);
  std::vector<double> shares(axis.taps);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(center - support + 0.5));
    const int high = std::min(in, static_cast<int>(center + support + 0.5));
    double sum = 0;
    for (int x = low; x < high; ++x) {
      shares[x - low] = Cubic((x - center + 0.5) * (1.0 / filter_scale));
      sum += shares[x - low];
    }
    axis.first[i] = low;
    axis.count[i] = high - low;
    for (int x = 0; x < high - low; ++x) {
      const double share = sum != 0 ? shares[x] / sum : shares[x];
      axis.weight[static_cast<size_t>(i) * axis.taps + x] =
          static_cast<int32_t>(share * (1 << kWeightBits) + (share < 0 ? -0.5 : 0.5));
    }
  }
  return axis;
}

inline uint8_t ToPixel(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// Two rows at a time, so that one weight serves eight numbers: R G B - of the upper row, then the
// lower.
typedef int32_t RowPair __attribute__((vector_size(32)));
// As a template argument the vector type loses its alignment, and with it std::vector's.
struct alignas(32) Slot {
  RowPair pixel;
};
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

SL_VECTOR_CLONES
void ResizeRowPair(const uint8_t* upper, const uint8_t* lower, int in_width, const Axis& axis,
                   Slot* scratch, uint8_t* upper_out, uint8_t* lower_out) {
  for (int x = 0; x < in_width; ++x) {
    const uint8_t* a = upper + 3 * x;
    const uint8_t* b = lower + 3 * x;
    scratch[x].pixel = RowPair{a[0], a[1], a[2], 0, b[0], b[1], b[2], 0};
  }
  const int out_width = static_cast<int>(axis.first.size());
  for (int i = 0; i < out_width; ++i) {
    const int32_t* weight = axis.weight.data() + static_cast<size_t>(i) * axis.taps;
    const Slot* source = scratch + axis.first[i];
    RowPair sum = {kHalf, kHalf, kHalf, 0, kHalf, kHalf, kHalf, 0};
    for (int x = 0; x < axis.count[i]; ++x) sum += source[x].pixel * weight[x];
    for (int channel = 0; channel < 3; ++channel) {
      upper_out[3 * i + channel] = ToPixel(sum[channel]);
      lower_out[3 * i + channel] = ToPixel(sum[4 + channel]);
    }
  }
}

SL_VECTOR_CLONES
void ResizeColumns(const uint8_t* in, int row_bytes, const Axis& axis, int32_t* sums,
                   uint8_t* out) {
  const int out_height = static_cast<int>(axis.first.size());
  for (int i = 0; i < out_height; ++i) {
    const int32_t* weight = axis.weight.data() + static_cast<size_t>(i) * axis.taps;
    std::fill(sums, sums + row_bytes, kHalf);
    for (int y = 0; y < axis.count[i]; ++y) {
      const uint8_t* row = in + static_cast<size_t>(axis.first[i] + y) * row_bytes;
      const int32_t w = weight[y];
      for (int x = 0; x < row_bytes; ++x) sums[x] += w * row[x];
    }
    uint8_t* out_row = out + static_cast<size_t>(i) * row_bytes;
    for (int x = 0; x < row_bytes; ++x) out_row[x] = ToPixel(sums[x]);
  }
}

Image Blank(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.channels = 3;
  image.pixels.resize(static_cast<size_t>(width) * height * 3);
  return image;
}

Image Horizontal(const Image& image, int width) {
  Image out = Blank(width, image.height);
  const Axis axis = MakeAxis(image.width, width);
  std::vector<Slot> scratch(image.width);
  for (int y = 0; y < image.height; y += 2) {
    // The last row of an odd number is done twice, to the same place.
    const int next = std::min(y + 1, image.height - 1);
    const size_t in_row = static_cast<size_t>(image.width) * 3;
    const size_t out_row = static_cast<size_t>(width) * 3;
    ResizeRowPair(image.pixels.data() + y * in_row, image.pixels.data() + next * in_row,
                  image.width, axis, scratch.data(), out.pixels.data() + y * out_row,
                  out.pixels.data() + next * out_row);
  }
  return out;
}

Image Vertical(const Image& image, int height) {
  Image out = Blank(image.width, height);
  const Axis axis = MakeAxis(image.height, height);
  std::vector<int32_t> sums(static_cast<size_t>(image.width) * 3);
  ResizeColumns(image.pixels.data(), image.width * 3, axis, sums.data(), out.pixels.data());
  return out;
}

}  // namespace

absl::StatusOr<Image> ResizeBicubic(const Image& image, PixelSize size) {
  if (image.channels != 3 || image.width < 1 || image.height < 1 ||
      image.pixels.size() != static_cast<size_t>(image.width) * image.height * 3) {
    return absl::InvalidArgumentError(absl::StrCat("resize: ", image.width, "x", image.height,
                                                   " pixels of ", image.channels, " channels in ",
                                                   image.pixels.size(), " bytes, expected RGB"));
  }
  if (size.width < 1 || size.height < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("resize: target of ", size.width, "x", size.height));
  }
  if (image.width == size.width && image.height == size.height) return image;
  if (image.height == size.height) return Horizontal(image, size.width);
  if (image.width == size.width) return Vertical(image, size.height);
  return Vertical(Horizontal(image, size.width), size.height);
}

}  // namespace sightline::model
