// The reader of subtitles: any text gives cues with times that can be, and words that are UTF-8.

#include <cstddef>
#include <cstdint>

#include "base/utf8.h"
#include "ingest/media/subtitles.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::media;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  SubtitlesOf(text);
  constexpr int64_t kMostBytes = 1 << 20;
  BlockSink sink(kMostBytes);
  ReadSubtitles(text, sink);
  FUZZ_REQUIRE(!sink.overflowed());
  size_t bytes = 0;
  for (const TextBlock& block : sink.Take()) {
    FUZZ_REQUIRE(block.time.has_value());
    FUZZ_REQUIRE(block.time->start >= 0 && block.time->start <= block.time->end);
    FUZZ_REQUIRE(block.time->end <= 3'600'001);
    FUZZ_REQUIRE(!block.text.empty() && sightline::IsValidUtf8(block.text));
    bytes += block.text.size();
  }
  FUZZ_REQUIRE(bytes <= 3 * size);  // what is no UTF-8 becomes three bytes each
  return 0;
}
