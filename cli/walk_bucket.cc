// VisitBucket of ingest_item.h.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/utf8.h"
#include "cli/glob.h"
#include "cli/ingest_item.h"
#include "cli/s3/client.h"

namespace sightline::cli {
namespace {

// True when the path, or a folder in it, has a name that begins with a dot.
bool IsHidden(absl::string_view below) {
  return absl::StartsWith(below, ".") || absl::StrContains(below, "/.");
}

class BucketWalk {
 public:
  BucketWalk(const s3::Client& client, const IngestSources& sources, const IngestVisitor& visitor)
      : client_(client), sources_(sources), visitor_(visitor) {}

  absl::Status Visit(const s3::Location& location) {
    s3::Location folder = location;
    if (!location.key.empty() && !absl::EndsWith(location.key, "/")) {
      // Of the keys that begin with this one it is itself the first.
      SL_ASSIGN_OR_RETURN(const s3::Listing listing, client_.List(location, false, "", 1));
      if (!listing.objects.empty() && listing.objects[0].key == location.key) {
        found_ = true;
        SL_RETURN_IF_ERROR(Object(location.bucket, listing.objects[0]));
      }
      folder.key += "/";
    }
    std::string token;
    do {
      SL_ASSIGN_OR_RETURN(const s3::Listing listing,
                          client_.List(folder, !sources_.recursive, token));
      SL_RETURN_IF_ERROR(Page(folder, listing));
      token = listing.next_token;
    } while (!token.empty());
    if (found_ || folder.key.empty()) return absl::OkStatus();
    return absl::NotFoundError(
        absl::StrCat(s3::UrlOf(location), ": no such object, and none below it"));
  }

 private:
  absl::Status Page(const s3::Location& folder, const s3::Listing& listing) {
    found_ = found_ || !listing.objects.empty() || !listing.folders.empty();
    for (const s3::ListedObject& object : listing.objects) {
      if (!absl::StartsWith(object.key, folder.key)) {
        return absl::FailedPreconditionError(absl::StrCat(
            s3::UrlOf(folder), ": the listing holds the key ", object.key, ", which is not below"));
      }
      const std::string below = object.key.substr(folder.key.size());
      const std::string name = below.substr(below.rfind('/') + 1);
      if (name.empty() || IsHidden(below) || !Wanted(sources_.globs, name, below)) continue;
      SL_RETURN_IF_ERROR(Object(folder.bucket, object));
    }
    for (const std::string& prefix : listing.folders) {
      const bool hidden = IsHidden(absl::StripPrefix(prefix, folder.key));
      if (visitor_.sub_folder && !hidden) {
        visitor_.sub_folder(s3::UrlOf({.bucket = folder.bucket, .key = prefix}));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Object(const std::string& bucket, const s3::ListedObject& object) {
    IngestItem item;
    item.uri = s3::UrlOf({.bucket = bucket, .key = object.key});
    if (!IsValidUtf8(item.uri)) {
      if (visitor_.unusable) {
        visitor_.unusable({item.uri, "name_not_utf8", "the name is not UTF-8"});
      }
      return absl::OkStatus();
    }
    item.etag = object.etag;
    item.bytes = object.bytes;
    item.metadata = sources_.metadata;
    return visitor_.item(std::move(item));
  }

  const s3::Client& client_;
  const IngestSources& sources_;
  const IngestVisitor& visitor_;
  bool found_ = false;
};

}  // namespace

absl::Status VisitBucket(const std::string& url, const IngestSources& sources,
                         const IngestVisitor& visitor) {
  SL_ASSIGN_OR_RETURN(const s3::Client* const client, sources.s3);
  SL_ASSIGN_OR_RETURN(const s3::Location location, s3::ParseLocation(url));
  return BucketWalk(*client, sources, visitor).Visit(location);
}

}  // namespace sightline::cli
