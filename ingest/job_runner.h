#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/file.h"
#include "index/corpus.h"
#include "ingest/document_reader.h"
#include "ingest/failed_files.h"
#include "ingest/ingestor.h"
#include "ingest/job_queue.h"
#include "ingest/media/media_client.h"
#include "ingest/member_filer.h"
#include "ingest/shared_stages.h"
#include "ingest/spool.h"
#include "model/encoder.h"
#include "model/generator.h"

namespace sightline::ingest {

// The job as it is stored when its document is deleted before the job is done.
index::Job DeletedJob(index::Job job);

// The outcome of such a job.
IngestResult DeletedResult(const index::Job& job);

// A job that was begun: what there is to read, or how it ends without.
struct Assignment {
  ReadTask task;              // its document as asked for, or the stored one when unchanged
  bool is_unchanged = false;  // nothing is to be read
  absl::Status status = {};   // not OK: nothing can be
  index::Collection collection = {};
  std::optional<index::Document> before = {};   // the version that is stored
  std::shared_ptr<const MappedFile> file = {};  // null when nothing is to be read
};

// Does the work of jobs: reads, cuts, embeds, commits. Any thread.
class JobRunner {
 public:
  // All outlive the runner.
  JobRunner(const IngestOptions& options, index::Corpus& corpus, model::Encoder& encoder,
            media::MediaClient& media, model::Generator* generator, const Spool& spool,
            FailedFiles& failed, JobQueue& queue, SharedStages& shared);

  // How the job ended; empty when the ingestor stops, and the job stays stored for the next run.
  std::optional<IngestResult> Run(RunningJob& running);

  // The two ends of Run, for a document that is read elsewhere: what there is to read, the job
  // being stored as running; and the commit of what was read.
  Assignment Begin(RunningJob& running);
  std::optional<IngestResult> End(RunningJob& running, Assignment assignment, Reading reading);
  // Stores the members in between. `running` outlives it.
  MemberFiler FilerOf(RunningJob& running, const Assignment& assignment);

  // Of a document that stays as it is: takes over what its bytes are called now where they come
  // from, if the job says.
  absl::Status NoteVersion(const JobOptions& options, const index::Document& stored);

  // Drops the bytes of the failed jobs of `scope`; they cannot be tried again. The error of the
  // store.
  absl::Status ForgetFailed(const DocumentScope& scope);

 private:
  absl::Status StoreRunning(RunningJob& running);
  absl::StatusOr<std::unique_ptr<MappedFile>> OpenBytes(const RunningJob& running) const;
  absl::Status DropGoneMembers(RunningJob& running, const Assignment& assignment,
                               const Reading& reading);

  absl::Status PutJob(const index::Job& job);
  absl::StatusOr<index::Document> Put(index::DocumentWrite write);
  IngestResult Store(const QueuedJob& queued, index::Job job, Assignment assignment,
                     Reading reading);
  IngestResult StoreUnchanged(const QueuedJob& queued, index::Job job, index::Document stored);
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
  SharedStages& shared_;
};

}  // namespace sightline::ingest
