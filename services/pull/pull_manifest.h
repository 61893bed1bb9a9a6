#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/pull/content_digest.h"

namespace sightline::services {

// What a folder was pulled from and what it holds: DIR/.sightline-pull.json.
struct PullManifest {
  struct File {
    std::string path;
    int64_t size = 0;
    Checksum checksum;
  };
  std::string repository;
  std::string commit;
  std::vector<std::string> include;  // as asked for
  std::vector<std::string> exclude;
  std::vector<File> files;  // those that are in place
  bool complete = false;    // all that were wanted are

  // Null when there is none of that path.
  const File* Find(absl::string_view path) const;
};

// Nothing when the folder has none that can be read: its files are then held against the hub's
// list.
std::optional<PullManifest> ReadPullManifest(const std::string& folder);

// Atomically. Errors of WriteFileAtomic.
absl::Status WritePullManifest(const std::string& folder, const PullManifest& manifest);

}  // namespace sightline::services
