#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "index/block_file.h"
#include "index/hnsw_graph.h"
#include "index/segment.h"
#include "index/vector_rows.h"

namespace sightline::index {

// The segments of a collection on disk, so that a start need not build them anew: a cache of what
// the store holds, never the truth. Each has a folder of its own under the collection's, named by a
// number that only grows; it is written once and counts from the moment its manifest has its name.
// docs/on-disk-format.md has the layout. Any thread; no two of one collection may be created or
// removed at once.

struct SnapshotIdentity {
  uint32_t collection = 0;
  int dimension = 0;
  std::string model_fingerprint;
  VectorCodes codes = VectorCodes::kFloat16;
};

// One segment being written: rows, then perhaps a graph or a compact index, then the manifest. What
// was not committed is removed again.
class SegmentWriter {
 public:
  // kUnavailable, kResourceExhausted: the system refused.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(const std::string& folder,
                                                               const SnapshotIdentity& identity);
  ~SegmentWriter();

  uint64_t number() const { return number_; }

  // `stored` as in stored_vector.h; `passage` is greater than every one before.
  absl::Status Append(uint32_t passage, absl::string_view stored);
  // After the last, at least one; the file holds them from then on.
  absl::Status FinishRows();
  // For VectorRows of half floats.
  absl::StatusOr<std::shared_ptr<const MappedFile>> MapRows() const;
  absl::Status WriteGraph(const HnswGraph& graph);
  absl::Status WriteCompact(const CompactRows& compact);
  absl::Status Commit();

 private:
  SegmentWriter(uint64_t number, std::string folder, std::string home, SnapshotIdentity identity);

  const uint64_t number_;
  const std::string folder_;  // of the collection
  const std::string home_;
  const SnapshotIdentity identity_;
  std::unique_ptr<BlockFileWriter> rows_file_;
  int64_t rows_ = 0;
  uint32_t first_ = 0;
  uint32_t last_ = 0;
  BlockSums row_sums_;
  std::optional<BlockSums> index_sums_;  // of the graph or the compact index
  bool committed_ = false;
};

// Those that are whole, of the newest where they overlap, in the order of their passages. The half
// floats stay in the files with `map`. Damaged ones and those of another identity are logged and
// passed over; where only the graph or compact index is damaged, the segment comes without.
std::vector<SegmentPtr> LoadSegments(const std::string& folder, const SnapshotIdentity& identity,
                                     bool map);

// Removes the folders of all segments but `kept`, also unfinished ones; other files are not ours.
absl::Status RemoveSegmentsBut(const std::string& folder, const std::vector<uint64_t>& kept);

// Up to where the index on disk goes: everything that the store held at `sequence` is in segments
// or was written behind them.
struct Coverage {
  int64_t sequence = 0;
  uint32_t last_passage = 0;  // of the last segment; 0: there was none
};
absl::Status WriteCoverage(const std::string& folder, const SnapshotIdentity& identity,
                           const Coverage& coverage);
// kNotFound, kDataLoss.
absl::StatusOr<Coverage> ReadCoverage(const std::string& folder, const SnapshotIdentity& identity);

// Removes all of it.
absl::Status RemoveIndexFiles(const std::string& folder);

}  // namespace sightline::index
