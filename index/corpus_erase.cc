#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/corpus_impl.h"
#include "index/document_batch.h"
#include "index/document_traces.h"
#include "index/key_codec.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {

absl::StatusOr<std::vector<Job>> Corpus::Impl::JobsOf(const std::string& collection,
                                                      const std::string& document_id) const {
  std::vector<Job> jobs;
  SL_RETURN_IF_ERROR(
      store_->Scan(JobsPrefix(), nullptr,
                   [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                     SL_ASSIGN_OR_RETURN(Job job, DecodeJob(value));
                     if (job.collection == collection && job.document_id == document_id) {
                       jobs.push_back(std::move(job));
                     }
                     return true;
                   }));
  return jobs;
}

// Every view is published anew, as each holds the store as it was at its collection's last write.
void Corpus::Impl::RenewMoments() {
  absl::MutexLock lock(&write_mu_);
  for (const OpenCollectionPtr& collection : AllOpen()) {
    if (collection->damage.ok()) Publish(*collection, std::make_shared<View>(*collection->view()));
  }
}

absl::Status Corpus::Impl::DeleteWithJobs(OpenCollection& collection,
                                          const std::string& document_id, DocumentTraces& traces) {
  absl::MutexLock lock(&write_mu_);
  if (collection.dropped.load()) {
    return absl::NotFoundError(
        absl::StrCat("collection ", collection.record.collection.name, " was deleted meanwhile"));
  }
  const std::shared_ptr<const View> before = collection.view();
  SL_ASSIGN_OR_RETURN(const DocumentRecord document, NeedDocument(*before, document_id));
  SL_ASSIGN_OR_RETURN(const std::vector<Job> jobs,
                      JobsOf(before->record.collection.name, document_id));
  SL_RETURN_IF_ERROR(traces.Add(*store_, document, jobs));
  DocumentBatch batch(*store_, *analyzer_, *before);
  SL_RETURN_IF_ERROR(batch.Remove(document));
  SL_ASSIGN_OR_RETURN(rocksdb::WriteBatch * changes, batch.Finish());
  for (const Job& job : jobs) AppendJobRemoval(job, *changes);
  SL_RETURN_IF_ERROR(store_->Write(*changes));
  Publish(collection, batch.TakeView());
  return absl::OkStatus();
}

absl::StatusOr<EraseReport> Corpus::Impl::Erase(const std::string& name,
                                                std::span<const std::string> document_ids,
                                                const EraseOptions& options) {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (!collection->damage.ok()) return collection->damage;
  SL_RETURN_IF_ERROR(CheckRoom(store_->TableBytes()));  // every table file is written anew
  EraseReport report;
  for (const std::string& id : document_ids) {
    SL_ASSIGN_OR_RETURN(const DocumentRecord document, NeedDocument(*collection->view(), id));
    report.passages += document.document.passages;
  }
  const auto drop_generation = [&]() -> absl::Status {
    const absl::Status dropped = DropGeneration(name);
    return absl::IsNotFound(dropped) ? absl::OkStatus() : dropped;
  };
  // The generation that is to follow holds them too, and their pictures.
  SL_RETURN_IF_ERROR(drop_generation());
  absl::MutexLock upkeep(&collection->upkeep_mu);
  DocumentTraces traces(collection->record.id);
  for (const std::string& id : document_ids) {
    // One that went meanwhile is as gone as the others.
    const absl::Status deleted = DeleteWithJobs(*collection, id, traces);
    if (!deleted.ok() && (!absl::IsNotFound(deleted) || collection->dropped.load())) return deleted;
  }
  // It may have been begun again, and have copied one before it was deleted.
  SL_RETURN_IF_ERROR(drop_generation());
  SL_ASSIGN_OR_RETURN(const int64_t covered, RewriteIndex(*collection));
  {
    // Tombstones name their documents.
    rocksdb::WriteBatch batch;
    batch.DeleteRange(TombstoneKey(collection->record.id, 0),
                      TombstoneKey(collection->record.id, covered + 1));
    absl::MutexLock lock(&write_mu_);
    SL_RETURN_IF_ERROR(store_->Write(batch));
  }
  // Read first: what is written while the moments are renewed is not waited for.
  const uint64_t written = store_->LatestWrite();
  RenewMoments();
  SL_RETURN_IF_ERROR(
      store_->Purge(written, PostingsPrefix(collection->record.id), options.deadline));
  if (!options.verify) return report;
  std::vector<std::string> folders = options.search;
  folders.push_back(options_.path);
  SL_ASSIGN_OR_RETURN(const DocumentTraces::Report found, traces.Find(*store_, folders));
  report.searched_bytes = found.bytes;
  report.traces = found.found;
  report.until_restart = found.until_restart;
  return report;
}

}  // namespace sightline::index
