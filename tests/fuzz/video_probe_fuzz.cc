// The readers of what ffprobe says of a file: the first byte says which of them reads the rest.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"
#include "ingest/media/messages.h"
#include "ingest/media/video_probe.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::media;
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 0) {
    const auto file = ParseProbe(text);
    if (!file.has_value()) return 0;
    FUZZ_REQUIRE(std::isfinite(file->start));
    FUZZ_REQUIRE(!file->duration.has_value() || *file->duration >= 0);
    if (file->video.has_value()) FUZZ_REQUIRE(file->video->width >= 0 && file->video->height >= 0);
    for (const auto& [key, value] : file->properties) {
      FUZZ_REQUIRE(value.size() <= kMaxPropertyBytes && sightline::IsValidUtf8(value));
    }
  } else if (const auto span = ParsePackets(text)) {
    FUZZ_REQUIRE(std::isfinite(span->first) && std::isfinite(span->last_end));
    FUZZ_REQUIRE(std::is_sorted(span->keyframes.begin(), span->keyframes.end()));
  }
  return 0;
}
