#include "index/key_codec.h"

#include "index/byte_coder.h"

namespace sightline::index {
namespace {

ByteWriter Start(uint32_t collection, char kind) {
  ByteWriter key;
  key.U32(collection).U8(static_cast<uint8_t>(kind));
  return key;
}

}  // namespace

std::string MetaKey() { return Start(kGlobal, 'M').Take(); }
std::string CollectionsPrefix() { return Start(kGlobal, 'C').Take(); }
std::string CollectionKey(absl::string_view name) { return Start(kGlobal, 'C').Raw(name).Take(); }
std::string GenerationsPrefix() { return Start(kGlobal, 'N').Take(); }
std::string GenerationKey(absl::string_view name) { return Start(kGlobal, 'N').Raw(name).Take(); }
std::string JobKey(absl::string_view job_id) { return Start(kGlobal, 'J').Raw(job_id).Take(); }
std::string JobsPrefix() { return Start(kGlobal, 'J').Take(); }
std::string JobOrderPrefix() { return Start(kGlobal, 'K').Take(); }
std::string JobOrderKey(absl::Time created, absl::string_view job_id) {
  // Flipping the sign bit sorts negative times first, the complement then turns the order round.
  const uint64_t ascending =
      static_cast<uint64_t>(absl::ToUnixMicros(created)) ^ (uint64_t{1} << 63);
  return Start(kGlobal, 'K').U64(~ascending).Raw(job_id).Take();
}
std::string BlobKey(absl::string_view hash) { return Start(kGlobal, 'B').Raw(hash).Take(); }
std::string BlobReferencesPrefix() { return Start(kGlobal, 'R').Take(); }
std::string BlobReferencesKey(absl::string_view hash) {
  return Start(kGlobal, 'R').Raw(hash).Take();
}

std::string CollectionRange(uint32_t collection) { return ByteWriter().U32(collection).Take(); }
std::string CountersKey(uint32_t collection) { return Start(collection, 'S').Take(); }
std::string AnalyzerKey(uint32_t collection) { return Start(collection, 'A').Take(); }
std::string DocumentsPrefix(uint32_t collection) { return Start(collection, 'D').Take(); }
std::string DocumentKey(uint32_t collection, absl::string_view document_id) {
  return Start(collection, 'D').Raw(document_id).Take();
}
std::string PassagesPrefix(uint32_t collection) { return Start(collection, 'P').Take(); }
std::string PassageKey(uint32_t collection, uint32_t number) {
  return Start(collection, 'P').U32(number).Take();
}
std::string VectorsPrefix(uint32_t collection) { return Start(collection, 'V').Take(); }
std::string VectorKey(uint32_t collection, uint32_t number) {
  return Start(collection, 'V').U32(number).Take();
}
std::string PatchesPrefix(uint32_t collection) { return Start(collection, 'G').Take(); }
std::string PatchesKey(uint32_t collection, uint32_t number) {
  return Start(collection, 'G').U32(number).Take();
}
std::string PostingsPrefix(uint32_t collection) { return Start(collection, 'T').Take(); }
std::string TermPrefix(uint32_t collection, absl::string_view term) {
  return Start(collection, 'T').String(term).Take();
}
std::string TermsPrefix(uint32_t collection, size_t length, absl::string_view start) {
  return Start(collection, 'T').Varint(length).Raw(start).Take();
}
std::string PostingKey(uint32_t collection, absl::string_view term, uint32_t bucket) {
  return Start(collection, 'T').String(term).U32(bucket).Take();
}
std::string TombstonesPrefix(uint32_t collection) { return Start(collection, 'X').Take(); }
std::string TombstoneKey(uint32_t collection, int64_t sequence) {
  return Start(collection, 'X').U64(static_cast<uint64_t>(sequence)).Take();
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::optional<uint32_t> NumberOfKey(absl::string_view key, absl::string_view prefix) {
  if (key.size() != prefix.size() + 4 || key.substr(0, prefix.size()) != prefix)
    return std::nullopt;
  return ByteReader(key.substr(prefix.size())).U32();
}

std::optional<PostingKeyParts> ParsePostingKey(absl::string_view key, uint32_t collection) {
  ByteReader in(key);
  PostingKeyParts parts;
  if (in.U32() != collection || in.U8() != 'T') return std::nullopt;
  parts.term = in.String();
  parts.bucket = in.U32();
  if (!in.ok() || !in.AtEnd()) return std::nullopt;
  return parts;
}

bool IsPostingKey(absl::string_view key) { return key.size() > 5 && key[4] == 'T'; }

}  // namespace sightline::index
