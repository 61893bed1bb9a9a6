#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/index_snapshot.h"
#include "index/records.h"
#include "index/store.h"
#include "index/view.h"

namespace sightline::index {

struct LoadedCollection {
  std::shared_ptr<View> view;
  int64_t snapshot_sequence = 0;  // of the index snapshot that was used; 0 = none
};

// Reads a collection into memory: documents and passages from the store; vectors from the newest
// whole index snapshot under `folder` and what was written since from the store, or all from the
// store where there is no usable snapshot. kDataLoss: the store contradicts itself.
absl::StatusOr<LoadedCollection> LoadCollection(const Store& store, const CollectionRecord& record,
                                                const std::string& folder);

// Appends the stored vectors of passages numbered `from` and above, as of the view's moment.
absl::Status AppendStoredVectors(const Store& store, const View& view, uint32_t from,
                                 VectorRows& rows);

SnapshotIdentity IdentityOf(const CollectionRecord& record);

}  // namespace sightline::index
