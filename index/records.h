#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/types.h"

namespace sightline::index {

// Values of the store. Each starts with its version; strings carry their length. RocksDB checks the
// bytes of every block it reads, so the decoders guard against other programs and bugs, not against
// rot: kDataLoss: malformed; kFailedPrecondition: written by a newer version of the program.

// Of the store as a whole. Format 1 had posting lists without the lengths of texts.
inline constexpr int kFormatVersion = 2;

struct MetaRecord {
  int format_version = kFormatVersion;
  uint32_t next_collection = 1;
};

struct CollectionRecord {
  uint32_t id = 0;
  Collection collection;
};

// What has to be known of every passage without reading it.
struct PassageSummary {
  PassageKind kind = PassageKind::kText;
  uint32_t page = 0;
  uint32_t length = 0;  // terms of its text
  bool has_vector = false;
  bool has_patches = false;
};

struct DocumentRecord {
  Document document;
  uint32_t number = 0;         // of the document in its collection, never reused
  uint32_t first_passage = 0;  // its passages are numbered from here, without gaps
  std::vector<PassageSummary> passages;
  std::vector<std::string> blob_hashes;  // each once; one reference each
};

// Totals of a collection, and where its numbering stands.
struct Counters {
  int64_t sequence = 0;
  std::string change;  // drawn anew with each sequence number; empty: as no change has drawn one
  int64_t documents = 0;
  int64_t passages = 0;
  int64_t vectors = 0;
  int64_t texts = 0;         // passages with at least one term
  int64_t total_length = 0;  // terms of all of them
  uint32_t next_passage = 1;
  uint32_t next_document = 1;
};

// Left by a delete or a replace: passages [first, first + count) are gone for good.
struct Tombstone {
  std::string document_id;
  int64_t version = 0;
  uint32_t first_passage = 0;
  uint32_t passages = 0;
  absl::Time at;
};

std::string Encode(const MetaRecord& record);
std::string Encode(const CollectionRecord& record);
std::string Encode(const DocumentRecord& record);
std::string Encode(const Counters& record);
std::string Encode(const Tombstone& record);
std::string Encode(const Job& job);
std::string Encode(const Blob& blob);
// Without id, collection, source and metadata, which its key and its document hold.
std::string Encode(const Passage& passage);
std::string EncodeReferences(uint64_t count);

absl::StatusOr<MetaRecord> DecodeMeta(absl::string_view bytes);
absl::StatusOr<CollectionRecord> DecodeCollection(absl::string_view bytes);
absl::StatusOr<DocumentRecord> DecodeDocument(absl::string_view bytes);
absl::StatusOr<Counters> DecodeCounters(absl::string_view bytes);
absl::StatusOr<Tombstone> DecodeTombstone(absl::string_view bytes);
absl::StatusOr<Job> DecodeJob(absl::string_view bytes);
absl::StatusOr<Blob> DecodeBlob(absl::string_view bytes);
absl::StatusOr<Passage> DecodePassage(absl::string_view bytes);
absl::StatusOr<uint64_t> DecodeReferences(absl::string_view bytes);

}  // namespace sightline::index
