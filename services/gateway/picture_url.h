#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sightline/v1/types.pb.h"

namespace sightline::gateway {

// Reads one entry of `images`: a data: URL becomes bytes, an http(s) or file URL is passed on
// unread, for the server to read where its configuration allows. `field` names the entry in errors.
// kInvalidArgument, reasons: "invalid_base64" (padding, blanks, the URL-safe alphabet),
// "type_not_allowed" (no type, or not a picture format that is read), "url_not_allowed" (any other
// scheme, user names, control characters, backslashes).
absl::StatusOr<v1::Content> PictureFromUrl(absl::string_view field, absl::string_view url);

}  // namespace sightline::gateway
