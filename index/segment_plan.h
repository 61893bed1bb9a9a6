#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sightline::index {

// A run of neighbouring segments.
struct SegmentRun {
  size_t first = 0;
  size_t count = 0;  // 0: none
};

// Which segments to join next, given how many rows each has, the oldest first: the longest run up
// to the newest whose oldest segment is no larger than the newer ones together.
//
// So each segment outweighs all newer ones, and a join at least doubles the segment a row is in:
// with s rows in the smallest, n rows lie in at most log2(n / s) + 1 segments and each is written
// at most as many times. When a collection has grown to a million rows, with the corpus's defaults,
// there were 3.1 segments on average and 5 at most, and each row was written 3.1 times; its links
// were made 1.9 times, as the oldest of the joined keeps its graph (segment_plan_test.cc).
SegmentRun NextJoin(std::span<const int64_t> rows);

// The newest segments to join at once with a head of `head` rows that is to be sealed; none: it is
// sealed alone. They are those that it would be joined with next, unless that takes much longer
// than sealing, as the head is compared row by row until then.
SegmentRun JoinWithHead(std::span<const int64_t> rows, int64_t head);

}  // namespace sightline::index
