#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace rocksdb {
class BackupEngine;
class DB;
class Snapshot;
class WriteBatch;
}  // namespace rocksdb

namespace sightline::index {

class Store;

// A moment of the store: reads through it see nothing later. Releases itself; must go before the
// store.
class StoreSnapshot {
 public:
  explicit StoreSnapshot(const Store& store);
  ~StoreSnapshot();
  StoreSnapshot(const StoreSnapshot&) = delete;
  StoreSnapshot& operator=(const StoreSnapshot&) = delete;

 private:
  friend class Store;
  rocksdb::DB& db_;
  const rocksdb::Snapshot* const snapshot_;
};

// RocksDB with the settings the truth needs: every write synced, the log always on, all checks on.
// Any thread. After the first storage error every write is kUnavailable until the store is opened
// again: what a disk did with a failed sync cannot be known, so nothing more is acknowledged on top
// of it.
class Store {
 public:
  // kFailedPrecondition: another process holds the folder; kDataLoss: damaged files; kUnavailable.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& path);
  ~Store();

  // The whole batch or nothing, on disk when it returns OK.
  absl::Status Write(rocksdb::WriteBatch& batch);

  // Empty: no such key. `snapshot` may be null: the newest state.
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key,
                                                 const StoreSnapshot* snapshot) const;

  // Calls `visit` for each pair whose key starts with `prefix` and is not less than `from`, in
  // order of key, until it answers false. The views live as long as the call.
  using Visit = std::function<absl::StatusOr<bool>(absl::string_view key, absl::string_view value)>;
  absl::Status Scan(absl::string_view prefix, absl::string_view from, const StoreSnapshot* snapshot,
                    const Visit& visit) const;
  absl::Status Scan(absl::string_view prefix, const StoreSnapshot* snapshot,
                    const Visit& visit) const {
    return Scan(prefix, prefix, snapshot, visit);
  }

  // Adds a backup of this moment, with `about` as what is told of it; returns its number. Writes go
  // on meanwhile.
  absl::StatusOr<uint32_t> Backup(rocksdb::BackupEngine& engine, const std::string& about) const;

  // Removes from the disk, for good, what was deleted or replaced before: everything in memory goes
  // to table files, all of them are written anew without it, and the old files and logs go. Waits
  // until no snapshot older than `since` is held: kDeadlineExceeded; then nothing was removed.
  // Writes and reads go on meanwhile; a backup does not. Values below `merged` are merged ones,
  // which the filter of what is empty sees only when they are written once more.
  absl::Status Purge(uint64_t since, absl::string_view merged, absl::Time deadline);
  // Removes files that are not in use; those that came while another is being written stay until
  // the next time.
  absl::Status RemoveUnusedFiles() const;
  // The number of the newest write.
  uint64_t LatestWrite() const;

  // Calls `visit` with every version of every key that is still kept, deleted ones with an empty
  // value.
  absl::Status VisitVersions(
      const std::function<void(absl::string_view key, absl::string_view value)>& visit) const;

  // Bytes of the table files in use.
  int64_t TableBytes() const;
  // Paths of the table files in use.
  absl::StatusOr<std::set<std::string>> TableFiles() const;

  // kUnavailable once a storage error was seen, with what it was.
  absl::Status Health() const;

  // Bytes of the keys and values under `prefix`, which are of one kind, before they are packed.
  // Counted up to 4 MiB; beyond that the mean of what was counted times `records`, how many there
  // are. Where that is not known (-1): packed, from the sizes of files, which may be half as much
  // again.
  int64_t ApproximateBytes(absl::string_view prefix, int64_t records = -1) const;

 private:
  friend class StoreSnapshot;
  class ErrorListener;
  explicit Store(std::shared_ptr<ErrorListener> listener);

  const std::shared_ptr<ErrorListener> listener_;
  mutable absl::Mutex files_mu_;  // held while table files are copied, or purged
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace sightline::index
