#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "index/hnsw_graph.h"
#include "index/passage_set.h"
#include "index/segment.h"
#include "index/segment_files.h"

namespace sightline::index {

// What a segment is made of.
struct SegmentParts {
  std::vector<VectorRows> rows;  // in the order of their passages
  const PassageSet& live;        // rows of other passages are left out
  // A graph over all of the first rows, to start from: then those stay, dead ones too. Null: none.
  std::shared_ptr<const HnswGraph> base;
  bool with_index = true;  // a graph, or a compact index
};

struct SegmentPlace {
  std::string folder;  // of the collection's segments
  SnapshotIdentity identity;
  bool map = true;  // read half floats from the file, as Segment's rows then do
};

// Makes a segment and writes it; null where nothing of it lives. Where it cannot be written, as on
// a full disk, that is logged, and memory alone holds it, with number 0. The work is done in the
// background (background_thread.h). kCancelled soon after `stop` answers true, which is asked on
// another thread.
absl::StatusOr<SegmentPtr> BuildSegment(const SegmentParts& parts, const SegmentPlace& place,
                                        const HnswOptions& options, const HnswGraph::Stop& stop);

// The same segment on disk.
absl::StatusOr<SegmentPtr> WriteSegment(const Segment& segment, const SegmentPlace& place);

}  // namespace sightline::index
