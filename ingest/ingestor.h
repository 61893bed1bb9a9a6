#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/stage_clock.h"
#include "index/corpus.h"
#include "ingest/enrichment.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace sightline::ingest {

struct IngestOptions {
  int workers = 32;           // documents at once, >= 1; 0 where remote ones may take jobs
  int queue_capacity = 1024;  // jobs waiting; a full queue is kResourceExhausted
  int max_attempts = 3;       // of one call to the encoder, for transient errors, >= 1
  absl::Duration first_backoff =
      absl::Milliseconds(200);  // before the second; four times that each next
  int passage_tokens = 256;     // encoder tokens a text passage holds at most, >= 16
  int overlap_tokens = 32;      // of the passage before, at a sentence border, < passage_tokens
  int batch_inputs = 16;        // encoder inputs a batch, >= 1
  int64_t batch_pixels = 40'000'000;  // of the pictures in a batch; one larger picture goes alone;
                                      // twice that for all documents under way
  bool embed_page_pictures = true;
  int64_t max_picture_bytes = int64_t{256}
                              << 20;  // encoded, of one document; pages after it keep text only
  // Of the files and pictures of all documents under way; above it only the oldest goes on.
  int64_t max_held_bytes = int64_t{512} << 20;
  int64_t max_failed_bytes = int64_t{1} << 30;  // of files kept for Retry, over all failed jobs
  bool remote_workers = false;                  // jobs are also leased to workers elsewhere
  absl::Duration lease = absl::Seconds(60);     // from the last sign of life of one, > 0
  std::function<absl::Time()> now = absl::Now;  // that leases end by
};

struct IngestRequest {
  std::string collection;
  std::string document_id;           // empty = derived from `source`; else 1..512 bytes of UTF-8
  std::string source;                // 1..8192 bytes of UTF-8
  std::string media_type;            // hint
  std::string metadata_json = "{}";  // an object; "caption", else "title", becomes a picture's text
  std::string etag = {};             // of the bytes where they were fetched; stored with them
  std::string last_modified = {};    // likewise
  Enrichment enrichment = {};
  std::string password;  // kept in memory only: a job taken up after a restart has none
  bool create_collection = false;
  bool force = false;
};

enum class Outcome { kIndexed, kUnchanged, kPartial, kFailed };

struct IngestResult {
  Outcome outcome = Outcome::kFailed;
  std::string job_id = {};
  // As stored. When the outcome is kFailed: the attempt, in state kFailed with its failures.
  index::Document document = {};
  absl::Status status = {};  // why the outcome is kFailed; otherwise OK
};

struct Progress {
  int pages_done = 0;
  int pages_total = 0;  // 0 = not known yet
  int passages = 0;
};

class RemoteJobs;

// Called with no lock held. on_accepted comes on the thread in Submit, before it returns; the
// others on the ingestor's threads. A slow callback holds up one worker.
struct IngestCallbacks {
  std::function<void(const std::string& job_id, const std::string& document_id)> on_accepted;
  std::function<void(const Progress&)> on_progress;
  // Exactly once for an accepted job, unless the ingestor is destroyed first: the job then stays
  // stored, and the next ingestor of this folder finishes it.
  std::function<void(const IngestResult&)> on_finished;
};

// What happened since the ingestor was made.
struct IngestCounters {
  int64_t indexed = 0;  // documents by outcome
  int64_t unchanged = 0;
  int64_t partial = 0;
  int64_t failed = 0;
  int64_t pages = 0;     // of committed documents
  int64_t passages = 0;  // likewise
  int64_t bytes = 0;     // likewise
  int waiting = 0;       // jobs, now
  int running = 0;       // jobs, now
};

