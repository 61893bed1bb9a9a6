#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "index/corpus.h"
#include "index/document_traces.h"
#include "index/folder_lock.h"
#include "index/passage_analyzer.h"
#include "index/records.h"
#include "index/segment_builder.h"
#include "index/segment_plan.h"
#include "index/shadow_scans.h"
#include "index/store.h"
#include "index/view.h"

namespace rocksdb {
class WriteBatch;
}

namespace sightline::index {

// One collection while the corpus is open.
struct OpenCollection {
  OpenCollection(CollectionRecord r, std::string f, absl::Status d)
      : record(std::move(r)), folder(std::move(f)), damage(std::move(d)) {}

  std::shared_ptr<const View> view() const {
    absl::MutexLock lock(&mu);
    return current;
  }

  const CollectionRecord record;
  const std::string folder;   // of its index snapshots
  const absl::Status damage;  // why it could not be read when opened; OK: it could
  std::atomic<bool> dropped{false};
  const std::shared_ptr<RecallEstimate> recall = std::make_shared<RecallEstimate>();

  // Held while rows are rearranged or a snapshot is written; taken before the corpus's write lock.
  absl::Mutex upkeep_mu;

  mutable absl::Mutex mu;
  std::shared_ptr<const View> current ABSL_GUARDED_BY(mu);  // null only with damage
  int64_t snapshot_sequence ABSL_GUARDED_BY(mu) = 0;
};

using OpenCollectionPtr = std::shared_ptr<OpenCollection>;

// kInvalidArgument: what no collection can have.
absl::Status CheckModel(const std::string& fingerprint, int dimension);

// The corpus by topic: corpus_open.cc, corpus_collections.cc, corpus_generation.cc,
// corpus_documents.cc, corpus_search.cc, corpus_jobs.cc, corpus_erase.cc, corpus_upkeep.cc,
// corpus_fsck.cc. Locks are taken in the order upkeep_mu, write_mu_, collections_mu_,
// OpenCollection::mu.
class Corpus::Impl {
 public:
  explicit Impl(const CorpusOptions& options) : options_(options) {}
  ~Impl();

  absl::Status Open();

  absl::StatusOr<Collection> CreateCollection(const std::string& name,
                                              const std::string& model_fingerprint, int dimension,
                                              PatchCodes patches, VectorCodes vectors);
  absl::StatusOr<Collection> GetCollection(const std::string& name) const;
  absl::StatusOr<std::vector<Collection>> ListCollections() const;
  absl::Status DeleteCollection(const std::string& name);
  absl::StatusOr<Collection> BeginGeneration(const std::string& name,
                                             const std::string& model_fingerprint, int dimension);
  absl::StatusOr<bool> GenerationHolds(const Document& document) const;
  absl::Status PutInGeneration(DocumentWrite write);
  absl::Status SwitchGeneration(const std::string& name, const CollectionState& state);
  absl::StatusOr<CollectionState> State(const std::string& name) const;
  absl::StatusOr<CollectionStats> Stats(const std::string& name) const;

  absl::StatusOr<Document> PutDocument(DocumentWrite write);
  absl::Status SetValidators(const Document& document, const std::string& etag,
                             const std::string& last_modified);
  absl::StatusOr<int> DeleteDocument(const std::string& collection, const std::string& document_id);
  absl::StatusOr<Document> GetDocument(const std::string& collection,
                                       const std::string& document_id) const;
  absl::StatusOr<Page<Document>> ListDocuments(const std::string& collection,
                                               const std::string& filter, int page_size,
                                               const std::string& page_token) const;
  absl::StatusOr<Passage> GetPassage(uint64_t passage_id) const;
  absl::StatusOr<std::vector<Passage>> DocumentPassages(const std::string& collection,
                                                        const std::string& document_id,
                                                        size_t most) const;
  absl::StatusOr<std::vector<Passage>> Neighbours(uint64_t passage_id, int n) const;
  absl::StatusOr<std::vector<float>> PassageVector(const std::string& collection,
                                                   uint64_t passage_id) const;
  absl::StatusOr<std::vector<float>> DocumentVector(const std::string& collection,
                                                    const std::string& document_id) const;
  absl::StatusOr<Blob> GetBlob(const std::string& hash) const;
  absl::StatusOr<NearPictures> FindNearPictures(const std::string& collection,
                                                absl::Time deadline) const;

