#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/collection_loader.h"
#include "index/corpus_impl.h"
#include "index/document_batch.h"
#include "index/key_codec.h"
#include "index/names.h"
#include "index/postings_rebuild.h"
#include "index/segment_files.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

constexpr int kMaxDimension = 65'536;
constexpr size_t kMaxFingerprintBytes = 1024;

// Adds to `changes` what the collection's documents hold of pictures, as references that go.
absl::Status CountReferences(const Store& store, uint32_t collection,
                             std::map<std::string, int>& changes) {
  return store.Scan(DocumentsPrefix(collection), nullptr,
                    [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                      SL_ASSIGN_OR_RETURN(const DocumentRecord record, DecodeDocument(value));
                      for (const std::string& hash : record.blob_hashes) --changes[hash];
                      return true;
                    });
}

absl::Status AppendJobRemovals(const Store& store, const std::string& collection,
                               rocksdb::WriteBatch& batch) {
  return store.Scan(JobOrderPrefix(), nullptr,
                    [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                      const std::string id(key.substr(JobOrderPrefix().size() + 8));
                      SL_ASSIGN_OR_RETURN(const auto value, store.Get(JobKey(id), nullptr));
                      if (!value.has_value()) return true;
                      SL_ASSIGN_OR_RETURN(const Job job, DecodeJob(*value));
                      if (job.collection == collection) AppendJobRemoval(job, batch);
                      return true;
                    });
}

void AddMemory(const VectorRows& rows, CollectionBytes& out) {
  const auto code = static_cast<int64_t>(
      rows.has_codes() ? CodeStride(rows.dimension()) + sizeof(RowHead) : sizeof(uint32_t));
  const auto halves = static_cast<int64_t>(rows.dimension() * sizeof(uint16_t));
  out.memory_codes += rows.size() * code;
  if (!KeepsHalves(rows.codes())) return;
  (rows.mapped() ? out.mapped_halves : out.memory_halves) += rows.size() * halves;
}

// Files that go meanwhile are passed over.
int64_t FolderBytes(const std::string& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

}  // namespace

absl::Status CheckModel(const std::string& fingerprint, int dimension) {
  if (dimension < 1 || dimension > kMaxDimension) {
    return absl::InvalidArgumentError(
        absl::StrCat("dimension is ", dimension, ", expected 1 to ", kMaxDimension));
  }
  if (fingerprint.size() > kMaxFingerprintBytes || !IsValidUtf8(fingerprint)) {
    return absl::InvalidArgumentError("model fingerprint: expected at most 1024 bytes of UTF-8");
  }
  return absl::OkStatus();
}

absl::StatusOr<Collection> Corpus::Impl::CreateCollection(const std::string& name,
                                                          const std::string& model_fingerprint,
                                                          int dimension, PatchCodes patches,
                                                          VectorCodes vectors) {
  SL_RETURN_IF_ERROR(CheckCollectionName(name));
  SL_RETURN_IF_ERROR(CheckModel(model_fingerprint, dimension));
  absl::MutexLock lock(&write_mu_);
  if (Find(name).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("there is a collection named ", name));
  }
  SL_ASSIGN_OR_RETURN(OpenCollectionPtr collection,
                      MakeCollection(CollectionKey(name), {name, model_fingerprint, dimension,
                                                           absl::Now(), patches, vectors}));
  absl::MutexLock collections_lock(&collections_mu_);
  return (collections_[name] = std::move(collection))->record.collection;
}

absl::StatusOr<OpenCollectionPtr> Corpus::Impl::MakeCollection(const std::string& key,
                                                               Collection collection) {
  MetaRecord meta = meta_;
  CollectionRecord record;
  record.id = meta.next_collection++;
  record.collection = std::move(collection);
  rocksdb::WriteBatch batch;
  batch.Put(MetaKey(), Encode(meta));
  batch.Put(key, Encode(record));
  Counters counters;
  counters.change = RandomId();
  batch.Put(CountersKey(record.id), Encode(counters));
  batch.Put(AnalyzerKey(record.id), PostingsMadeBy(*analyzer_));
  SL_RETURN_IF_ERROR(store_->Write(batch));
  meta_ = meta;
  return OpenOne(record);
}

absl::StatusOr<Collection> Corpus::Impl::GetCollection(const std::string& name) const {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  return collection->record.collection;
}

absl::StatusOr<std::vector<Collection>> Corpus::Impl::ListCollections() const {
  std::vector<Collection> out;
  for (const OpenCollectionPtr& collection : AllCollections()) {
    out.push_back(collection->record.collection);
  }
  return out;
}

