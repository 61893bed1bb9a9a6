#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace sightline {
namespace {

struct Step {
  size_t bytes;     // to skip
  bool valid;       // they are one well-formed character
  bool could_grow;  // ill formed only because the text ends
};

// Table 3-7 of the Unicode standard.
Step Next(absl::string_view s) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {1, true, false};
  size_t need = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    need = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    need = 2;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    need = 3;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (size_t i = 1; i <= need; ++i) {
    if (i >= s.size()) return {i, false, true};
    if (at(i) < low || at(i) > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {need + 1, true, false};
}

// Bytes of the longest well-formed prefix. Most texts are ASCII for long stretches: eight at a
// time.
size_t ValidLength(absl::string_view text) {
  constexpr uint64_t kNotAscii = 0x8080808080808080;
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = kNotAscii;
    if (at + sizeof(eight) <= text.size()) std::memcpy(&eight, text.data() + at, sizeof(eight));
    if ((eight & kNotAscii) == 0) {
      at += sizeof(eight);
      continue;
    }
    const Step step = Next(text.substr(at));
    if (!step.valid) return at;
    at += step.bytes;
  }
  return at;
}

}  // namespace

bool IsValidUtf8(absl::string_view text) { return ValidLength(text) == text.size(); }

std::string ToValidUtf8(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const size_t valid = ValidLength(text);
    out.append(text.data(), valid);
    text.remove_prefix(valid);
    if (text.empty()) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(Next(text).bytes);
  }
}

size_t Utf8PrefixLength(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text.size();
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

size_t CompleteUtf8Length(absl::string_view text) {
  size_t done = 0;
  while (done < text.size()) {
    const Step step = Next(text.substr(done));
    if (step.could_grow) return done;
    done += step.bytes;
  }
  return done;
}

}  // namespace sightline