  absl::StatusOr<SearchResult> Search(const SearchQuery& query) const;
  absl::StatusOr<WordCounts> CountWords(const std::string& collection,
                                        std::span<const std::string> words, int64_t most,
                                        absl::Time deadline) const;

  absl::Status PutJob(const Job& job);
  absl::StatusOr<Job> GetJob(const std::string& id) const;
  absl::StatusOr<Page<Job>> ListJobs(const std::string& collection, std::optional<JobState> state,
                                     int page_size, const std::string& page_token) const;

  absl::StatusOr<int64_t> Snapshot(const std::string& collection);
  absl::StatusOr<int64_t> Rebuild(const std::string& collection);
  absl::StatusOr<EraseReport> Erase(const std::string& collection,
                                    std::span<const std::string> document_ids,
                                    const EraseOptions& options);
  absl::StatusOr<FsckReport> Fsck() const;
  absl::StatusOr<BackupInfo> Backup(const std::string& folder, int keep) const;
  absl::Status Health() const { return store_->Health(); }
  void WaitForUpkeep() const;
  void WaitForShadowScans() const { shadow_scans_.Wait(); }

 private:
  // --- corpus_open.cc
  absl::Status OpenMeta();
  absl::Status OpenCollections();
  OpenCollectionPtr OpenOne(const CollectionRecord& record);
  std::string IndexFolder(uint32_t collection) const;

  // kNotFound, kInvalidArgument (bad name), or the collection's damage.
  absl::StatusOr<OpenCollectionPtr> Find(const std::string& name) const;
  absl::StatusOr<std::shared_ptr<const View>> FindView(const std::string& name) const;
  std::vector<OpenCollectionPtr> AllCollections() const;
  // With the generations that are to follow.
  std::vector<OpenCollectionPtr> AllOpen() const;

  // --- corpus_collections.cc
  // Makes the record of a new, empty collection, under `key`.
  absl::StatusOr<OpenCollectionPtr> MakeCollection(const std::string& key, Collection collection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Adds to `batch` that all that is stored of a collection goes, but its record.
  absl::Status AppendRemoval(const OpenCollection& collection, rocksdb::WriteBatch& batch) const;
  // Of a collection that is out of the store: ends what is done in the background, removes its
  // files.
  static absl::Status RemoveFiles(OpenCollection& collection);

  // --- corpus_generation.cc
  // kNotFound.
  absl::StatusOr<OpenCollectionPtr> FindGeneration(const std::string& name) const;
  absl::Status DropGeneration(const std::string& name);
  // Deletes documents of the generation that the collection has no more; how many.
  absl::StatusOr<int> PruneGeneration(const std::string& name);

  // --- corpus_documents.cc
  // A collection by its name: Find or FindGeneration.
  using Finder = absl::StatusOr<OpenCollectionPtr> (Impl::*)(const std::string& name) const;
  absl::StatusOr<Document> PutInto(Finder find, DocumentWrite write, const Document* as);
  absl::StatusOr<int> DeleteFrom(Finder find, const std::string& name,
                                 const std::string& document_id);
  // kResourceExhausted unless `bytes` more leave enough free.
  absl::Status CheckRoom(int64_t bytes = 0) const;
  absl::StatusOr<std::optional<DocumentRecord>> FindDocument(const View& view,
                                                             const std::string& document_id) const;
  absl::StatusOr<DocumentRecord> NeedDocument(const View& view,
                                              const std::string& document_id) const;
  // Where a live passage stands. kNotFound.
  struct PassagePlace {
    std::shared_ptr<const View> view;
    DocumentRecord document;
    uint32_t number = 0;
  };
  CollectionBytes BytesOf(const OpenCollection& collection, const View& view) const;
  absl::StatusOr<PassagePlace> FindPassage(uint64_t passage_id) const;
  // The passage, filled from its document. Empty: not there at the view's moment.
  absl::StatusOr<std::optional<Passage>> ReadPassage(const View& view, uint32_t number,
                                                     const DocumentRecord& document) const;
  // The same for a hit of a search, whose documents are read once.
  using DocumentCache = absl::flat_hash_map<uint32_t, DocumentRecord>;
  absl::StatusOr<std::optional<Passage>> ReadHit(const View& view, uint32_t number,
                                                 DocumentCache& documents) const;
  // Takes out of `allowed` what the query leaves out.
  absl::Status LeaveOut(const View& view, const SearchQuery& query, PassageSet& allowed) const;
  // Makes `view` what the next search sees; its batch is written.
  void Publish(OpenCollection& collection, std::shared_ptr<View> view)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);

