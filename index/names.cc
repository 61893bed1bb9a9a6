#include "index/names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace sightline::index {
namespace {

bool HasControlCharacter(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    // U+0080..U+009F are C2 80..C2 9F in UTF-8.
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return true;
    }
  }
  return false;
}

absl::Status CheckText(absl::string_view text, absl::string_view what, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", text.size(), " bytes, at most ", max_bytes, " are allowed"));
  }
  if (!IsValidUtf8(text)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is not well-formed UTF-8"));
  }
  if (HasControlCharacter(text)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " holds a control character"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCollectionName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= 63 && absl::ascii_isalnum(name.front());
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-');
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "collection name: expected 1 to 63 of A-Z a-z 0-9 _ . -, the first a letter or digit");
}

absl::Status CheckId(absl::string_view id, absl::string_view what) {
  if (id.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " is empty"));
  return CheckText(id, what, kMaxIdBytes);
}

absl::Status CheckSource(absl::string_view source) {
  return CheckText(source, "source", kMaxSourceBytes);
}

}  // namespace sightline::index
