#pragma once

#include <faiss/Index.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "index/device_rows.h"

namespace sightline::index::gpu {

// One of FAISS's indexes on a device, empty.
struct FaissIndex {
  std::shared_ptr<void> resources;  // of the device; outlive the index
  std::unique_ptr<faiss::Index> index;
  // What a search with a selector is given.
  std::function<std::unique_ptr<faiss::SearchParameters>(faiss::IDSelector*)> parameters;
  bool trained_with_all = false;  // training takes all rows, which are in it then
  int64_t bytes = 0;              // on the device once it is full
  int most_hits = 1024;           // of one search
  std::optional<float> slack;     // see DeviceRows::Slack; of unit vectors
};

// Makes the index for so many rows. May throw, as FAISS does.
using FaissFactory = std::function<FaissIndex(int dimension, int64_t rows)>;

// Rows in an index of FAISS's, trained on them where it has to be. Some of FAISS's indexes pass
// over a selector without a word: whether these honour it is tried out here first, and where they
// do not, more is asked for and what is not allowed is left out. An index is searched by one thread
// at a time. `memory_bytes`: of all rows together. kInternal: FAISS fails.
absl::StatusOr<std::unique_ptr<RowDevice>> MakeFaissDevice(FaissFactory make, int64_t memory_bytes);

// Whether a search of such an index gives only what a selector selects.
absl::StatusOr<bool> HonoursSelectors(const FaissFactory& make);

}  // namespace sightline::index::gpu
