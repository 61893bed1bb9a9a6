#pragma once

#include <cstdint>
#include <memory>

#include "index/device_rows.h"
#include "index/hnsw_graph.h"
#include "index/vector_rows.h"

namespace sightline::index {

// A run of a collection's vectors that changes no more: those of the live passages of a range of
// numbers when it was made, with a graph over them. Never empty, never changed.
struct Segment {
  VectorRows rows{1};
  std::shared_ptr<const HnswGraph> graph;    // over all rows; null: they are compared one by one
  uint64_t number = 0;                       // of its folder (segment_files.h); 0 = not on disk
  std::shared_ptr<const DeviceRows> device;  // the same rows; null: on none
  float device_recall = 1;                   // of what the device finds, measured
};

using SegmentPtr = std::shared_ptr<const Segment>;

}  // namespace sightline::index
