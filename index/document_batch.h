#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "index/passage_analyzer.h"
#include "index/prepared_document.h"
#include "index/records.h"
#include "index/store.h"
#include "index/view.h"

namespace rocksdb {
class WriteBatch;
}

namespace sightline::index {

// Puts together all that one change of one document does to the store, and the view that follows
// from it: passages, vectors, postings, pictures' references, tombstone, job, totals and the next
// sequence number go into one batch. Used by the one writer; the view before must be the newest.
class DocumentBatch {
 public:
  DocumentBatch(const Store& store, const PassageAnalyzer& analyzer, const View& before);
  ~DocumentBatch();

  // Takes out the stored document and all that is its own.
  absl::Status Remove(const DocumentRecord& old);

  // Adds a document, after Remove of the one of the same id where there is one (`old`, else null):
  // it keeps that one's number and creation time, and has the next version. Returns it as stored.
  // With `as`, version and times are those of that document. kInvalidArgument: a passage names a
  // picture that is neither in the write nor stored; kResourceExhausted: the collection has used up
  // its passage numbers.
  absl::StatusOr<Document> Add(PreparedDocument prepared, const DocumentRecord* old, absl::Time now,
                               const Document* as = nullptr);

  // Call once, last: completes and gives the batch.
  absl::StatusOr<rocksdb::WriteBatch*> Finish();

  // The collection after the batch; its moment is for the caller to set once the batch is written.
  std::shared_ptr<View> TakeView() { return std::move(after_); }

 private:
  absl::Status RemovePostings(const DocumentRecord& old);
  void AddPassages(const PreparedDocument& prepared, DocumentRecord& record);
  void AddPostings(std::span<const PreparedPassage> passages, uint32_t first);

  const Store& store_;
  const PassageAnalyzer& analyzer_;
  const uint32_t collection_;
  const std::unique_ptr<rocksdb::WriteBatch> batch_;
  std::shared_ptr<View> after_;
  std::map<std::string, int> reference_changes_;  // by picture
  std::map<std::string, const Blob*> offered_;    // pictures that came with the write
  std::vector<Blob> blobs_;
};

// Adds the job's record, and its place in the list of jobs.
absl::Status AppendJob(const Store& store, const Job& job, rocksdb::WriteBatch& batch);
// Takes both out.
void AppendJobRemoval(const Job& job, rocksdb::WriteBatch& batch);

// Changes how many documents hold each picture; a picture nobody holds goes. `offered` are bytes at
// hand for pictures not stored yet. kInvalidArgument: a picture is neither stored nor offered.
absl::Status AppendReferenceChanges(const Store& store, const std::map<std::string, int>& changes,
                                    const std::map<std::string, const Blob*>& offered,
                                    rocksdb::WriteBatch& batch);

}  // namespace sightline::index
