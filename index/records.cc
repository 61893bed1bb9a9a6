#include "index/records.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "absl/strings/str_cat.h"
#include "index/byte_coder.h"

namespace sightline::index {
namespace {

constexpr uint64_t kRecordVersion = 1;
// Of documents that were fetched from a server that said how to ask for changes; others stay
// readable for programs that know version 1 only.
constexpr uint64_t kFetchedVersion = 2;
constexpr uint64_t kHashedVersion = 2;    // of passages with a picture's hash, likewise
constexpr uint64_t kPatchesVersion = 2;   // of collections with patches: others cannot delete them
constexpr uint64_t kReadVersion = 3;      // of passages that were read from a picture, likewise
constexpr uint64_t kLinedVersion = 4;     // of those whose lines have places, likewise
constexpr uint64_t kVectorsVersion = 3;   // of those whose vectors are kept as bytes
constexpr uint64_t kCompactVersion = 4;   // and of those that are searched by other codes
constexpr uint64_t kCountersVersion = 2;  // 1 had no `change`

// Of a passage's summary, in one byte.
constexpr uint8_t kHasVector = 1;
constexpr uint8_t kHasPatches = 2;

ByteWriter Start(uint64_t version = kRecordVersion) {
  ByteWriter out;
  out.Varint(version);
  return out;
}

absl::StatusOr<uint64_t> CheckVersion(ByteReader& in, absl::string_view what,
                                      uint64_t newest = kRecordVersion) {
  const uint64_t version = in.Varint();
  if (!in.ok() || version == 0) {
    return absl::DataLossError(absl::StrCat("store: malformed ", what, " record"));
  }
  if (version > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat("store: ", what, " record has version ", version,
                     ", this program reads up to ", newest, ": it was written by a newer program"));
  }
  return version;
}

absl::Status CheckEnd(const ByteReader& in, absl::string_view what) {
  if (in.ok() && in.AtEnd()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("store: malformed ", what, " record"));
}

void WriteTime(ByteWriter& out, absl::Time time) { out.Signed(absl::ToUnixMicros(time)); }
absl::Time ReadTime(ByteReader& in) { return absl::FromUnixMicros(in.Signed()); }

void WriteFailures(ByteWriter& out, const std::vector<PageFailure>& failures) {
  out.Varint(failures.size());
  for (const PageFailure& failure : failures) {
    out.Signed(failure.page).String(failure.reason).String(failure.message);
  }
}

std::vector<PageFailure> ReadFailures(ByteReader& in) {
  std::vector<PageFailure> failures(in.Count());
  for (PageFailure& failure : failures) {
    failure.page = static_cast<int>(in.Signed());
    failure.reason = std::string(in.String());
    failure.message = std::string(in.String());
  }
  return failures;
}

void WriteSeconds(ByteWriter& out, const std::optional<double>& seconds) {
  out.U8(seconds.has_value());
  if (seconds.has_value()) out.Double(*seconds);
}

std::optional<double> ReadSeconds(ByteReader& in) {
  if (in.U8() == 0) return std::nullopt;
  return in.Double();
}

// Sides of a box are stored as multiples of 1/65535: of a page of A4, a hundredth of a point.
constexpr float kSideSteps = 65535;

void WriteSides(ByteWriter& out, float first, float second) {
  auto begin = static_cast<uint16_t>(std::lround(first * kSideSteps));
  auto end = static_cast<uint16_t>(std::lround(second * kSideSteps));
  // Thinner than a step, the box still has an area.
  if (begin == end) end < UINT16_MAX ? ++end : --begin;
  out.U16(begin).U16(end);
}

Box ReadSides(ByteReader& in) {
  Box box;
  for (float* side : {&box.x0, &box.x1, &box.y0, &box.y1}) {
    *side = static_cast<float>(in.U16()) / kSideSteps;
  }
  return box;
}

void WriteLines(ByteWriter& out, std::span<const TextLine> lines) {
  out.Varint(lines.size());
  uint64_t last = 0;
  for (const TextLine& line : lines) {
    out.Varint((line.begin - last) << 1 | (line.box.has_value() ? 1 : 0));
    if (line.box.has_value()) {
      WriteSides(out, line.box->x0, line.box->x1);
      WriteSides(out, line.box->y0, line.box->y1);
    }
    last = line.begin;
  }
}

std::vector<TextLine> ReadLines(ByteReader& in) {
  std::vector<TextLine> lines(in.Count());
  uint64_t last = 0;
  for (TextLine& line : lines) {
    const uint64_t step = in.Varint();
    last += step >> 1;
    line.begin = static_cast<uint32_t>(std::min<uint64_t>(last, UINT32_MAX));
    if ((step & 1) != 0) line.box = ReadSides(in);
  }
  return lines;
}

// An enumeration stored as its number; out of range makes the record malformed.
template <typename Enum>
bool ReadEnum(ByteReader& in, Enum last, Enum& out) {
  const uint8_t value = in.U8();
  if (value > static_cast<uint8_t>(last)) return false;
  out = static_cast<Enum>(value);
  return true;
}

}  // namespace

