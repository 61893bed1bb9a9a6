#include "ingest/media/bmp.h"

#include <bit>
#include <cstdlib>

namespace sightline::media {
namespace {

constexpr size_t kFileHeaderBytes = 14;
constexpr uint32_t kInfoHeaderBytes = 40;  // later forms are longer
constexpr uint32_t kPlain = 0;
constexpr uint32_t kBitFields = 3;
constexpr int64_t kMaxSide = 1 << 20;

uint32_t Little(absl::string_view bytes, size_t at, int size) {
  uint32_t value = 0;
  for (int i = 0; i < size && at + static_cast<size_t>(i) < bytes.size(); ++i) {
    value |= uint32_t{static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)])} << (8 * i);
  }
  return value;
}

// Where the bits of a colour are in a pixel.
struct Mask {
  uint32_t bits = 0;

  uint8_t Of(uint32_t pixel) const {
    if (bits == 0) return 0;
    const uint32_t value = (pixel & bits) >> std::countr_zero(bits);
    return static_cast<uint8_t>(uint64_t{value} * 255 / (bits >> std::countr_zero(bits)));
  }
};

struct Layout {
  int64_t width = 0;
  int64_t height = 0;
  bool top_down = false;
  int bits = 0;  // a pixel
  size_t pixels_at = 0;
  size_t palette_at = 0;
  size_t palette_size = 0;
  Mask red, green, blue;

  size_t row_bytes() const { return static_cast<size_t>((width * bits + 31) / 32 * 4); }
};

bool ReadLayout(absl::string_view bytes, Layout& out) {
  const uint32_t header = Little(bytes, 14, 4);
  if (bytes.size() < kFileHeaderBytes + kInfoHeaderBytes || header < kInfoHeaderBytes ||
      header > bytes.size() - kFileHeaderBytes) {
    return false;
  }
  const auto height = static_cast<int32_t>(Little(bytes, 22, 4));
  out.width = static_cast<int32_t>(Little(bytes, 18, 4));
  out.top_down = height < 0;
  out.height = std::llabs(int64_t{height});
  out.bits = static_cast<int>(Little(bytes, 28, 2));
  out.pixels_at = Little(bytes, 10, 4);
  const uint32_t packing = Little(bytes, 30, 4);
  if (out.width < 1 || out.height < 1 || out.width > kMaxSide || out.height > kMaxSide)
    return false;
  if (packing != kPlain && packing != kBitFields) return false;
  const bool wide = out.bits == 16 || out.bits == 32;
  if (!wide && out.bits != 1 && out.bits != 4 && out.bits != 8 && out.bits != 24) return false;
  if (packing == kBitFields && !wide) return false;
  if (packing == kBitFields) {
    // Behind the first form of the header, within the later ones: the same place.
    out.red.bits = Little(bytes, 54, 4);
    out.green.bits = Little(bytes, 58, 4);
    out.blue.bits = Little(bytes, 62, 4);
  } else if (out.bits == 16) {
    out.red.bits = 0x7C00;
    out.green.bits = 0x03E0;
    out.blue.bits = 0x001F;
  } else {
    out.red.bits = 0xFF0000;
    out.green.bits = 0x00FF00;
    out.blue.bits = 0x0000FF;
  }
  out.palette_at = kFileHeaderBytes + header;
  if (out.bits <= 8) {
    const uint32_t used = Little(bytes, 46, 4);
    const uint32_t most = 1U << out.bits;
    out.palette_size = used == 0 || used > most ? most : used;
  }
  return true;
}

}  // namespace

Reason ReadBmpHeader(absl::string_view bytes, BmpHeader& out) {
  Layout layout;
  if (!ReadLayout(bytes, layout)) return Reason::kBadImage;
  out.width = static_cast<int>(layout.width);
  out.height = static_cast<int>(layout.height);
  return Reason::kNone;
}

Reason ReadBmpPixels(absl::string_view bytes, std::vector<uint8_t>& pixels) {
  Layout layout;
  if (!ReadLayout(bytes, layout)) return Reason::kBadImage;
  const size_t needed = layout.row_bytes() * static_cast<size_t>(layout.height);
  if (layout.pixels_at > bytes.size() || bytes.size() - layout.pixels_at < needed) {
    return Reason::kBadImage;
  }
  pixels.clear();
  pixels.reserve(static_cast<size_t>(3 * layout.width * layout.height));
  for (int64_t y = 0; y < layout.height; ++y) {
    const int64_t row = layout.top_down ? y : layout.height - 1 - y;
    const absl::string_view line =
        bytes.substr(layout.pixels_at + static_cast<size_t>(row) * layout.row_bytes());
    for (int64_t x = 0; x < layout.width; ++x) {
      uint32_t pixel = 0;
      if (layout.bits > 8) {
        const int size = layout.bits / 8;
        pixel = Little(line, static_cast<size_t>(x * size), size);
      } else {
        const int64_t bit = x * layout.bits;
        const auto byte = static_cast<unsigned char>(line[static_cast<size_t>(bit / 8)]);
        const size_t index = (byte >> (8 - layout.bits - bit % 8)) & ((1U << layout.bits) - 1);
        if (index >= layout.palette_size) return Reason::kBadImage;
        pixel = Little(bytes, layout.palette_at + 4 * index, 3);
      }
      pixels.push_back(layout.red.Of(pixel));
      pixels.push_back(layout.green.Of(pixel));
      pixels.push_back(layout.blue.Of(pixel));
    }
  }
  return Reason::kNone;
}

}  // namespace sightline::media
