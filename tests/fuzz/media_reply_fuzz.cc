// The server's reader of what a decoder says, which may be taken over: what is accepted keeps the
// promises of messages.h, and survives being written and read again.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/utf8.h"
#include "ingest/media/messages.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::media;
  const auto reply = ParseReply({reinterpret_cast<const char*>(data), size});
  if (!reply.ok()) return 0;
  FUZZ_REQUIRE(reply->width >= 0 && reply->height >= 0 && reply->channels >= 0);
  FUZZ_REQUIRE(reply->next >= 0 && reply->attachment_bytes >= 0);
  FUZZ_REQUIRE(std::isfinite(reply->seconds) && reply->seconds >= 0);
  FUZZ_REQUIRE(reply->taken.empty() || IsTimeOfDay(reply->taken));
  for (const TextBlock& block : reply->blocks) {
    FUZZ_REQUIRE(sightline::IsValidUtf8(block.text));
    FUZZ_REQUIRE(sightline::AreLinesOf(block.lines, block.text.size()));
    if (block.box.has_value()) {
      FUZZ_REQUIRE(block.box->x0 >= 0 && block.box->x0 <= block.box->x1 && block.box->x1 <= 1);
    }
    if (block.time.has_value()) {
      FUZZ_REQUIRE(block.time->start >= 0 && block.time->start <= block.time->end);
    }
  }
  for (const ReplyMember& member : reply->members) {
    FUZZ_REQUIRE(sightline::IsValidUtf8(member.path) && member.offset >= 0 && member.size >= 0);
  }
  for (const ScannedFrame& frame : reply->frames) {
    FUZZ_REQUIRE(std::isfinite(frame.time) && frame.time >= 0);
  }
  const std::string written = SerializeReply(*reply);
  const auto again = ParseReply(written);
  FUZZ_REQUIRE(again.ok());
  FUZZ_REQUIRE(SerializeReply(*again) == written);
  return 0;
}
