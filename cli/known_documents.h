#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "cli/connection.h"
#include "cli/ingest_item.h"

namespace sightline::cli {

// What a collection holds already, to leave it out of a resumed ingest: 16 bytes a document.
// Immutable; any thread.
class KnownDocuments {
 public:
  // Reads the whole list from the server. A missing collection holds nothing.
  static absl::StatusOr<KnownDocuments> Load(const Connection& connection,
                                             const std::string& collection);

  // True when the file's bytes and metadata are those of a document that is wholly indexed. Reads
  // the file only when its source is known. Always false for a URI.
  bool Holds(const IngestItem& item) const;

  size_t size() const { return fingerprints_.size(); }

 private:
  // Hash of the source to that of content and metadata.
  absl::flat_hash_map<uint64_t, uint64_t> fingerprints_;
};

}  // namespace sightline::cli
