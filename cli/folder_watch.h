#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sightline::cli {

// What happened since the last look.
struct FolderChanges {
  std::vector<std::string> files;        // paths of what is no folder: made, written, moved or gone
  std::vector<std::string> new_folders;  // not watched yet, and neither is what they hold
  std::vector<std::string> gone_folders;  // no longer watched, with all below them
  bool lost = false;                      // more happened than the system told of
};

// Folders of this machine, watched through inotify: each for itself, those in it only when they are
// added too. A Ctrl-C ends the waiting. Not thread-safe.
class FolderWatch {
 public:
  // kUnavailable: the system refused.
  static absl::StatusOr<std::unique_ptr<FolderWatch>> Create();
  ~FolderWatch();

  // Watches a folder; one that is watched already stays so. OK for what is no folder any more.
  // kResourceExhausted: the system watches no more of them, with what to do about it.
  absl::Status Add(const std::string& folder);

  // Waits until `until`, or something happens, or a signal comes.
  // kFailedPrecondition: a file system went away, so what is missing may well be there still.
  absl::StatusOr<FolderChanges> Wait(absl::Time until);

  size_t folders() const;

 private:
  class Impl;
  explicit FolderWatch(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::cli
