#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/records.h"
#include "index/segment_files.h"
#include "index/store.h"
#include "index/view.h"

namespace sightline::index {

struct LoadedCollection {
  std::shared_ptr<View> view;
  int64_t snapshot_sequence = 0;  // that the segments on disk cover; 0 = some were not usable
};

// Reads a collection into memory: documents and passages from the store; vectors from the whole
// segments under `folder`, and from the store what none of them covers. Segments that are not used
// are removed. `map` as in LoadSegments. kDataLoss: the store contradicts itself.
absl::StatusOr<LoadedCollection> LoadCollection(const Store& store, const CollectionRecord& record,
                                                const std::string& folder, bool map);

// Appends the stored vectors of passages in [from, last], as of the view's moment.
absl::Status AppendStoredVectors(const Store& store, const View& view, uint32_t from, uint32_t last,
                                 VectorRows& rows);

SnapshotIdentity IdentityOf(const CollectionRecord& record);

}  // namespace sightline::index
