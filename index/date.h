#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::index {

// What a text names: a moment, or a whole day of UTC. Both ends belong to it.
struct DateSpan {
  absl::Time first;
  absl::Time last;
};

// RFC 3339: a date ("2024-03-31") or a date with time and offset ("2024-03-31T08:00:00+02:00").
// Empty: anything else.
std::optional<DateSpan> ReadDate(absl::string_view text);

// Both ends belong to it.
struct TimeRange {
  absl::Time from = absl::InfinitePast();
  absl::Time to = absl::InfiniteFuture();

  bool is_open() const { return from == absl::InfinitePast() && to == absl::InfiniteFuture(); }
};

}  // namespace sightline::index
