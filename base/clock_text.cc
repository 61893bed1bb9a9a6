#include "base/clock_text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline {

std::string ClockText(double seconds) {
  constexpr double kMost = 1e9;  // what is longer is no video
  const auto whole = static_cast<int64_t>(std::clamp(seconds, 0.0, kMost));
  const int64_t hours = whole / 3600;
  const int64_t minutes = whole / 60 % 60;
  if (hours == 0) return absl::StrFormat("%d:%02d", minutes, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60);
}

std::string ClockText(double start, double end) {
  return absl::StrCat(ClockText(start), "-", ClockText(end));
}

}  // namespace sightline
