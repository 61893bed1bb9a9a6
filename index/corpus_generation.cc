#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/corpus_impl.h"
#include "index/key_codec.h"
#include "index/names.h"
#include "rocksdb/write_batch.h"

// A generation is a collection of its own, with a number of its own, that is known by the name of
// the one whose place it will take.

namespace sightline::index {

absl::StatusOr<OpenCollectionPtr> Corpus::Impl::FindGeneration(const std::string& name) const {
  SL_RETURN_IF_ERROR(CheckCollectionName(name));
  absl::MutexLock lock(&collections_mu_);
  const auto it = generations_.find(name);
  if (it == generations_.end()) {
    return absl::NotFoundError(absl::StrCat("no generation is to follow the collection ", name));
  }
  return it->second;
}

absl::Status Corpus::Impl::DropGeneration(const std::string& name) {
  OpenCollectionPtr generation;
  {
    absl::MutexLock lock(&write_mu_);
    SL_ASSIGN_OR_RETURN(generation, FindGeneration(name));
    rocksdb::WriteBatch batch;
    SL_RETURN_IF_ERROR(AppendRemoval(*generation, batch));
    batch.Delete(GenerationKey(name));
    SL_RETURN_IF_ERROR(store_->Write(batch));
    generation->dropped = true;
    absl::MutexLock collections_lock(&collections_mu_);
    generations_.erase(name);
  }
  return RemoveFiles(*generation);
}

absl::StatusOr<Collection> Corpus::Impl::BeginGeneration(const std::string& name,
                                                         const std::string& model_fingerprint,
                                                         int dimension) {
  SL_RETURN_IF_ERROR(CheckModel(model_fingerprint, dimension));
  if (const auto known = FindGeneration(name); known.ok()) {
    const Collection& held = (*known)->record.collection;
    const bool usable = (*known)->damage.ok() && held.model_fingerprint == model_fingerprint &&
                        held.dimension == dimension;
    if (usable) return held;
    const absl::Status dropped = DropGeneration(name);
    if (!dropped.ok() && !absl::IsNotFound(dropped)) return dropped;
  }
  absl::MutexLock lock(&write_mu_);
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (FindGeneration(name).ok()) {
    return absl::AbortedError(absl::StrCat("another generation of ", name, " was begun meanwhile"));
  }
  SL_ASSIGN_OR_RETURN(OpenCollectionPtr generation,
                      MakeCollection(GenerationKey(name), {name, model_fingerprint, dimension,
                                                           collection->record.collection.created,
                                                           collection->record.collection.patches,
                                                           collection->record.collection.vectors}));
  absl::MutexLock collections_lock(&collections_mu_);
  return (generations_[name] = std::move(generation))->record.collection;
}

absl::StatusOr<bool> Corpus::Impl::GenerationHolds(const Document& document) const {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr generation, FindGeneration(document.collection));
  if (!generation->damage.ok()) return generation->damage;
  SL_ASSIGN_OR_RETURN(const auto held, FindDocument(*generation->view(), document.id));
  return held.has_value() && held->document.version == document.version &&
         held->document.updated == document.updated;
}

absl::Status Corpus::Impl::PutInGeneration(DocumentWrite write) {
  const Document as = write.document;
  return PutInto(&Impl::FindGeneration, std::move(write), &as).status();
}

absl::StatusOr<int> Corpus::Impl::PruneGeneration(const std::string& name) {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr generation, FindGeneration(name));
  if (!generation->damage.ok()) return generation->damage;
  SL_ASSIGN_OR_RETURN(const auto view, FindView(name));
  std::vector<std::string> gone;
  SL_RETURN_IF_ERROR(
      store_->Scan(DocumentsPrefix(generation->record.id), nullptr,
                   [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                     SL_ASSIGN_OR_RETURN(const DocumentRecord record, DecodeDocument(value));
                     SL_ASSIGN_OR_RETURN(const auto held, FindDocument(*view, record.document.id));
                     if (!held.has_value()) gone.push_back(record.document.id);
                     return true;
                   }));
  for (const std::string& id : gone) {
    SL_RETURN_IF_ERROR(DeleteFrom(&Impl::FindGeneration, name, id).status());
  }
  return static_cast<int>(gone.size());
}

absl::Status Corpus::Impl::SwitchGeneration(const std::string& name, const CollectionState& state) {
  SL_ASSIGN_OR_RETURN(const int gone, PruneGeneration(name));
  OpenCollectionPtr old;
  {
    absl::MutexLock lock(&write_mu_);
    SL_ASSIGN_OR_RETURN(const OpenCollectionPtr generation, FindGeneration(name));
    SL_ASSIGN_OR_RETURN(old, Find(name));
    if (!old->damage.ok()) return old->damage;
    const Counters& counters = old->view()->counters;
    if (gone > 0 || old->record.id != state.collection || counters.change != state.change ||
        counters.documents != generation->view()->counters.documents) {
      return absl::AbortedError(absl::StrCat("the collection ", name, " has changed meanwhile"));
    }
    rocksdb::WriteBatch batch;
    SL_RETURN_IF_ERROR(AppendRemoval(*old, batch));
    batch.Delete(GenerationKey(name));
    batch.Put(CollectionKey(name), Encode(generation->record));
    SL_RETURN_IF_ERROR(store_->Write(batch));
    old->dropped = true;
    absl::MutexLock collections_lock(&collections_mu_);
    collections_[name] = generation;
    generations_.erase(name);
  }
  return RemoveFiles(*old);
}

}  // namespace sightline::index
