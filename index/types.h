#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/image.h"
#include "base/text_line.h"

namespace sightline::index {

// How the vectors of pictures' patches are stored, see patch_codes.h.
enum class PatchCodes { kNone, kBinary, kInt8 };

// How a collection keeps its vectors, see stored_vector.h; and what searches of its segments read
// first: kFloat16, kInt8: bytes; kBinary: signs; kPq: product-quantised codes in lists.
enum class VectorCodes { kFloat16, kInt8, kBinary, kPq };

// Half floats are stored, and a segment has a compact index in memory, see compact_rows.h.
constexpr bool IsCompact(VectorCodes codes) {
  return codes == VectorCodes::kBinary || codes == VectorCodes::kPq;
}

struct Collection {
  std::string name;               // [A-Za-z0-9][A-Za-z0-9_.-]{0,62}
  std::string model_fingerprint;  // of the encoder its vectors come from
  int dimension = 0;              // floats a vector, > 0
  absl::Time created;
  PatchCodes patches = PatchCodes::kNone;
  VectorCodes vectors = VectorCodes::kFloat16;
};

enum class DocumentState { kQueued, kIndexed, kPartial, kFailed };

// A page that could not be read; page 0 is the document as a whole.
struct PageFailure {
  int page = 0;
  std::string reason;   // stable code, e.g. "too_many_pixels", "encrypted"
  std::string message;  // for a person
};

struct Document {
  std::string id;  // the caller's, or derived from `source`; 1..512 bytes of UTF-8
  std::string collection;
  std::string source;  // URI or path, as given
  std::string media_type;
  std::string content_hash;  // hex, base/hash.h
  std::string
      pipeline_fingerprint;  // what made the passages; equal + equal content = nothing to do
  int64_t version = 0;       // from 1; set by the corpus
  std::string metadata_json = "{}";  // a JSON object
  DocumentState state = DocumentState::kQueued;
  std::vector<PageFailure> failures;
  int64_t bytes = 0;
  int pages = 0;
  int passages = 0;  // set by the corpus
  absl::Time created;
  absl::Time updated;
  // What the server said of the content that it was fetched from by URL, to ask whether it is the
  // same still; empty when nothing.
  std::string etag = {};
  std::string last_modified = {};
};

enum class PassageKind { kText, kImage, kPage, kFigure, kTable, kVideoSegment };

struct Passage {
  uint64_t id = 0;  // set by the corpus, never reused
  std::string document_id;
  std::string collection;
  std::string source;  // of its document
  int ordinal = 0;     // in the document, from 0
  PassageKind kind = PassageKind::kText;
  std::string text;     // what is searched and shown; may be empty for pictures
  std::string heading;  // headings it stands under, joined by " > "; searched with the text
  int page = 0;         // from 1; 0 = none
  std::optional<Box> box;
  std::optional<double> start;  // seconds
  std::optional<double> end;
  int token_count = 0;
  std::string blob_hash;  // its picture; empty = none
  // Of a picture or figure: what near-duplicates share nearly all bits of; see near_pictures.h.
  std::optional<uint64_t> picture_hash;
  // Of text that was read from a picture: how sure the reader is of it, 0..1.
  std::optional<float> ocr_confidence = {};
  std::vector<TextLine> lines = {};  // of the page or picture, where they begin in `text`
  std::string metadata_json = "{}";  // of its document
};

// What FindNearPictures finds.
struct NearPictures {
  std::vector<std::vector<uint64_t>> groups;  // passages, the oldest first; at least two a group
  int64_t pictures = 0;                       // that were compared
};

// Encoded picture bytes, stored once by content.
struct Blob {
  std::string hash;
  std::string bytes;
  std::string media_type;
  int width = 0;
  int height = 0;
};

enum class JobState { kQueued, kRunning, kDone, kFailed };

struct Job {
  std::string id;
  std::string collection;
  std::string document_id;
  std::string source;
  std::string spool_path;  // file with the bytes to ingest, under the data folder; empty once done
  std::string options_json;  // media type hint, metadata, force, …; owned by ingest
  JobState state = JobState::kQueued;
  int attempts = 0;
  std::vector<PageFailure> failures;
  absl::Time created;
  absl::Time updated;
};

}  // namespace sightline::index