std::string Encode(const MetaRecord& record) {
  return Start().Varint(record.format_version).Varint(record.next_collection).Take();
}

absl::StatusOr<MetaRecord> DecodeMeta(absl::string_view bytes) {
  ByteReader in(bytes);
  if (auto version = CheckVersion(in, "meta"); !version.ok()) return version.status();
  MetaRecord record;
  record.format_version = static_cast<int>(in.Varint());
  record.next_collection = static_cast<uint32_t>(in.Varint());
  if (auto status = CheckEnd(in, "meta"); !status.ok()) return status;
  return record;
}

std::string Encode(const CollectionRecord& record) {
  const bool vectors = record.collection.vectors != VectorCodes::kFloat16;
  const bool patches = record.collection.patches != PatchCodes::kNone || vectors;
  ByteWriter out = Start(IsCompact(record.collection.vectors) ? kCompactVersion
                         : vectors                            ? kVectorsVersion
                         : patches                            ? kPatchesVersion
                                                              : kRecordVersion);
  out.Varint(record.id).String(record.collection.name).String(record.collection.model_fingerprint);
  out.Varint(record.collection.dimension);
  WriteTime(out, record.collection.created);
  if (patches) out.U8(static_cast<uint8_t>(record.collection.patches));
  if (vectors) out.U8(static_cast<uint8_t>(record.collection.vectors));
  return out.Take();
}

absl::StatusOr<CollectionRecord> DecodeCollection(absl::string_view bytes) {
  ByteReader in(bytes);
  const auto version = CheckVersion(in, "collection", kCompactVersion);
  if (!version.ok()) return version.status();
  CollectionRecord record;
  record.id = static_cast<uint32_t>(in.Varint());
  record.collection.name = std::string(in.String());
  record.collection.model_fingerprint = std::string(in.String());
  record.collection.dimension = static_cast<int>(in.Varint());
  record.collection.created = ReadTime(in);
  Collection& collection = record.collection;
  const bool known =
      (*version < kPatchesVersion || ReadEnum(in, PatchCodes::kInt8, collection.patches)) &&
      (*version < kVectorsVersion ||
       ReadEnum(in, *version < kCompactVersion ? VectorCodes::kInt8 : VectorCodes::kPq,
                collection.vectors));
  if (!known) {
    return absl::DataLossError("store: malformed collection record");
  }
  if (auto status = CheckEnd(in, "collection"); !status.ok()) return status;
  return record;
}

std::string Encode(const DocumentRecord& record) {
  const Document& document = record.document;
  const bool fetched = !document.etag.empty() || !document.last_modified.empty();
  ByteWriter out = Start(fetched ? kFetchedVersion : kRecordVersion);
  out.String(document.id).String(document.collection).String(document.source);
  out.String(document.media_type).String(document.content_hash);
  out.String(document.pipeline_fingerprint).Signed(document.version);
  out.String(document.metadata_json).U8(static_cast<uint8_t>(document.state));
  WriteFailures(out, document.failures);
  out.Signed(document.bytes).Signed(document.pages);
  WriteTime(out, document.created);
  WriteTime(out, document.updated);
  out.Varint(record.number).Varint(record.first_passage).Varint(record.passages.size());
  for (const PassageSummary& passage : record.passages) {
    const int vectors =
        (passage.has_vector ? kHasVector : 0) | (passage.has_patches ? kHasPatches : 0);
    out.U8(static_cast<uint8_t>(passage.kind)).U8(static_cast<uint8_t>(vectors));
    out.Varint(passage.page).Varint(passage.length);
  }
  out.Varint(record.blob_hashes.size());
  for (const std::string& hash : record.blob_hashes) out.String(hash);
  if (fetched) out.String(document.etag).String(document.last_modified);
  return out.Take();
}

