#include "cli/demo_png.h"

#include <algorithm>

#include "absl/strings/string_view.h"

namespace sightline::cli {
namespace {

constexpr size_t kMaxStoredBlock = 65535;  // RFC 1951, 3.2.4

void AppendBigEndian(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

void AppendLittleEndian16(std::string& out, uint32_t value) {
  out += static_cast<char>(value);
  out += static_cast<char>(value >> 8);
}

// CRC-32 of the PNG specification, annex D.
uint32_t Crc32(absl::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

// RFC 1950, 8.2.
uint32_t Adler32(absl::string_view bytes) {
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

void AppendChunk(std::string& out, absl::string_view type, absl::string_view data) {
  AppendBigEndian(out, static_cast<uint32_t>(data.size()));
  std::string body(type);
  body.append(data.data(), data.size());
  out += body;
  AppendBigEndian(out, Crc32(body));
}

std::string ZlibStored(absl::string_view bytes) {
  std::string out = "\x78\x01";
  for (size_t i = 0; i < bytes.size(); i += kMaxStoredBlock) {
    const absl::string_view block = bytes.substr(i, kMaxStoredBlock);
    out += static_cast<char>(i + block.size() == bytes.size() ? 1 : 0);
    AppendLittleEndian16(out, static_cast<uint32_t>(block.size()));
    AppendLittleEndian16(out, ~static_cast<uint32_t>(block.size()));
    out.append(block.data(), block.size());
  }
  AppendBigEndian(out, Adler32(bytes));
  return out;
}

}  // namespace

Canvas::Canvas(int width, int height, Color background) : width_(width), height_(height) {
  pixels_.reserve(static_cast<size_t>(width) * height * 3);
  for (int i = 0; i < width * height; ++i) {
    pixels_.insert(pixels_.end(), background.begin(), background.end());
  }
}

void Canvas::Fill(Color color, const std::function<bool(double, double)>& inside) {
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      if (!inside((x + 0.5) / width_, (y + 0.5) / height_)) continue;
      std::copy(color.begin(), color.end(),
                pixels_.begin() + (static_cast<ptrdiff_t>(y) * width_ + x) * 3);
    }
  }
}

void Canvas::Shade(double strength) {
  for (int y = 0; y < height_; ++y) {
    const double keep = 1 - strength * y / height_;
    for (int i = 0; i < width_ * 3; ++i) {
      uint8_t& value = pixels_[static_cast<size_t>(y) * width_ * 3 + i];
      value = static_cast<uint8_t>(value * keep);
    }
  }
}

std::string Canvas::EncodePng() const {
  std::string rows;
  for (int y = 0; y < height_; ++y) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(pixels_.data()) + static_cast<size_t>(y) * width_ * 3,
                static_cast<size_t>(width_) * 3);
  }
  std::string header;
  AppendBigEndian(header, static_cast<uint32_t>(width_));
  AppendBigEndian(header, static_cast<uint32_t>(height_));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits, RGB, deflate, no interlace
  std::string out = "\x89PNG\r\n\x1a\n";
  AppendChunk(out, "IHDR", header);
  AppendChunk(out, "IDAT", ZlibStored(rows));
  AppendChunk(out, "IEND", "");
  return out;
}

}  // namespace sightline::cli
