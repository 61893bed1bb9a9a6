#include "ingest/remote_write.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/metadata.h"
#include "index/prepared_document.h"
#include "ingest/document_reader.h"

namespace sightline::ingest {
namespace {

constexpr size_t kMaxMediaTypeBytes = 255;

absl::Status Require(bool holds, absl::string_view what) {
  return holds ? absl::OkStatus() : absl::InvalidArgumentError(what);
}

absl::Status CheckWords(absl::string_view text, size_t most, absl::string_view what) {
  return Require(text.size() <= most && IsValidUtf8(text),
                 absl::StrCat(what, ": expected UTF-8 of at most ", most, " bytes"));
}

absl::Status CheckFailures(const std::vector<index::PageFailure>& failures) {
  SL_RETURN_IF_ERROR(Require(failures.size() <= kMaxRemoteFailures, "too many failures"));
  for (const index::PageFailure& failure : failures) {
    SL_RETURN_IF_ERROR(Require(failure.page >= 0, "a failure's page is negative"));
    SL_RETURN_IF_ERROR(CheckWords(failure.reason, kMaxRemoteMessage, "reason of a failure"));
    SL_RETURN_IF_ERROR(CheckWords(failure.message, kMaxRemoteMessage, "message of a failure"));
  }
  return absl::OkStatus();
}

absl::Status CheckState(const index::DocumentWrite& write) {
  const index::DocumentState state = write.document.state;
  const bool goes_with_it =
      write.document.failures.empty()
          ? state == index::DocumentState::kIndexed
          : state == index::DocumentState::kPartial ||
                (state == index::DocumentState::kFailed && write.passages.empty());
  return Require(goes_with_it, "a state that does not go with passages and failures");
}

// The hashes of the pictures.
absl::StatusOr<absl::flat_hash_set<std::string>> CheckBlobs(const std::vector<index::Blob>& blobs,
                                                            int64_t max_bytes) {
  absl::flat_hash_set<std::string> hashes;
  int64_t bytes = 0;
  for (const index::Blob& blob : blobs) {
    bytes += static_cast<int64_t>(blob.bytes.size());
    SL_RETURN_IF_ERROR(
        Require(bytes <= max_bytes, absl::StrCat("pictures of more than ", max_bytes, " bytes")));
    SL_RETURN_IF_ERROR(CheckWords(blob.media_type, kMaxMediaTypeBytes, "media type of a picture"));
    SL_RETURN_IF_ERROR(
        Require(blob.width > 0 && blob.height > 0, "a picture without width or height"));
    SL_RETURN_IF_ERROR(Require(blob.hash == ContentHash(blob.bytes),
                               "a picture whose hash is not that of its bytes"));
    hashes.insert(blob.hash);
  }
  return hashes;
}

absl::Status CheckPassage(const index::PassageWrite& write, int dimension, int max_pages) {
  const index::Passage& passage = write.passage;
  SL_RETURN_IF_ERROR(CheckWords(passage.text, index::kMaxPassageTextBytes, "text"));
  SL_RETURN_IF_ERROR(CheckWords(passage.heading, index::kMaxPassageTextBytes, "heading"));
  SL_RETURN_IF_ERROR(Require(passage.kind >= index::PassageKind::kText &&
                                 passage.kind <= index::PassageKind::kVideoSegment,
                             "no such kind"));
  SL_RETURN_IF_ERROR(Require(passage.page >= 0 && passage.page <= max_pages,
                             absl::StrCat("page: expected 0..", max_pages)));
  SL_RETURN_IF_ERROR(Require(passage.token_count >= 0, "token_count is negative"));
  SL_RETURN_IF_ERROR(Require(!passage.box.has_value() || IsBox(*passage.box),
                             "box: expected 0 <= x0 < x1 <= 1, 0 <= y0 < y1 <= 1"));
  SL_RETURN_IF_ERROR(Require(AreLinesOf(passage.lines, passage.text.size()),
                             "lines: expected boxes, in the order of the text and within it"));
  const bool timed = passage.start.has_value() && passage.end.has_value();
  SL_RETURN_IF_ERROR(Require(
      passage.start.has_value() == passage.end.has_value() &&
          (!timed ||
           (*passage.start >= 0 && *passage.start <= *passage.end && std::isfinite(*passage.end))),
      "time: expected 0 <= start <= end"));
  if (write.vector.empty()) return Require(!passage.text.empty(), "neither text nor vector");
  return index::CheckUnitVector(write.vector, dimension);
}

bool IsContentHash(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

}  // namespace

absl::StatusOr<index::Document> RemoteMemberDocument(const index::Document& whole,
                                                     const RemoteMember& member) {
  SL_RETURN_IF_ERROR(
      Require(!member.path.empty() && member.path.size() <= kMaxNesting,
              absl::StrCat("path of a member: expected 1..", kMaxNesting, " parts")));
  SL_RETURN_IF_ERROR(
      Require(IsContentHash(member.content_hash) && member.bytes >= 0, "content of a member"));
  index::Document document = whole;
  for (const std::string& path : member.path) {
    SL_RETURN_IF_ERROR(Require(!path.empty(), "an empty path of a member"));
    SL_ASSIGN_OR_RETURN(document, MemberDocument(document, path));
  }
  document.content_hash = member.content_hash;
  document.bytes = member.bytes;
  return document;
}

absl::StatusOr<index::DocumentWrite> AdoptWrite(const index::Document& asked,
                                                index::DocumentWrite write, int dimension,
                                                const IngestOptions& options,
                                                const media::MediaLimits& limits) {
  index::Document& sent = write.document;
  SL_RETURN_IF_ERROR(CheckWords(sent.media_type, kMaxMediaTypeBytes, "media type"));
  SL_RETURN_IF_ERROR(Require(sent.pages >= 0 && sent.pages <= limits.max_pages,
                             absl::StrCat("pages: expected 0..", limits.max_pages)));
  SL_RETURN_IF_ERROR(Annotate(index::Metadata::Parse(sent.metadata_json).status(), "metadata"));
  SL_RETURN_IF_ERROR(CheckFailures(sent.failures));
  SL_RETURN_IF_ERROR(CheckState(write));
  SL_RETURN_IF_ERROR(Require(write.passages.size() <= kMaxRemotePassages, "too many passages"));
  SL_ASSIGN_OR_RETURN(const auto pictures, CheckBlobs(write.blobs, options.max_picture_bytes));
  int ordinal = 0;
  for (index::PassageWrite& passage : write.passages) {
    absl::Status status = CheckPassage(passage, dimension, limits.max_pages);
    const std::string& picture = passage.passage.blob_hash;
    if (status.ok() && !picture.empty() && !pictures.contains(picture)) {
      status = absl::InvalidArgumentError("its picture was not sent");
    }
    SL_RETURN_IF_ERROR(Annotate(status, absl::StrCat("passage ", ordinal)));
    passage.passage.ordinal = ordinal++;
  }
  index::Document document = asked;
  document.media_type = std::move(sent.media_type);
  document.pages = sent.pages;
  document.state = sent.state;
  document.failures = std::move(sent.failures);
  document.metadata_json = std::move(sent.metadata_json);
  write.document = std::move(document);
  write.job.reset();
  return write;
}

}  // namespace sightline::ingest
