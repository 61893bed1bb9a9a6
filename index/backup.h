#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sightline::index {

class Store;

// One backup in a folder of them.
struct BackupInfo {
  uint32_t id = 0;  // from 1, ascending in time
  absl::Time made;
  int64_t bytes = 0;  // of its files, shared ones included
  int64_t files = 0;
  // Of all collections, counted when it was begun.
  int64_t collections = 0;
  int64_t documents = 0;
};

// A backup folder keeps backups of one corpus: RocksDB's, in which files that did not change are
// shared, so that each takes the room of what is new. They hold the truth alone: the index over it
// is built anew. One process at a time has the folder; a second gets kFailedPrecondition. An
// unfinished backup is none, and its files go with the next one.

// `about` gives collections and documents; keeps the newest `keep` backups, 0 = all.
// kResourceExhausted: no room; the backups before stay.
absl::StatusOr<BackupInfo> CreateBackup(const Store& store, const std::string& folder, int keep,
                                        const BackupInfo& about);

// Oldest first. kNotFound: there is no such folder.
absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& folder);

// Reads every file of a backup and compares size and checksum; 0 = the newest. kNotFound;
// kDataLoss.
absl::StatusOr<BackupInfo> VerifyBackup(const std::string& folder, uint32_t id);

// Makes `corpus`, a folder that does not exist or holds no corpus, what the backup was; 0 = the
// newest. Files are compared with their checksums while they are copied; an interrupted restore
// leaves no corpus. kNotFound; kAlreadyExists: there is a corpus; kDataLoss; kResourceExhausted.
absl::StatusOr<BackupInfo> RestoreBackup(const std::string& folder, uint32_t id,
                                         const std::string& corpus);

}  // namespace sightline::index