absl::Status Corpus::Impl::AppendRemoval(const OpenCollection& collection,
                                         rocksdb::WriteBatch& batch) const {
  std::map<std::string, int> references;
  SL_RETURN_IF_ERROR(CountReferences(*store_, collection.record.id, references));
  SL_RETURN_IF_ERROR(AppendReferenceChanges(*store_, references, {}, batch));
  const std::string range = CollectionRange(collection.record.id);
  const std::string end = PrefixEnd(range);
  batch.DeleteRange(range, end);
  return absl::OkStatus();
}

absl::Status Corpus::Impl::RemoveFiles(OpenCollection& collection) {
  // A merge that is running sees `dropped` and stops; then the cache on disk can go.
  absl::MutexLock upkeep(&collection.upkeep_mu);
  SL_RETURN_IF_ERROR(RemoveIndexFiles(collection.folder));
  std::error_code ignored;  // the folder stays when there are foreign files in it
  std::filesystem::remove(collection.folder, ignored);
  return absl::OkStatus();
}

absl::Status Corpus::Impl::DeleteCollection(const std::string& name) {
  if (const absl::Status dropped = DropGeneration(name);
      !dropped.ok() && !absl::IsNotFound(dropped)) {
    return dropped;
  }
  OpenCollectionPtr collection;
  {
    absl::MutexLock lock(&write_mu_);
    SL_ASSIGN_OR_RETURN(collection, Find(name));
    rocksdb::WriteBatch batch;
    SL_RETURN_IF_ERROR(AppendRemoval(*collection, batch));
    SL_RETURN_IF_ERROR(AppendJobRemovals(*store_, name, batch));
    batch.Delete(CollectionKey(name));
    SL_RETURN_IF_ERROR(store_->Write(batch));
    collection->dropped = true;
    absl::MutexLock collections_lock(&collections_mu_);
    collections_.erase(name);
  }
  return RemoveFiles(*collection);
}

absl::StatusOr<CollectionState> Corpus::Impl::State(const std::string& name) const {
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const View> view, FindView(name));
  return CollectionState{.collection = view->record.id,
                         .created = view->record.collection.created,
                         .sequence = view->counters.sequence,
                         .change = view->counters.change};
}

CollectionBytes Corpus::Impl::BytesOf(const OpenCollection& collection, const View& view) const {
  const uint32_t id = view.record.id;
  CollectionBytes out;
  out.records = store_->ApproximateBytes(DocumentsPrefix(id), view.counters.documents) +
                store_->ApproximateBytes(PassagesPrefix(id), view.counters.passages);
  out.vectors = store_->ApproximateBytes(VectorsPrefix(id), view.counters.vectors);
  out.patches = store_->ApproximateBytes(PatchesPrefix(id), view.patched);
  out.postings = store_->ApproximateBytes(PostingsPrefix(id));
  int64_t pictures = 0;
  for (const OpenCollectionPtr& other : AllCollections()) {
    if (other->damage.ok()) pictures += other->view()->pictures;
  }
  if (view.pictures > 0) {
    out.pictures = static_cast<int64_t>(static_cast<double>(store_->ApproximateBytes(BlobKey(""))) *
                                        static_cast<double>(view.pictures) /
                                        static_cast<double>(std::max(pictures, view.pictures)));
  }
  out.index_files = FolderBytes(collection.folder);
  AddMemory(view.head, out);
  for (const SegmentPtr& segment : view.segments) {
    AddMemory(segment->rows, out);
    if (segment->compact != nullptr) out.memory_codes += segment->compact->MemoryBytes();
    if (segment->graph == nullptr) continue;
    out.memory_graphs += static_cast<int64_t>(segment->graph->LinkBytes() *
                                              static_cast<double>(segment->graph->size()));
  }
  return out;
}

absl::StatusOr<CollectionStats> Corpus::Impl::Stats(const std::string& name) const {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (!collection->damage.ok()) return collection->damage;
  const std::shared_ptr<const View> view = collection->view();
  CollectionStats stats;
  stats.documents = view->counters.documents;
  stats.passages = view->counters.passages;
  stats.vectors = view->counters.vectors;
  stats.tombstones = view->dead_rows();
  stats.sequence = view->counters.sequence;
  {
    absl::MutexLock lock(&collection->mu);
    stats.index_sequence = collection->snapshot_sequence;
  }
  stats.segments = static_cast<int64_t>(view->segments.size());
  stats.recall = collection->recall->value();
  stats.shadow_scans = collection->recall->searches();
  stats.parts = BytesOf(*collection, *view);
  stats.bytes =
      stats.parts.records + stats.parts.vectors + stats.parts.patches + stats.parts.postings;
  if (const auto generation = FindGeneration(name); generation.ok() && (*generation)->damage.ok()) {
    stats.next_documents = (*generation)->view()->counters.documents;
  }
  return stats;
}

}  // namespace sightline::index
