#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/byte_search.h"
#include "index/records.h"
#include "index/store.h"

namespace sightline::index {

// What documents leave in store and files, taken down before they are erased, so that it can be
// looked for afterwards.
class DocumentTraces {
 public:
  explicit DocumentTraces(uint32_t collection) : collection_(collection) {}

  // A stored document of the collection: its id and source, the words and vectors of its passages,
  // the pictures that no other document holds, and its `jobs`. kDataLoss.
  absl::Status Add(const Store& store, const DocumentRecord& document,
                   const std::vector<Job>& jobs);

  // Where something of them still is: in any version of any key that RocksDB keeps, its logs, and
  // the files below `folders`, whatever they are; table files are read through RocksDB, as their
  // blocks are packed. Under keys of other documents equal words and pictures are theirs, and no
  // trace. Descriptions, at most kMost of them.
  struct Report {
    std::vector<std::string> found;
    // In RocksDB's list of its table files, which names the first and last key of each, also of
    // those that are gone: it is begun anew when the store is opened.
    std::vector<std::string> until_restart;
    int64_t bytes = 0;  // looked at
  };
  static constexpr size_t kMost = 100;
  absl::StatusOr<Report> Find(const Store& store, const std::vector<std::string>& folders) const;

 private:
  absl::Status AddPassages(const Store& store, const DocumentRecord& document);
  absl::Status AddPictures(const Store& store, const DocumentRecord& document);
  bool IsOwnKey(absl::string_view key) const;
  absl::Status SearchStore(const Store& store, Report& report) const;
  absl::Status SearchFile(const std::string& path, Report& report) const;

  const uint32_t collection_;
  std::set<std::string> own_keys_;
  ByteSearch bytes_;  // in values and files
};

}  // namespace sightline::index