absl::StatusOr<DocumentRecord> DecodeDocument(absl::string_view bytes) {
  ByteReader in(bytes);
  const auto version = CheckVersion(in, "document", kFetchedVersion);
  if (!version.ok()) return version.status();
  DocumentRecord record;
  Document& document = record.document;
  document.id = std::string(in.String());
  document.collection = std::string(in.String());
  document.source = std::string(in.String());
  document.media_type = std::string(in.String());
  document.content_hash = std::string(in.String());
  document.pipeline_fingerprint = std::string(in.String());
  document.version = in.Signed();
  document.metadata_json = std::string(in.String());
  bool good = ReadEnum(in, DocumentState::kFailed, document.state);
  document.failures = ReadFailures(in);
  document.bytes = in.Signed();
  document.pages = static_cast<int>(in.Signed());
  document.created = ReadTime(in);
  document.updated = ReadTime(in);
  record.number = static_cast<uint32_t>(in.Varint());
  record.first_passage = static_cast<uint32_t>(in.Varint());
  record.passages.resize(in.Count());
  for (PassageSummary& passage : record.passages) {
    good = ReadEnum(in, PassageKind::kVideoSegment, passage.kind) && good;
    const uint8_t vectors = in.U8();
    passage.has_vector = (vectors & kHasVector) != 0;
    passage.has_patches = (vectors & kHasPatches) != 0;
    passage.page = static_cast<uint32_t>(in.Varint());
    passage.length = static_cast<uint32_t>(in.Varint());
  }
  document.passages = static_cast<int>(record.passages.size());
  record.blob_hashes.resize(in.Count());
  for (std::string& hash : record.blob_hashes) hash = std::string(in.String());
  if (*version >= kFetchedVersion) {
    document.etag = std::string(in.String());
    document.last_modified = std::string(in.String());
  }
  if (!good) return absl::DataLossError("store: malformed document record");
  if (auto status = CheckEnd(in, "document"); !status.ok()) return status;
  return record;
}

std::string Encode(const Counters& record) {
  ByteWriter out = Start(kCountersVersion);
  out.Signed(record.sequence).Signed(record.documents).Signed(record.passages);
  out.Signed(record.vectors).Signed(record.texts).Signed(record.total_length);
  out.Varint(record.next_passage).Varint(record.next_document).String(record.change);
  return out.Take();
}

absl::StatusOr<Counters> DecodeCounters(absl::string_view bytes) {
  ByteReader in(bytes);
  const auto version = CheckVersion(in, "counters", kCountersVersion);
  if (!version.ok()) return version.status();
  Counters record;
  record.sequence = in.Signed();
  record.documents = in.Signed();
  record.passages = in.Signed();
  record.vectors = in.Signed();
  record.texts = in.Signed();
  record.total_length = in.Signed();
  record.next_passage = static_cast<uint32_t>(in.Varint());
  record.next_document = static_cast<uint32_t>(in.Varint());
  if (*version > 1) record.change = std::string(in.String());
  if (auto status = CheckEnd(in, "counters"); !status.ok()) return status;
  return record;
}

std::string Encode(const Tombstone& record) {
  ByteWriter out = Start();
  out.String(record.document_id).Signed(record.version);
  out.Varint(record.first_passage).Varint(record.passages);
  WriteTime(out, record.at);
  return out.Take();
}

absl::StatusOr<Tombstone> DecodeTombstone(absl::string_view bytes) {
  ByteReader in(bytes);
  if (auto version = CheckVersion(in, "tombstone"); !version.ok()) return version.status();
  Tombstone record;
  record.document_id = std::string(in.String());
  record.version = in.Signed();
  record.first_passage = static_cast<uint32_t>(in.Varint());
  record.passages = static_cast<uint32_t>(in.Varint());
  record.at = ReadTime(in);
  if (auto status = CheckEnd(in, "tombstone"); !status.ok()) return status;
  return record;
}

std::string Encode(const Job& job) {
  ByteWriter out = Start();
  out.String(job.id).String(job.collection).String(job.document_id).String(job.source);
  out.String(job.spool_path).String(job.options_json).U8(static_cast<uint8_t>(job.state));
  out.Signed(job.attempts);
  WriteFailures(out, job.failures);
  WriteTime(out, job.created);
  WriteTime(out, job.updated);
  return out.Take();
}

