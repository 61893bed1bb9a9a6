#pragma once

#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "ingest/document_reader.h"
#include "ingest/job_queue.h"
#include "ingest/shared_stages.h"
#include "model/generator.h"

namespace sightline::ingest {

// True when there is an earlier version that searches find.
bool IsSearchable(const absl::StatusOr<index::Document>& document);

// Why a document that was read to its end has nothing to search.
absl::Status NothingRead(const index::Document& document);

// Stores the members of one job's document as documents of their own. One thread at a time.
class MemberFiler final : public MemberSink {
 public:
  // All outlive the filer; `generator` may be null.
  MemberFiler(const IngestOptions& options, const std::string& media_settings,
              const model::Generator* generator, const index::Collection& collection,
              index::Corpus& corpus, JobQueue& queue, SharedStages& shared, RunningJob& running)
      : options_(options),
        media_settings_(media_settings),
        generator_(generator),
        collection_(collection),
        corpus_(corpus),
        queue_(queue),
        shared_(shared),
        running_(running) {}

  absl::StatusOr<bool> Holds(std::span<const std::string> path,
                             const index::Document& member) override;
  absl::Status Put(std::span<const std::string> path, const index::Document& member,
                   absl::StatusOr<index::DocumentWrite> write) override;

  // False when a member with members of its own could not be read: those of its earlier version
  // stay.
  bool is_complete() const { return is_complete_; }

 private:
  std::string Fingerprint(const index::Document& member) const;
  absl::Status Store(const index::Document& member, index::DocumentWrite write);

  const IngestOptions& options_;
  const std::string media_settings_;
  const model::Generator* const generator_;
  const index::Collection collection_;
  index::Corpus& corpus_;
  JobQueue& queue_;
  SharedStages& shared_;
  RunningJob& running_;
  bool is_complete_ = true;
};

}  // namespace sightline::ingest
