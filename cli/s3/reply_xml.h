#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::s3 {

struct ListedObject {
  std::string key;
  std::string etag;  // without quotes
  int64_t bytes = 0;
};

// One page of a listing, in the order of the keys' bytes.
struct Listing {
  std::vector<ListedObject> objects;
  std::vector<std::string> folders;  // common prefixes, each with its delimiter
  std::string next_token;            // empty: this is the last page
};

// The body of a reply to ListObjectsV2. kUnavailable: it is not whole, or no listing.
absl::StatusOr<Listing> ParseListing(absl::string_view xml);

// An ETag's text as a header or a listing gives it.
std::string WithoutQuotes(absl::string_view etag);

// What a failed request says of itself; empty where it says nothing.
struct ErrorReply {
  std::string code;
  std::string message;
};

ErrorReply ParseError(absl::string_view xml);

}  // namespace sightline::s3