absl::StatusOr<Job> DecodeJob(absl::string_view bytes) {
  ByteReader in(bytes);
  if (auto version = CheckVersion(in, "job"); !version.ok()) return version.status();
  Job job;
  job.id = std::string(in.String());
  job.collection = std::string(in.String());
  job.document_id = std::string(in.String());
  job.source = std::string(in.String());
  job.spool_path = std::string(in.String());
  job.options_json = std::string(in.String());
  if (!ReadEnum(in, JobState::kFailed, job.state)) {
    return absl::DataLossError("store: malformed job record");
  }
  job.attempts = static_cast<int>(in.Signed());
  job.failures = ReadFailures(in);
  job.created = ReadTime(in);
  job.updated = ReadTime(in);
  if (auto status = CheckEnd(in, "job"); !status.ok()) return status;
  return job;
}

std::string Encode(const Blob& blob) {
  ByteWriter out = Start();
  out.String(blob.hash).String(blob.media_type).Signed(blob.width).Signed(blob.height);
  return out.String(blob.bytes).Take();
}

absl::StatusOr<Blob> DecodeBlob(absl::string_view bytes) {
  ByteReader in(bytes);
  if (auto version = CheckVersion(in, "picture"); !version.ok()) return version.status();
  Blob blob;
  blob.hash = std::string(in.String());
  blob.media_type = std::string(in.String());
  blob.width = static_cast<int>(in.Signed());
  blob.height = static_cast<int>(in.Signed());
  blob.bytes = std::string(in.String());
  if (auto status = CheckEnd(in, "picture"); !status.ok()) return status;
  return blob;
}

std::string Encode(const Passage& passage) {
  const bool hashed = passage.picture_hash.has_value();
  const bool read = passage.ocr_confidence.has_value();
  const bool lined = !passage.lines.empty();
  ByteWriter out = Start(lined    ? kLinedVersion
                         : read   ? kReadVersion
                         : hashed ? kHashedVersion
                                  : kRecordVersion);
  out.String(passage.document_id).Signed(passage.ordinal).U8(static_cast<uint8_t>(passage.kind));
  out.String(passage.text).String(passage.heading).Signed(passage.page);
  out.U8(passage.box.has_value());
  if (passage.box.has_value()) {
    out.Float(passage.box->x0).Float(passage.box->y0).Float(passage.box->x1).Float(passage.box->y1);
  }
  WriteSeconds(out, passage.start);
  WriteSeconds(out, passage.end);
  out.Signed(passage.token_count).String(passage.blob_hash);
  if (lined) out.U8(read);
  if (read) out.Float(*passage.ocr_confidence);
  if (lined || read) out.U8(hashed);
  if (hashed) out.U64(*passage.picture_hash);
  if (lined) WriteLines(out, passage.lines);
  return out.Take();
}

absl::StatusOr<Passage> DecodePassage(absl::string_view bytes) {
  ByteReader in(bytes);
  const auto version = CheckVersion(in, "passage", kLinedVersion);
  if (!version.ok()) return version.status();
  Passage passage;
  passage.document_id = std::string(in.String());
  passage.ordinal = static_cast<int>(in.Signed());
  if (!ReadEnum(in, PassageKind::kVideoSegment, passage.kind)) {
    return absl::DataLossError("store: malformed passage record");
  }
  passage.text = std::string(in.String());
  passage.heading = std::string(in.String());
  passage.page = static_cast<int>(in.Signed());
  if (in.U8() != 0) {
    Box box;
    box.x0 = in.Float();
    box.y0 = in.Float();
    box.x1 = in.Float();
    box.y1 = in.Float();
    passage.box = box;
  }
  passage.start = ReadSeconds(in);
  passage.end = ReadSeconds(in);
  passage.token_count = static_cast<int>(in.Signed());
  passage.blob_hash = std::string(in.String());
  const bool lined = *version >= kLinedVersion;
  const bool read = lined ? in.U8() != 0 : *version >= kReadVersion;
  if (read) passage.ocr_confidence = in.Float();
  const bool hashed = *version >= kReadVersion ? in.U8() != 0 : *version >= kHashedVersion;
  if (hashed) passage.picture_hash = in.U64();
  if (lined) passage.lines = ReadLines(in);
  if (!AreLinesOf(passage.lines, passage.text.size())) {
    return absl::DataLossError("store: malformed passage record");
  }
  if (auto status = CheckEnd(in, "passage"); !status.ok()) return status;
  return passage;
}

std::string EncodeReferences(uint64_t count) { return Start().Varint(count).Take(); }

absl::StatusOr<uint64_t> DecodeReferences(absl::string_view bytes) {
  ByteReader in(bytes);
  if (auto version = CheckVersion(in, "picture references"); !version.ok()) return version.status();
  const uint64_t count = in.Varint();
  if (auto status = CheckEnd(in, "picture references"); !status.ok()) return status;
  return count;
}

}  // namespace sightline::index
