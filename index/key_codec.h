#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::index {

// Keys of the store: the collection's numeric id (4 bytes, big-endian; 0 = not of one collection),
// one letter for the kind of record, then what tells records of that kind apart. Everything of a
// collection is one range.

inline constexpr uint32_t kGlobal = 0;

// Passages of a collection are numbered from 1 and a number is never used twice; the id the world
// sees carries the collection, so that no passage can be reached through another's.
inline constexpr uint64_t PassageId(uint32_t collection, uint32_t number) {
  return static_cast<uint64_t>(collection) << 32 | number;
}
inline constexpr uint32_t CollectionOf(uint64_t passage_id) {
  return static_cast<uint32_t>(passage_id >> 32);
}
inline constexpr uint32_t NumberOf(uint64_t passage_id) {
  return static_cast<uint32_t>(passage_id);
}

// Postings of a term are kept in buckets of this many passage numbers.
inline constexpr uint32_t kBucketBits = 12;
inline constexpr uint32_t kBucketSize = 1u << kBucketBits;

std::string MetaKey();
std::string CollectionKey(absl::string_view name);
std::string CollectionsPrefix();
std::string GenerationKey(absl::string_view name);  // the collection that is to follow this one
std::string GenerationsPrefix();
std::string JobKey(absl::string_view job_id);
std::string JobsPrefix();
std::string JobOrderKey(absl::Time created, absl::string_view job_id);  // newest first
std::string JobOrderPrefix();
std::string BlobKey(absl::string_view hash);
std::string BlobReferencesKey(absl::string_view hash);
std::string BlobReferencesPrefix();

std::string CollectionRange(uint32_t collection);  // prefix of all of a collection's keys
std::string CountersKey(uint32_t collection);
std::string AnalyzerKey(uint32_t collection);
std::string DocumentKey(uint32_t collection, absl::string_view document_id);
std::string DocumentsPrefix(uint32_t collection);
std::string PassageKey(uint32_t collection, uint32_t number);
std::string PassagesPrefix(uint32_t collection);
std::string VectorKey(uint32_t collection, uint32_t number);
std::string VectorsPrefix(uint32_t collection);
std::string PatchesKey(uint32_t collection, uint32_t number);
std::string PatchesPrefix(uint32_t collection);
std::string PostingKey(uint32_t collection, absl::string_view term, uint32_t bucket);
std::string TermPrefix(uint32_t collection, absl::string_view term);
// Of the terms of `length` bytes that begin with `start`.
std::string TermsPrefix(uint32_t collection, size_t length, absl::string_view start);
std::string PostingsPrefix(uint32_t collection);
std::string TombstoneKey(uint32_t collection, int64_t sequence);
std::string TombstonesPrefix(uint32_t collection);

// The smallest key greater than every key that starts with `prefix`; `prefix` is not all 0xFF.
std::string PrefixEnd(absl::string_view prefix);

// What stands after the prefix of the key of a passage, vector or patches. Empty: the key is
// malformed.
std::optional<uint32_t> NumberOfKey(absl::string_view key, absl::string_view prefix);

struct PostingKeyParts {
  absl::string_view term;
  uint32_t bucket = 0;
};
std::optional<PostingKeyParts> ParsePostingKey(absl::string_view key, uint32_t collection);

// True for a key of the postings of any collection.
bool IsPostingKey(absl::string_view key);

}  // namespace sightline::index
