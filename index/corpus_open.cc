#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "index/collection_loader.h"
#include "index/corpus_impl.h"
#include "index/key_codec.h"
#include "index/names.h"
#include "index/postings_rebuild.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot create ", path, ": ", error.message()));
}

absl::Status CheckOptions(const CorpusOptions& options) {
  if (options.path.empty()) return absl::InvalidArgumentError("corpus: no folder given");
  if (options.hnsw_links < 2 || options.hnsw_links > 512 || options.hnsw_build_beam < 1 ||
      options.hnsw_search_beam < 1 || options.exact_below < 0 || options.head_limit < 1) {
    return absl::InvalidArgumentError("corpus: an index option is out of range");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Corpus::Impl::Open() {
  SL_RETURN_IF_ERROR(CheckOptions(options_));
  SL_RETURN_IF_ERROR(MakeFolder(options_.path + "/store"));
  SL_ASSIGN_OR_RETURN(lock_, FolderLock::Take(options_.path));
  SL_ASSIGN_OR_RETURN(analyzer_, PassageAnalyzer::Create(options_.field_weights));
  SL_ASSIGN_OR_RETURN(store_, Store::Open(options_.path + "/store"));
  SL_RETURN_IF_ERROR(OpenMeta());
  SL_RETURN_IF_ERROR(OpenCollections());
  upkeep_ = std::thread([this] { UpkeepLoop(); });
  for (const OpenCollectionPtr& collection : AllOpen()) RequestUpkeep(collection);
  return absl::OkStatus();
}

absl::Status Corpus::Impl::OpenMeta() {
  absl::MutexLock lock(&write_mu_);
  SL_ASSIGN_OR_RETURN(const auto stored, store_->Get(MetaKey(), nullptr));
  if (stored.has_value()) {
    SL_ASSIGN_OR_RETURN(meta_, DecodeMeta(*stored));
    if (meta_.format_version > kFormatVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat("the corpus in ", options_.path, " has format ", meta_.format_version,
                       ", this program reads up to ", kFormatVersion));
    }
    if (meta_.format_version == kFormatVersion) return absl::OkStatus();
    // From here on older programs refuse the store. Opening its collections makes what changed
    // anew.
    meta_.format_version = kFormatVersion;
  }
  rocksdb::WriteBatch batch;
  batch.Put(MetaKey(), Encode(meta_));
  return store_->Write(batch);
}

absl::Status Corpus::Impl::OpenCollections() {
  for (const bool generations : {false, true}) {
    std::vector<CollectionRecord> records;
    SL_RETURN_IF_ERROR(
        store_->Scan(generations ? GenerationsPrefix() : CollectionsPrefix(), nullptr,
                     [&](absl::string_view, absl::string_view value) -> absl::StatusOr<bool> {
                       SL_ASSIGN_OR_RETURN(records.emplace_back(), DecodeCollection(value));
                       return true;
                     }));
    for (const CollectionRecord& record : records) {
      OpenCollectionPtr collection = OpenOne(record);
      absl::MutexLock lock(&collections_mu_);
      (generations ? generations_ : collections_)[record.collection.name] = std::move(collection);
    }
  }
  return absl::OkStatus();
}

// A collection that cannot be read does not keep the others from opening.
OpenCollectionPtr Corpus::Impl::OpenOne(const CollectionRecord& record) {
  const std::string folder = IndexFolder(record.id);
  absl::Status status = RebuildPostingsIfStale(*store_, *analyzer_, record);
  LoadedCollection loaded;
  if (status.ok()) {
    auto result = LoadCollection(*store_, record, folder, options_.map_vectors);
    status = result.status();
    if (result.ok()) loaded = *std::move(result);
  }
  if (!status.ok()) {
    status = Annotate(status, absl::StrCat("collection ", record.collection.name));
    log::Error("collection could not be opened", {{"error", status.ToString()}});
  }
  auto collection = std::make_shared<OpenCollection>(record, folder, status);
  absl::MutexLock lock(&collection->mu);
  collection->current = std::move(loaded.view);
  collection->snapshot_sequence = loaded.snapshot_sequence;
  return collection;
}

std::string Corpus::Impl::IndexFolder(uint32_t collection) const {
  return absl::StrCat(options_.path, "/index/", collection);
}

absl::StatusOr<OpenCollectionPtr> Corpus::Impl::Find(const std::string& name) const {
  SL_RETURN_IF_ERROR(CheckCollectionName(name));
  absl::MutexLock lock(&collections_mu_);
  const auto it = collections_.find(name);
  if (it == collections_.end()) {
    return absl::NotFoundError(absl::StrCat("no collection named ", name));
  }
  return it->second;
}

absl::StatusOr<std::shared_ptr<const View>> Corpus::Impl::FindView(const std::string& name) const {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (!collection->damage.ok()) return collection->damage;
  return collection->view();
}

std::vector<OpenCollectionPtr> Corpus::Impl::AllCollections() const {
  absl::MutexLock lock(&collections_mu_);
  std::vector<OpenCollectionPtr> all;
  for (const auto& [name, collection] : collections_) all.push_back(collection);
  return all;
}

std::vector<OpenCollectionPtr> Corpus::Impl::AllOpen() const {
  std::vector<OpenCollectionPtr> all = AllCollections();
  absl::MutexLock lock(&collections_mu_);
  for (const auto& [name, generation] : generations_) all.push_back(generation);
  return all;
}

Corpus::Impl::~Impl() {
  StopUpkeep();
  for (const OpenCollectionPtr& collection : AllOpen()) {
    if (!collection->damage.ok() || !IsDirty(*collection)) continue;
    absl::MutexLock lock(&collection->upkeep_mu);
    const auto written = WriteSnapshot(*collection);
    if (!written.ok()) {
      log::Warning("index snapshot not written",
                   {{"collection", collection->record.collection.name},
                    {"error", written.status().ToString()}});
    }
  }
  // Views hold moments of the store, which go before it does.
  absl::MutexLock lock(&collections_mu_);
  collections_.clear();
  generations_.clear();
}

}  // namespace sightline::index
