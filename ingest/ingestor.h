#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "ingest/media/media_client.h"
#include "model/encoder.h"

namespace sightline::ingest {

struct IngestOptions {
  int workers = 2;               // documents at once
  int queue_capacity = 1024;     // jobs waiting; a full queue is kResourceExhausted
  int max_attempts = 3;          // of a job, for transient errors
  int passage_tokens = 256;      // encoder tokens a text passage holds at most
  int overlap_tokens = 32;       // of the passage before, at a sentence border
  int batch_inputs = 16;         // encoder inputs a batch
  bool embed_page_pictures = true;
};

struct IngestRequest {
  std::string collection;
  std::string document_id;  // empty = derived from `source`
  std::string source;
  std::string media_type;   // hint
  std::string metadata_json = "{}";
  std::string password;     // kept in memory only
  bool create_collection = false;
  bool force = false;
};

enum class Outcome { kIndexed, kUnchanged, kPartial, kFailed };

struct IngestResult {
  Outcome outcome = Outcome::kFailed;
  std::string job_id;
  index::Document document;
};

struct Progress {
  int pages_done = 0;
  int pages_total = 0;  // 0 = not known yet
  int passages = 0;
};

struct IngestCallbacks {
  std::function<void(const std::string& job_id, const std::string& document_id)> on_accepted;
  std::function<void(const Progress&)> on_progress;
  std::function<void(const IngestResult&)> on_finished;  // exactly once, when accepted
};

// Turns files into passages, vectors and pictures of the corpus. Accepted jobs are stored with their
// bytes before Submit returns, so they survive a crash: Start takes up what an earlier process left.
// Methods may be called from any thread; callbacks come on the ingestor's threads.
class Ingestor {
 public:
  // All four outlive the ingestor.
  static absl::StatusOr<std::unique_ptr<Ingestor>> Create(const IngestOptions& options,
                                                          const std::string& spool_path,
                                                          index::Corpus& corpus,
                                                          model::Encoder& encoder,
                                                          media::MediaClient& media);
  ~Ingestor();  // stops; unfinished jobs stay queued

  // Queues unfinished jobs of earlier runs and begins to work.
  absl::Status Start();

  // Stores the job, then returns its id; the work goes on behind.
  // kInvalidArgument: empty source, malformed metadata; kNotFound: no such collection;
  // kResourceExhausted: the queue is full; kFailedPrecondition: the collection's vectors come from another
  // model.
  absl::StatusOr<std::string> Submit(const IngestRequest& request, std::string bytes,
                                     IngestCallbacks callbacks);

  // Queues a failed job again. kNotFound, kFailedPrecondition: it is not failed or its bytes are gone.
  absl::Status Retry(const std::string& job_id);

  // Takes no more jobs and waits until the running ones are done or `deadline` passes.
  void Drain(absl::Time deadline);

 private:
  class Impl;
  explicit Ingestor(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// The id a document gets from its source when the caller names none.
std::string DocumentIdFor(absl::string_view source);

}  // namespace sightline::ingest
