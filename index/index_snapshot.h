#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/hnsw_graph.h"
#include "index/vector_rows.h"

namespace sightline::index {

// A collection's vectors and graph on disk, so that a start need not build them anew: a cache of
// what the store holds, never the truth. Each lives in a folder of its own, named by a generation
// that only grows, and counts from the moment its manifest has its name. docs/on-disk-format.md has
// the layout.

struct SnapshotIdentity {
  uint32_t collection = 0;
  int dimension = 0;
  std::string model_fingerprint;
};

struct IndexSnapshot {
  uint64_t generation = 0;
  int64_t sequence = 0;       // of the store, up to which it covers
  uint32_t next_passage = 1;  // passages below this number were looked at
  VectorRows rows{1};
  std::shared_ptr<const HnswGraph> graph;  // may be null
};

// Writes `snapshot` as the next generation under `folder` and drops all but the newest two. Not
// beside another call on the same folder. Returns the generation.
absl::StatusOr<uint64_t> WriteIndexSnapshot(const std::string& folder,
                                            const SnapshotIdentity& identity,
                                            const IndexSnapshot& snapshot);

// The newest one that is whole. Damaged ones and those of another identity are logged and passed
// over; what else lies in the folder is ignored. kNotFound: there is none.
absl::StatusOr<IndexSnapshot> LoadIndexSnapshot(const std::string& folder,
                                                const SnapshotIdentity& identity);

// Removes every generation older than `oldest_kept`; with none given, all.
absl::Status DropIndexSnapshots(const std::string& folder, uint64_t oldest_kept = UINT64_MAX);

}  // namespace sightline::index
