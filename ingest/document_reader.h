#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/corpus.h"
#include "ingest/enrichment.h"
#include "ingest/held_bytes.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "ingest/retry.h"
#include "ingest/shared_stages.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace sightline::ingest {

inline constexpr int kMaxNesting = 3;  // a file in an archive, in an archive, in an archive

// A file that is to become a document.
struct ReadTask {
  index::Document document;  // collection, id, source, content_hash, metadata_json, bytes are set
  int dimension = 0;         // floats of its collection's vectors
  bool patches = false;      // pictures' patches have vectors too
  std::string media_type;    // hint
  std::string password = {};
  Enrichment enrichment = {};
};

// What was read of it.
struct Reading {
  absl::StatusOr<index::DocumentWrite> write = absl::UnknownError("not read");
  absl::flat_hash_set<std::string> member_ids = {};  // of all that is in it, however deep
  bool is_complete = true;                      // everything that is in it was seen, if not read
  int repeats = 0;                              // calls of the encoder beyond the first ones
  std::unique_ptr<HeldBytes::Share> held = {};  // for the pictures of `write`
};

// The document of what lies at `path` in another. kInvalidArgument: its source cannot be stored.
absl::StatusOr<index::Document> MemberDocument(const index::Document& parent,
                                               absl::string_view path);

// Takes what a document's members become, in the order they are read. `path`: where a member lies,
// the path in each file from the outermost on.
class MemberSink {
 public:
  virtual ~MemberSink() = default;
  // True when the member is stored already as it would be, so that it need not be read. Of `member`
  // the content and its size are set.
  virtual absl::StatusOr<bool> Holds(std::span<const std::string> path,
                                     const index::Document& member) = 0;
  // Stores it, or that it could not be read: then an earlier version that can be searched stays.
  // The member's own end, as the document around it tells it; kCancelled ends the whole.
  virtual absl::Status Put(std::span<const std::string> path, const index::Document& member,
                           absl::StatusOr<index::DocumentWrite> write) = 0;
};

// Reads, cuts, embeds and enriches files; stores nothing. Any thread.
class DocumentReader {
 public:
  // All outlive the reader and what it has read; `generator` may be null.
  DocumentReader(const IngestOptions& options, model::Encoder& encoder, media::MediaClient& media,
                 model::Generator* generator, SharedStages& shared)
      : options_(options),
        encoder_(encoder),
        media_(media),
        generator_(generator),
        shared_(shared) {}

  // `on_progress` may be null. A notified `cancel` (not null) ends it with kCancelled.
  Reading Read(const ReadTask& task, absl::string_view bytes, MemberSink& sink,
               const model::CancelFlag& cancel,
               const std::function<void(const Progress&)>& on_progress) const;

 private:
  class Run;

  const IngestOptions& options_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  model::Generator* const generator_;
  SharedStages& shared_;
};

}  // namespace sightline::ingest
