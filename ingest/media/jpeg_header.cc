#include "ingest/media/jpeg_header.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"

namespace sightline::media {
namespace {

int Byte(absl::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
int Word(absl::string_view bytes, size_t at) { return Byte(bytes, at) << 8 | Byte(bytes, at + 1); }

// SOF0..SOF15 without the three codes in between that mean something else.
bool IsFrameHeader(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Inside compressed data FF is always followed by 00 or a restart mark, so only a previewed picture
// in the metadata is counted wrongly, and that adds few.
int CountScans(absl::string_view bytes) {
  int count = 0;
  for (size_t at = bytes.find("\xFF\xDA"); at != absl::string_view::npos;
       at = bytes.find("\xFF\xDA", at + 2)) {
    ++count;
  }
  return count;
}

}  // namespace

std::optional<JpegHeader> ReadJpegHeader(absl::string_view bytes) {
  if (!absl::StartsWith(bytes, "\xFF\xD8\xFF")) return std::nullopt;
  for (size_t at = 2; at + 9 <= bytes.size();) {
    if (Byte(bytes, at) != 0xFF) return std::nullopt;
    const int marker = Byte(bytes, at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (IsFrameHeader(marker)) {
      JpegHeader header;
      header.height = Word(bytes, at + 5);
      header.width = Word(bytes, at + 7);
      header.scans = CountScans(bytes);
      if (header.width == 0 || header.height == 0) return std::nullopt;
      return header;
    }
    const int length = Word(bytes, at + 2);
    if (length < 2 || marker == 0xDA || marker == 0xD9) return std::nullopt;
    at += 2 + static_cast<size_t>(length);
  }
  return std::nullopt;
}

}  // namespace sightline::media
