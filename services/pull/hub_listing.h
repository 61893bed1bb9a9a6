#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/pull/content_digest.h"

namespace sightline::services {

// A model repository and the branch, tag or commit of it that is wanted.
struct HubRepository {
  std::string name;  // "NAME" or "OWNER/NAME"
  std::string revision = "main";

  // NAME without the owner, which names the folder.
  std::string short_name() const;
};

// "OWNER/NAME" or "OWNER/NAME@REVISION". kInvalidArgument: not of that form.
absl::StatusOr<HubRepository> ParseHubRepository(absl::string_view text);

// 40 lower-case hex digits: a revision that cannot move.
bool IsCommit(absl::string_view revision);

// A file of a repository. What the listing leaves out, the file's own address tells.
struct HubFile {
  std::string path;             // relative, checked: see CheckFilePath
  std::optional<int64_t> size;  // bytes
  std::optional<Checksum> checksum;
};

struct HubListing {
  std::string commit;
  std::vector<HubFile> files;
};

// Reads the hub's description of a revision: {"sha", "siblings": [{"rfilename", "size", "blobId",
// "lfs": {"sha256", "size"}}]}. kDataLoss: not that, a path that CheckFilePath refuses, or one that
// is there twice.
absl::StatusOr<HubListing> ParseHubListing(absl::string_view json);

// kDataLoss unless `path` is a plain relative path that stays inside the folder it is written to:
// valid UTF-8 without control characters or backslashes, no empty, "." or ".." step, nothing that
// this program keeps for itself.
absl::Status CheckFilePath(absl::string_view path);

// Addresses on a hub. `endpoint` has no slash at its end.
std::string ListingUrl(absl::string_view endpoint, const HubRepository& repository);
std::string FileUrl(absl::string_view endpoint, const HubRepository& repository,
                    absl::string_view commit, absl::string_view path);

// The files that are wanted. Without `include` it is what the loader reads: *.json, *.jinja, *.txt
// and *.safetensors at the top of the repository. A pattern (* ? […]) is held against the whole
// path, and its * takes slashes too. Pickle formats are never among them.
// kFailedPrecondition: nothing is left, or only pickled weights are there.
absl::StatusOr<std::vector<HubFile>> ChooseFiles(const std::vector<HubFile>& files,
                                                 const std::vector<std::string>& include,
                                                 const std::vector<std::string>& exclude);

}  // namespace sightline::services
