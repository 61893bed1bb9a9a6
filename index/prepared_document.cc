#include "index/prepared_document.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/date.h"
#include "index/names.h"
#include "index/patch_codes.h"
#include "index/stored_vector.h"

namespace sightline::index {
namespace {

constexpr double kUnitTolerance = 1e-3;

absl::Status CheckUtf8(absl::string_view text, absl::string_view what) {
  if (IsValidUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " is not well-formed UTF-8"));
}

absl::Status CheckDocument(const Document& document) {
  SL_RETURN_IF_ERROR(CheckId(document.id, "document id"));
  SL_RETURN_IF_ERROR(CheckSource(document.source));
  SL_RETURN_IF_ERROR(CheckUtf8(document.media_type, "media type"));
  for (const PageFailure& failure : document.failures) {
    SL_RETURN_IF_ERROR(CheckUtf8(failure.reason, "failure reason"));
    SL_RETURN_IF_ERROR(CheckUtf8(failure.message, "failure message"));
  }
  return absl::OkStatus();
}

absl::Status CheckPassage(const Passage& passage) {
  SL_RETURN_IF_ERROR(CheckUtf8(passage.text, "text"));
  SL_RETURN_IF_ERROR(CheckUtf8(passage.heading, "heading"));
  if (passage.text.size() > kMaxPassageTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat("text has ", passage.text.size(),
                                                   " bytes, at most ", kMaxPassageTextBytes,
                                                   " are allowed"));
  }
  if (passage.page < 0) return absl::InvalidArgumentError("page is negative");
  // What cannot be read again is not written.
  if (!AreLinesOf(passage.lines, passage.text.size())) {
    return absl::InvalidArgumentError("lines are not in order, not within the text, or no boxes");
  }
  return absl::OkStatus();
}

absl::Status CheckPatches(const PassageWrite& write, const Collection& collection) {
  if (collection.patches == PatchCodes::kNone || write.vector.empty()) {
    return absl::InvalidArgumentError(write.vector.empty() ? "patches without a vector"
                                                           : "the collection keeps no patches");
  }
  if (write.patches.size() > kMaxPatches) {
    return absl::InvalidArgumentError(
        absl::StrCat(write.patches.size(), " patches, at most ", kMaxPatches, " are allowed"));
  }
  for (const std::vector<float>& patch : write.patches) {
    SL_RETURN_IF_ERROR(Annotate(CheckUnitVector(patch, collection.dimension), "patch"));
  }
  return absl::OkStatus();
}

absl::StatusOr<PreparedPassage> PreparePassage(PassageWrite write, const Collection& collection,
                                               const PassageAnalyzer& analyzer) {
  SL_RETURN_IF_ERROR(CheckPassage(write.passage));
  PreparedPassage out;
  if (!write.vector.empty()) {
    SL_RETURN_IF_ERROR(CheckUnitVector(write.vector, collection.dimension));
    out.vector = StoreVector(collection.vectors, write.vector);
  }
  if (!write.patches.empty()) {
    SL_RETURN_IF_ERROR(CheckPatches(write, collection));
    out.patches = EncodePatches(collection.patches, write.patches, collection.dimension);
  }
  SL_ASSIGN_OR_RETURN(out.terms, analyzer.Count(write.passage));
  for (const auto& [term, count] : out.terms) out.length += count;
  out.passage = std::move(write.passage);
  return out;
}

absl::Status CheckBlob(const Blob& blob) {
  if (blob.hash == ContentHash(blob.bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError("picture: its hash is not the content hash of its bytes");
}

std::vector<std::string> BlobHashes(const PreparedDocument& prepared) {
  std::set<std::string> hashes;
  for (const Blob& blob : prepared.blobs) hashes.insert(blob.hash);
  for (const PreparedPassage& passage : prepared.passages) {
    if (!passage.passage.blob_hash.empty()) hashes.insert(passage.passage.blob_hash);
  }
  return {hashes.begin(), hashes.end()};
}

// The first moment of the first value that is a date, of "date", else of "taken". Cameras know no
// zone: a time without one is of UTC.
std::optional<absl::Time> FirstDate(const Metadata& metadata) {
  for (const char* name : {"date", "taken"}) {
    for (const Scalar& value : metadata.ValuesAt(name)) {
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr) continue;
      std::optional<DateSpan> date = ReadDate(*text);
      if (!date.has_value()) date = ReadDate(absl::StrCat(*text, "Z"));
      if (date.has_value()) return date->first;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::Status CheckUnitVector(std::span<const float> vector, int dimension) {
  if (vector.size() != static_cast<size_t>(dimension)) {
    return absl::InvalidArgumentError(
        absl::StrCat("vector has ", vector.size(), " values, the collection's have ", dimension));
  }
  double squares = 0;
  for (const float value : vector) {
    if (!std::isfinite(value)) {
      return absl::InvalidArgumentError("vector holds a value that is not finite");
    }
    squares += static_cast<double>(value) * value;
  }
  const double length = std::sqrt(squares);
  if (std::abs(length - 1) <= kUnitTolerance) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("vector has length ", length, ", expected 1 within ", kUnitTolerance));
}

absl::Status CheckJob(const Job& job) {
  SL_RETURN_IF_ERROR(CheckId(job.id, "job id"));
  return CheckSource(job.source);
}

absl::StatusOr<std::shared_ptr<const DocumentEntry>> EntryOf(const Document& document) {
  auto entry = std::make_shared<DocumentEntry>();
  entry->id = document.id;
  entry->source = document.source;
  entry->media_type = document.media_type;
  SL_ASSIGN_OR_RETURN(entry->metadata, Metadata::Parse(document.metadata_json));
  entry->date = FirstDate(entry->metadata);
  return std::shared_ptr<const DocumentEntry>(std::move(entry));
}

absl::StatusOr<PreparedDocument> PrepareDocument(DocumentWrite write, const Collection& collection,
                                                 const PassageAnalyzer& analyzer) {
  if (write.passages.size() > kMaxPassagesPerDocument) {
    return absl::InvalidArgumentError(absl::StrCat("document has ", write.passages.size(),
                                                   " passages, at most ", kMaxPassagesPerDocument,
                                                   " are allowed"));
  }
  SL_RETURN_IF_ERROR(CheckDocument(write.document));
  PreparedDocument out;
  SL_ASSIGN_OR_RETURN(out.entry, EntryOf(write.document));
  out.document = std::move(write.document);
  out.passages.reserve(write.passages.size());
  for (size_t i = 0; i < write.passages.size(); ++i) {
    auto passage = PreparePassage(std::move(write.passages[i]), collection, analyzer);
    if (!passage.ok()) return Annotate(passage.status(), absl::StrCat("passage ", i));
    out.passages.push_back(*std::move(passage));
  }
  for (const Blob& blob : write.blobs) SL_RETURN_IF_ERROR(CheckBlob(blob));
  if (write.job.has_value()) SL_RETURN_IF_ERROR(CheckJob(*write.job));
  out.blobs = std::move(write.blobs);
  out.job = std::move(write.job);
  out.blob_hashes = BlobHashes(out);
  return out;
}

}  // namespace sightline::index
