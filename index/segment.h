#pragma once

#include <cstdint>
#include <memory>

#include "index/compact_rows.h"
#include "index/device_rows.h"
#include "index/hnsw_graph.h"
#include "index/vector_rows.h"

namespace sightline::index {

// A run of a collection's vectors that changes no more: those of the live passages of a range of
// numbers when it was made, with a graph over them, or a compact index instead. Never empty, never
// changed.
struct Segment {
  VectorRows rows{1};
  std::shared_ptr<const HnswGraph> graph;      // over all rows; null: they are compared one by one
  std::shared_ptr<const CompactRows> compact;  // the same; null: as above
  uint64_t number = 0;                         // of its folder (segment_files.h); 0 = not on disk
  std::shared_ptr<const DeviceRows> device;    // the same rows; null: on none
  float device_recall = 1;                     // of what the device finds, measured
};

using SegmentPtr = std::shared_ptr<const Segment>;

// Whether it has all that a segment of so many vectors of a large collection has in memory.
inline bool IsComplete(const Segment& segment) {
  if (!IsCompact(segment.rows.codes())) return segment.graph != nullptr;
  return !segment.rows.has_codes() &&
         (segment.compact != nullptr || segment.rows.size() < kCompactCandidates);
}

}  // namespace sightline::index
