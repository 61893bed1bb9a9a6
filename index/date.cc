#include "index/date.h"

#include <string>

#include "absl/strings/ascii.h"

namespace sightline::index {
namespace {

constexpr absl::string_view kDateShape = "0000-00-00";
constexpr absl::string_view kTimeShape = "0000-00-00T00:00:00";

// Abseil's parser also takes blanks, signs, years of other lengths and "infinite-future".
bool HasShape(absl::string_view text, absl::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits =
        shape[i] == '0' ? absl::ascii_isdigit(text[i]) : absl::ascii_toupper(text[i]) == shape[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

std::optional<DateSpan> ReadDate(absl::string_view text) {
  absl::Time at;
  std::string error;
  if (text.size() == kDateShape.size()) {
    if (!HasShape(text, kDateShape) || !absl::ParseTime("%Y-%m-%d", text, &at, &error)) {
      return std::nullopt;
    }
    return DateSpan{at, at + absl::Hours(24) - absl::Nanoseconds(1)};
  }
  if (!HasShape(text, kTimeShape)) return std::nullopt;
  const std::string upper = absl::AsciiStrToUpper(text);
  if (!absl::ParseTime(absl::RFC3339_full, upper, &at, &error)) return std::nullopt;
  return DateSpan{at, at};
}

}  // namespace sightline::index
