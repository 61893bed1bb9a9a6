#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::query {

// The bytes of the file that `url`, file:///PATH, names, which must lie in the folder `root`, an
// absolute path, or below it. Links on the way from there are not followed, so that nothing in the
// folder leads out of it. `root` empty: no file may be read.
// kFailedPrecondition "url_not_allowed": outside of the root, a link, or no root;
// kInvalidArgument "bad_file_url": not file:///PATH, or ill-formed percent signs;
// kNotFound "picture_not_found": no regular file there that can be read; kInvalidArgument
// "too_large".
absl::StatusOr<std::string> ReadPictureFile(const std::string& root, absl::string_view url,
                                            uint64_t max_bytes);

}  // namespace sightline::query
