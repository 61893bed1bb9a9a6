#include "ingest/media/text_lines.h"

#include <cstdint>

#include "absl/strings/match.h"

namespace sightline::media {
namespace {

constexpr char32_t kSoftHyphen = 0xAD;

// The character at the start or end of well-formed text; 0 when there is none.
char32_t Decode(absl::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size == 1 || size > text.size()) return lead;
  char32_t c = lead & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) c = c << 6 | (static_cast<uint8_t>(text[i]) & 0x3F);
  return c;
}

char32_t FirstCharacter(absl::string_view text) { return Decode(text); }

char32_t LastCharacter(absl::string_view text) {
  size_t at = text.size();
  while (at > 0 && (static_cast<uint8_t>(text[at - 1]) & 0xC0) == 0x80) --at;
  return at == 0 ? 0 : Decode(text.substr(at - 1));
}

// Scripts that write no spaces between words: CJK with its punctuation, kana, full-width forms.
bool IsSpaceless(char32_t c) {
  return (c >= 0x2E80 && c <= 0x303F) || (c >= 0x3040 && c <= 0x30FF) ||
         (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

bool IsLowerLetter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7);
}

// "won-" + "derful": a hyphen between two small letters is the line's, not the word's. It is wrong
// for the rare compound that breaks at its own hyphen.
bool IsSplitWord(absl::string_view before, absl::string_view after) {
  if (!absl::EndsWith(before, "-") || before.size() < 2) return false;
  before.remove_suffix(1);
  return IsLowerLetter(LastCharacter(before)) && IsLowerLetter(FirstCharacter(after));
}

}  // namespace

bool NeedsSpace(absl::string_view before, absl::string_view after) {
  return !(IsSpaceless(LastCharacter(before)) && IsSpaceless(FirstCharacter(after)));
}

size_t AppendLine(std::string& text, absl::string_view line) {
  if (LastCharacter(text) == kSoftHyphen) {
    text.resize(text.size() - 2);  // two bytes in UTF-8
  } else if (IsSplitWord(text, line)) {
    text.pop_back();
  } else if (!text.empty() && NeedsSpace(text, line)) {
    text.push_back(' ');
  }
  const size_t begin = text.size();
  text.append(line.data(), line.size());
  return begin;
}

}  // namespace sightline::media
