// What the server itself looks at of a file: its kind, and the head of a JPEG.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "ingest/media/jpeg_header.h"
#include "ingest/media/sniff.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::media;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const FileType type = SniffType(bytes);
  FUZZ_REQUIRE(!(IsPicture(type) && IsContainer(type)) && !(IsPicture(type) && IsVideo(type)));
  FUZZ_REQUIRE(!IsPicture(type) || *MediaTypeOf(type) != '\0');
  if (const auto header = ReadJpegHeader(bytes)) {
    FUZZ_REQUIRE(header->width > 0 && header->height > 0);
  }
  return 0;
}
