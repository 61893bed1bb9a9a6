#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ingest/enrichment.h"

namespace sightline::ingest {

// What a stored job carries in index::Job::options_json. Never the password.
struct JobOptions {
  std::string media_type;  // hint
  std::string metadata_json = "{}";
  bool force = false;
  std::string content_hash;  // of the bytes in the spool
  int64_t bytes = 0;         // how many
  std::string etag = {};     // of the bytes where they were fetched from, as in index::Document
  std::string last_modified = {};  // likewise
  Enrichment enrichment = {};
  int64_t sequence = 0;  // order of submission; the last one submitted of a document wins
};

std::string EncodeJobOptions(const JobOptions& options);

// kDataLoss: not what EncodeJobOptions writes.
absl::StatusOr<JobOptions> DecodeJobOptions(const std::string& json);

// True when what is stored of a document comes from these metadata: JSON objects of equal content,
// whatever the order of their keys, where stored ones that were not asked for may be the file's
// own: "taken", for documents with properties (mail, books) those, and what enrichment adds.
struct OwnMetadata {
  bool properties = false;
  bool enrichment = false;  // it was asked for
};
bool SameMetadata(const std::string& stored, const std::string& asked, const OwnMetadata& own = {});

// The metadata with "taken" set, unless they have a "taken" or a "date" already or
// have no room for it.
std::string WithTaken(const std::string& metadata_json, const std::string& taken);

// The media types of documents that say something of themselves.
bool HasProperties(absl::string_view media_type);

// The metadata with what the file says of itself, where they do not have that key already or have
// no room for it. A "date" is left out as well where they have a "taken".
std::string WithProperties(const std::string& metadata_json,
                           const std::vector<std::pair<std::string, std::string>>& properties);

// The text that stands for a picture in word search: the string "caption", else "title", else
// nothing.
std::string CaptionOf(const std::string& metadata_json);

}  // namespace sightline::ingest