// Turns files into passages, vectors and pictures of the corpus.
//
// Accepted jobs are stored with their bytes before Submit returns, so they survive a crash: the
// next ingestor takes up what an earlier process left. Jobs of one document run one after another
// in the order of their Submit, so the last one submitted wins; jobs of different documents run
// beside each other.
//
// A document whose bytes, metadata, type hint and pipeline (model, dimension, options, version of
// this code) equal the stored one's is left alone (kUnchanged), unless `force` is set or a page of
// it had failed in a way that another try can mend. Changed metadata alone ingests again, because
// passages carry it. A document that cannot be read at all is stored in state kFailed, without
// passages; if an earlier version of it is searchable, that one stays and only the job says what
// failed.
//
// The files of an archive and the attachments of a mail are stored one by one, as documents of
// their own (ingest/members.h), with the metadata given for the whole; members that a newer version
// of the archive has no more are deleted. One that cannot be read is stored in state kFailed and
// named among the failures of the archive, which is then kPartial.
//
// Methods may be called from any thread.
class Ingestor {
 public:
  // Makes the spool folder, drops files in it that belong to no job, and queues the unfinished jobs
  // of earlier runs. All outlive the ingestor; `generator` may be null, and enrichment is then
  // refused. kInvalidArgument: an option out of range.
  static absl::StatusOr<std::unique_ptr<Ingestor>> Create(
      const IngestOptions& options, const std::string& spool_path, index::Corpus& corpus,
      model::Encoder& encoder, media::MediaClient& media, model::Generator* generator = nullptr);
  ~Ingestor();  // stops; unfinished jobs stay stored

  // Begins to work. Until then Submit only queues.
  absl::Status Start();

  // Stores the job, then returns its id; the work goes on behind.
  // kInvalidArgument: an empty or malformed source, id or metadata; kNotFound: no such collection;
  // kResourceExhausted: the queue is full; kFailedPrecondition: the collection's vectors come from
  // another model; kUnavailable: draining. The stable reason is in the payload "sightline/reason".
  absl::StatusOr<std::string> Submit(const IngestRequest& request, std::string bytes,
                                     IngestCallbacks callbacks);

  // The stored document that `request` would leave alone if its bytes were those stored.
  std::optional<index::Document> FindUnchanged(const IngestRequest& request) const;

  // Submit for bytes that are known to be those of `stored`: the outcome is kUnchanged. kAborted:
  // the document is another by now, so its bytes are needed; else as Submit.
  absl::StatusOr<std::string> SubmitUnchanged(const IngestRequest& request,
                                              const index::Document& stored,
                                              IngestCallbacks callbacks);

  // Queues a failed job again. kNotFound; kFailedPrecondition: it is not failed or its bytes are
  // gone; kResourceExhausted, kUnavailable as Submit.
  absl::Status Retry(const std::string& job_id);

  // Deletes the document with its members (ingest/members.h) and ends its unfinished jobs (failed,
  // reason "deleted"), so that none of them brings it back. Returns how many passages went; 0 when
  // only jobs were there. kNotFound.
  absl::StatusOr<int> DeleteDocument(const std::string& collection, const std::string& document_id);
  // The same without a trace; see index::Corpus::Erase.
  absl::StatusOr<index::EraseReport> EraseDocument(const std::string& collection,
                                                   const std::string& document_id,
                                                   const index::EraseOptions& options);

  // Deletes a whole collection likewise.
  absl::Status DeleteCollection(const std::string& collection);

  // Jobs for workers elsewhere, once started; null unless options.remote_workers.
  RemoteJobs* remote();

  // Gives no more jobs to workers elsewhere, and takes back those they have.
  void CloseLeases();

  // Takes no more jobs and waits until the running ones are done or `deadline` passes. Waiting jobs
  // stay stored for the next run.
  void Drain(absl::Time deadline);

  IngestCounters counters() const;

  // What each stage has done in this process since the ingestor was made: decode, render, ocr,
  // tokenize, embed, commit.
  std::vector<StageWork> stages() const;

 private:
  class Impl;
  explicit Ingestor(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// The id a document gets from its source when the caller names none.
std::string DocumentIdFor(absl::string_view source);

// Floats a vector of a collection made without naming a dimension: min(1024, the encoder's).
int DefaultDimension(const model::Encoder& encoder);

}  // namespace sightline::ingest
