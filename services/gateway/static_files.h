#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/exchange.h"

namespace sightline::gateway {

// The built page, held in memory: a request cannot name a file that was not read at start, so there
// is no path to climb out of. Immutable; any thread.
class StaticFiles {
 public:
  // Reads the regular files below `root`; links and hidden files are left out. An empty `root`
  // gives no files. kNotFound: no such folder; kResourceExhausted: more than 64 MiB or 2,000 files.
  static absl::StatusOr<StaticFiles> Load(const std::string& root);

  // The file of a path such as "assets/index-4f2a.js"; "" is index.html. Null when there is none.
  // Carries its type, an ETag, and for the hashed names below assets/ a year of caching.
  // `if_none_match` that names the ETag gives 304.
  std::optional<Reply> Find(absl::string_view path, absl::string_view if_none_match) const;

  bool empty() const { return files_.empty(); }

 private:
  struct File {
    std::string content_type;
    std::string etag;
    bool immutable = false;
    std::string bytes;
  };
  std::map<std::string, File> files_;  // by path below the root, '/' between names
};

// Content-Security-Policy of the page: everything from here, nothing inline.
extern const char kPagePolicy[];

}  // namespace sightline::gateway