  // --- corpus_erase.cc
  absl::StatusOr<std::vector<Job>> JobsOf(const std::string& collection,
                                          const std::string& document_id) const;
  // Deletes it and its jobs, and takes down what they leave.
  absl::Status DeleteWithJobs(OpenCollection& collection, const std::string& document_id,
                              DocumentTraces& traces);
  void RenewMoments();

  // --- corpus_upkeep.cc
  void UpkeepLoop();
  bool NeedsUpkeep(const View& view) const;
  void RequestUpkeep(const OpenCollectionPtr& collection);
  // Takes a step of what the collection needs; whether it needs another.
  absl::StatusOr<bool> Maintain(OpenCollection& collection);
  bool IsDirty(const OpenCollection& collection) const;
  absl::Status TakeStep(OpenCollection& collection, const View& base)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(collection.upkeep_mu);
  SegmentPlace PlaceOf(const OpenCollection& collection) const;
  // `meanwhile`, unless null, is called now and then, on another thread.
  absl::StatusOr<SegmentPtr> BuildOne(const OpenCollection& collection, const SegmentParts& parts,
                                      const std::function<void()>& meanwhile) const;
  // Makes one segment of several of the base's, or of one, and of its head or not, and publishes
  // it. Where the head is no part of it, a head that fills up is sealed meanwhile.
  enum class WithHead { kNo, kYes };
  enum class Dead { kGo, kMayStay };  // what becomes of dead rows
  absl::Status Rewrite(OpenCollection& collection, const View& base, SegmentRun run,
                       WithHead with_head, Dead dead) ABSL_LOCKS_EXCLUDED(write_mu_);
  void SealFullHead(OpenCollection& collection) ABSL_LOCKS_EXCLUDED(write_mu_);
  void CompactHead(OpenCollection& collection, const View& base) ABSL_LOCKS_EXCLUDED(write_mu_);
  // Publishes `segment`, unless null, in the place of `run` of the base's segments. A `head` takes
  // the place of the base's; what was written since is appended to it.
  void Install(OpenCollection& collection, const View& base, SegmentRun run, SegmentPtr segment,
               std::optional<VectorRows> head) ABSL_LOCKS_EXCLUDED(write_mu_);
  // Copies onto the device, where there is one, what is not on it: after Install, when what the new
  // segments replace has gone from it.
  absl::Status FillDevice(OpenCollection& collection) ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status WriteMissingSegments(OpenCollection& collection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(collection.upkeep_mu);
  // Segments and head without dead rows, no older files; the sequence that the snapshot covers.
  absl::StatusOr<int64_t> RewriteIndex(OpenCollection& collection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(collection.upkeep_mu);
  absl::StatusOr<int64_t> WriteSnapshot(OpenCollection& collection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(collection.upkeep_mu);
  void StopUpkeep();

  const CorpusOptions options_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<PassageAnalyzer> analyzer_;

  // Held by the one writer, over the sync of its batch; searches never take it.
  mutable absl::Mutex write_mu_;
  MetaRecord meta_ ABSL_GUARDED_BY(write_mu_);

  mutable absl::Mutex collections_mu_;
  std::map<std::string, OpenCollectionPtr> collections_ ABSL_GUARDED_BY(collections_mu_);
  std::map<std::string, OpenCollectionPtr> generations_ ABSL_GUARDED_BY(collections_mu_);

  mutable ShadowScans shadow_scans_;
  std::atomic<bool> stopping_{false};
  mutable absl::Mutex upkeep_mu_;
  std::vector<OpenCollectionPtr> upkeep_wanted_ ABSL_GUARDED_BY(upkeep_mu_);
  bool upkeep_busy_ ABSL_GUARDED_BY(upkeep_mu_) = false;
  std::thread upkeep_;
};

}  // namespace sightline::index
