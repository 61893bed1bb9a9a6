#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/folder_watch.h"
#include "cli/ingest_item.h"

namespace sightline::cli {

struct WatchCallbacks {
  // Files that are new or have changed; returns once they are ingested. A failure ends the loop.
  std::function<absl::Status(std::vector<IngestItem>)> ingest;
  std::function<void(const UnusableItem&)> unusable;
  std::function<absl::Status(const std::string&)> gone;  // a file that was there before
};

// Looks after folders once their files have been visited: tells of those that are new or changed
// when nothing has happened to them for a while, and of those that are gone. What happens to a file
// only makes it looked at; what is told comes from the disk. Not thread-safe.
class WatchLoop {
 public:
  // `roots` are real paths of folders. `sources` and `watch` outlive the loop.
  WatchLoop(const IngestSources& sources, std::vector<std::string> roots, FolderWatch& watch,
            absl::Duration quiet = absl::Seconds(2));

  // Of the visit before Run: every folder, before its names are read, and every file.
  absl::Status Enter(const std::string& folder) { return watch_.Add(folder); }
  void Saw(const std::string& path);

  // Until a signal comes, which is OK. kFailedPrecondition: a root is gone, or a file system; else
  // as FolderWatch and the callbacks.
  absl::Status Run(const WatchCallbacks& callbacks);

 private:
  // What tells one state of a file from another.
  struct FileState {
    int64_t bytes = 0;
    int64_t modified_ns = 0;
    uint64_t inode = 0;
    bool operator==(const FileState&) const = default;
  };
  enum class Kind { kMissing, kFile, kOther };

  static Kind Look(const std::string& path, FileState& state);
  absl::Status CheckRoots() const;
  const std::string* RootOf(const std::string& path) const;
  absl::Status Take(const FolderChanges& changes);
  // Looks at all that is in a folder, and watches the folders.
  absl::Status Scan(const std::string& folder, bool is_new);
  absl::Status ScanAll();
  IngestVisitor ScanVisitor(bool is_new);
  void TouchSeenBelow(const std::string& folder);
  // Tells of what has been quiet long enough.
  absl::Status Tell(const WatchCallbacks& callbacks);
  void Touch(const std::string& path) { touched_[path] = now_; }

  const IngestSources& sources_;
  const std::vector<std::string> roots_;
  FolderWatch& watch_;
  const absl::Duration quiet_;
  absl::flat_hash_map<std::string, FileState> seen_;
  std::map<std::string, absl::Time> touched_;  // to be looked at, and when something happened last
  absl::Time now_;
};

}  // namespace sightline::cli
