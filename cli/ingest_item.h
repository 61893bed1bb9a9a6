#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::s3 {
class Client;
}  // namespace sightline::s3

namespace sightline::cli {

// One document to ingest: a file, an object in S3, or something that the server fetches.
struct IngestItem {
  std::string path;         // absolute; empty when `uri` is set
  std::string uri;          // http(s):// or s3://
  std::string id;           // the caller's; empty = the server derives it from the source
  std::string metadata;     // a JSON object, or empty
  std::string media_type;   // a hint, or empty
  std::string etag;         // of an object in S3 when it was found, or empty
  int64_t bytes = 0;        // of the file or object when it was found
  bool follow_link = true;  // `path` was named by the user, so it may be a symbolic link

  const std::string& source() const { return uri.empty() ? path : uri; }
};

// Something that was found and cannot be ingested.
struct UnusableItem {
  std::string path;
  std::string reason;  // symbolic_link, not_a_file, unreadable, name_not_utf8, path_too_long
  std::string message;
};

// What to ingest, as the command line says it.
struct IngestSources {
  std::vector<std::string> paths;  // files, folders, URLs; an s3:// URL may be a folder too
  std::string manifest;            // JSON lines, or empty
  bool recursive = false;
  bool ignore_files = true;  // whether .sightlineignore in folders is heeded
  // Shell patterns for files in folders: of the name, or of the path below the folder when it has a
  // slash; with a leading "!" they exclude. A file must match one that includes, if there is any.
  std::vector<std::string> globs;
  std::string metadata;  // a JSON object for every document, or empty; the manifest's keys win
  absl::StatusOr<const s3::Client*> s3 = nullptr;  // for s3:// URLs: needed, or why there is none
};

struct IngestVisitor {
  std::function<absl::Status(IngestItem)> item;  // a failure ends the visit
  std::function<void(UnusableItem)> unusable;
  std::function<void(const std::string&)> sub_folder;  // not entered, for want of --recursive
  // A folder of this machine, before its names are read; a failure ends the visit.
  std::function<absl::Status(const std::string&)> folder;
};

// Visits everything in a fixed order: the paths as named, folders by the names in them, then the
// manifest's lines. Hidden files and folders, and what a .sightlineignore leaves out (see
// IgnoreRules), are left out unless they were named; symbolic links in folders are not followed.
// Holds one folder's names in memory at a time. kNotFound: a named path does not exist;
// kInvalidArgument: a line of the manifest is wrong. Of S3 as s3::Client::List.
absl::Status VisitSources(const IngestSources& sources, const IngestVisitor& visitor);

// One line of a manifest: {"path" or "uri", "id", "metadata", "caption", "media_type"}; "reason"
// and "message" of a failures file are ignored. A relative path is meant from `folder`, and a
// caption becomes the metadata's "caption". Keys of `metadata` apply where the line has none of
// that name.
absl::StatusOr<IngestItem> ParseManifestLine(absl::string_view line, const std::string& folder,
                                             const std::string& metadata);

// A line that ParseManifestLine reads back, for a document that failed.
std::string FailedLine(const IngestItem& item, absl::string_view reason, absl::string_view message);

// "k=v" pairs as a JSON object. A value that is a JSON number, true, false, null, string, list or
// object is taken as that, anything else as text. kInvalidArgument: a pair without "=" or a key.
absl::StatusOr<std::string> MetadataFromPairs(const std::vector<std::string>& pairs);

bool IsUri(absl::string_view text);

// The part of VisitSources for one path below a folder that was named, `root`, or for that itself:
// a file if it is one that the whole visit would find, a folder with what it would find in there.
absl::Status VisitBelow(const std::string& root, const std::string& path,
                        const IngestSources& sources, const IngestVisitor& visitor);

inline constexpr char kIgnoreFile[] = ".sightlineignore";

// The part of VisitSources for s3://bucket/name: the object of that key, and those below "name/" as
// in a folder of that name. Objects whose keys end with a slash are marks of folders: left out.
absl::Status VisitBucket(const std::string& url, const IngestSources& sources,
                         const IngestVisitor& visitor);

}  // namespace sightline::cli
