#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "index/corpus.h"
#include "ingest/failed_files.h"
#include "ingest/ingestor.h"
#include "ingest/job_queue.h"
#include "ingest/media/media_client.h"
#include "ingest/retry.h"
#include "ingest/spool.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace sightline::ingest {

// Names what makes passages of a file: equal fingerprint and equal bytes give equal passages.
std::string PipelineFingerprint(const IngestOptions& options, const index::Collection& collection,
                                const JobOptions& job, const std::string& source,
                                const std::string& media_settings,
                                const model::Generator* generator);

// True when ingesting the job would store again what `stored` holds already.
bool IsUnchanged(const index::Document& stored, const index::Job& job, const JobOptions& options,
                 const std::string& fingerprint);

// kFailedPrecondition: the collection's vectors are not of this encoder.
absl::Status CheckModel(const index::Collection& collection, const model::Encoder& encoder);

// The job as it is stored when its document is deleted before the job is done.
index::Job DeletedJob(index::Job job);

// The outcome of such a job.
IngestResult DeletedResult(const index::Job& job);

// Does the work of jobs: reads, cuts, embeds, commits. Any thread.
class JobRunner {
 public:
  // All outlive the runner.
  JobRunner(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
            media::MediaClient& media, model::Generator* generator, const Spool& spool,
            FailedFiles& failed, JobQueue& queue);

  // How the job ended; empty when the ingestor stops, and the job stays stored for the next run.
  std::optional<IngestResult> Run(RunningJob& running);

  // Drops the bytes of the failed jobs of `scope`; they cannot be tried again. The error of the
  // store.
  absl::Status ForgetFailed(const DocumentScope& scope);

 private:
  // What came out of a job before anything is stored.
  struct Attempt {
    index::Document document;  // as asked for, or the stored one when unchanged
    bool unchanged = false;
    absl::StatusOr<index::DocumentWrite> write;
  };

  Attempt Try(RunningJob& running, Retry& retry);
  // What the parts of a build share.
  struct Building {
    RunningJob& running;
    const index::Collection& collection;
    Retry& retry;
    // Over all members, however deep.
    int members = 0;
    int64_t member_bytes = 0;
    absl::flat_hash_set<std::string> member_ids = {};
    bool is_complete = true;  // everything that is in it was seen, if not read
    absl::Status limit = {};  // not OK: which of the limits on all of them was passed
  };
  absl::StatusOr<index::DocumentWrite> Build(RunningJob& running, const index::Document& document,
                                             const index::Collection& collection, Retry& retry);
  // Reads `bytes` into the document. `depth`: in how many others it is.
  absl::StatusOr<index::DocumentWrite> Read(Building& building, const index::Document& document,
                                            absl::string_view bytes, int depth);
  // Stores a member as a document of its own. The status is the member's, except kCancelled and a
  // passed limit, which end the whole.
  absl::Status StoreMember(Building& building, const index::Document& parent,
                           const media::ExtractedMember& member, int depth);
  absl::Status StoreMemberWrite(Building& building, index::DocumentWrite write);
  absl::Status StoreRunning(RunningJob& running);
  absl::StatusOr<std::unique_ptr<MappedFile>> OpenBytes(const RunningJob& running) const;

  IngestResult Store(const QueuedJob& queued, index::Job job, Attempt attempt);
  IngestResult StoreUnchanged(index::Job job, index::Document stored);
  IngestResult StoreFailed(const QueuedJob& queued, index::Job job, index::Document document,
                           const absl::Status& status);

  const IngestOptions& options_;
  index::Corpus& corpus_;
  model::Encoder& encoder_;
  media::MediaClient& media_;
  model::Generator* const generator_;  // may be null
  const Spool& spool_;
  FailedFiles& failed_;
  JobQueue& queue_;
};

}  // namespace sightline::ingest
