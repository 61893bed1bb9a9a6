#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace sightline::ingest {

// The folder that holds the bytes of unfinished jobs, one file a job. Names are relative to it, so
// that the data folder may be moved. Methods may be called from any thread.
class Spool {
 public:
  // Makes the folder, readable by its owner only. kUnavailable: the system refused.
  static absl::StatusOr<Spool> Open(const std::string& folder);

  // On disk when it returns: file and folder are synced. kResourceExhausted: the disk is full.
  absl::Status Write(const std::string& name, absl::string_view bytes) const;

  // kNotFound: no such file.
  absl::StatusOr<std::unique_ptr<MappedFile>> Map(const std::string& name) const;

  // No error when it is gone already; one that cannot be removed now goes at the next start.
  void Remove(const std::string& name) const;

  bool Holds(const std::string& name) const;

  // Removes every file whose name is not in `keep`; returns how many.
  int RemoveOthers(const absl::flat_hash_set<std::string>& keep) const;

 private:
  explicit Spool(std::string folder) : folder_(std::move(folder)) {}
  std::string Path(const std::string& name) const;

  std::string folder_;
};

}  // namespace sightline::ingest
