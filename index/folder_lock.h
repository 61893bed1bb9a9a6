#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace sightline::index {

// Holds a folder for one corpus, in this process or any other, until it is destroyed or the process
// ends.
class FolderLock {
 public:
  // kFailedPrecondition: held already, with the holder's process id; kUnavailable: the system
  // refused.
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& folder);
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace sightline::index
