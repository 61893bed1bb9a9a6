#include <algorithm>

#include "base/log.h"
#include "base/status.h"
#include "index/collection_loader.h"
#include "index/corpus_impl.h"
#include "index/index_snapshot.h"
#include "index/key_codec.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

// Dead rows are compacted away when they are more than one in ten, and enough to be worth it.
constexpr int64_t kDeadShare = 10;

bool NeedsCompaction(const View& view, const CorpusOptions& options) {
  return view.dead_rows() * kDeadShare > view.rows.size() &&
         view.dead_rows() * 4 >= options.head_limit;
}

bool NeedsGraph(const View& view, const CorpusOptions& options) {
  if (view.counters.vectors < options.exact_below || view.head_rows() == 0) return false;
  return view.graph == nullptr || view.head_rows() > options.head_limit;
}

VectorRows LiveRows(const View& view) {
  VectorRows live(view.rows.dimension());
  for (int64_t row = 0; row < view.rows.size(); ++row) {
    const uint32_t passage = view.rows.passage(row);
    if (view.passages.live().Contains(passage)) live.Append(passage, view.rows.halves(row));
  }
  return live;
}

}  // namespace

bool Corpus::Impl::NeedsUpkeep(const View& view) const {
  return NeedsCompaction(view, options_) || NeedsGraph(view, options_);
}

bool Corpus::Impl::IsDirty(const OpenCollection& collection) const {
  absl::MutexLock lock(&collection.mu);
  return collection.current->counters.sequence != collection.snapshot_sequence;
}

void Corpus::Impl::RequestUpkeep(const OpenCollectionPtr& collection) {
  absl::MutexLock lock(&upkeep_mu_);
  const auto& wanted = upkeep_wanted_;
  if (std::find(wanted.begin(), wanted.end(), collection) == wanted.end()) {
    upkeep_wanted_.push_back(collection);
  }
}

void Corpus::Impl::UpkeepLoop() {
  while (true) {
    OpenCollectionPtr collection;
    {
      absl::MutexLock lock(&upkeep_mu_);
      upkeep_busy_ = false;
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(upkeep_mu_) {
        return stopping_.load() || !upkeep_wanted_.empty();
      };
      upkeep_mu_.Await(absl::Condition(&ready));
      if (stopping_.load()) return;
      collection = std::move(upkeep_wanted_.front());
      upkeep_wanted_.erase(upkeep_wanted_.begin());
      upkeep_busy_ = true;
    }
    const absl::Status status = Maintain(*collection);
    if (!status.ok() && !absl::IsCancelled(status)) {
      log::Warning("merging the index failed", {{"collection", collection->record.collection.name},
                                                {"error", status.ToString()}});
    }
  }
}

void Corpus::Impl::StopUpkeep() {
  {
    absl::MutexLock lock(&upkeep_mu_);
    stopping_ = true;
  }
  if (upkeep_.joinable()) upkeep_.join();
}

void Corpus::Impl::WaitForUpkeep() const {
  absl::MutexLock lock(&upkeep_mu_);
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(upkeep_mu_) {
    return upkeep_wanted_.empty() && !upkeep_busy_;
  };
  upkeep_mu_.Await(absl::Condition(&idle));
}

absl::StatusOr<std::shared_ptr<const HnswGraph>> Corpus::Impl::BuildGraph(
    const OpenCollection& collection, const VectorRows& rows, const HnswGraph* base) const {
  HnswOptions options;
  options.links = options_.hnsw_links;
  options.build_beam = options_.hnsw_build_beam;
  options.threads = options_.build_threads;
  options.search_beam = options_.hnsw_search_beam;
  const auto stop = [&] { return stopping_.load() || collection.dropped.load(); };
  SL_ASSIGN_OR_RETURN(auto graph, HnswGraph::Build(rows, base, options, stop));
  return std::shared_ptr<const HnswGraph>(std::move(graph));
}

absl::Status Corpus::Impl::Maintain(OpenCollection& collection) {
  if (!collection.damage.ok()) return absl::OkStatus();
  absl::MutexLock upkeep(&collection.upkeep_mu);
  if (collection.dropped.load()) return absl::OkStatus();
  const std::shared_ptr<const View> base = collection.view();
  if (!NeedsUpkeep(*base)) return absl::OkStatus();
  std::shared_ptr<const HnswGraph> graph;
  if (NeedsCompaction(*base, options_)) {
    VectorRows rows = LiveRows(*base);
    if (rows.size() >= options_.exact_below && rows.size() > 0) {
      SL_ASSIGN_OR_RETURN(graph, BuildGraph(collection, rows, nullptr));
    }
    InstallRows(collection, *base, std::move(rows), std::move(graph));
  } else {
    SL_ASSIGN_OR_RETURN(graph, BuildGraph(collection, base->rows, base->graph.get()));
    InstallGraph(collection, std::move(graph));
  }
  return WriteSnapshot(collection).status();
}

void Corpus::Impl::InstallRows(OpenCollection& collection, const View& base, VectorRows rows,
                               std::shared_ptr<const HnswGraph> graph) {
  absl::MutexLock lock(&write_mu_);
  auto next = std::make_shared<View>(*collection.view());
  // Rows are only appended meanwhile, so what is new stands behind the base's rows.
  for (int64_t row = base.rows.size(); row < next->rows.size(); ++row) {
    rows.Append(next->rows.passage(row), next->rows.halves(row));
  }
  next->rows = std::move(rows);
  next->graph = std::move(graph);
  absl::MutexLock publish(&collection.mu);
  collection.current = std::move(next);
}

void Corpus::Impl::InstallGraph(OpenCollection& collection,
                                std::shared_ptr<const HnswGraph> graph) {
  absl::MutexLock lock(&write_mu_);
  auto next = std::make_shared<View>(*collection.view());
  next->graph = std::move(graph);
  absl::MutexLock publish(&collection.mu);
  collection.current = std::move(next);
}

absl::StatusOr<int64_t> Corpus::Impl::WriteSnapshot(OpenCollection& collection) {
  if (collection.dropped.load()) return absl::CancelledError("the collection was deleted");
  const std::shared_ptr<const View> view = collection.view();
  IndexSnapshot snapshot;
  snapshot.sequence = view->counters.sequence;
  snapshot.next_passage = view->counters.next_passage;
  snapshot.rows = view->rows;
  snapshot.graph = view->graph;
  SL_RETURN_IF_ERROR(
      WriteIndexSnapshot(collection.folder, IdentityOf(collection.record), snapshot).status());
  int64_t before = 0;
  {
    absl::MutexLock lock(&collection.mu);
    before = collection.snapshot_sequence;
    collection.snapshot_sequence = snapshot.sequence;
  }
  // Tombstones are kept until both generations on disk cover them.
  if (before > 0) {
    rocksdb::WriteBatch batch;
    const std::string first = TombstoneKey(collection.record.id, 0);
    const std::string last = TombstoneKey(collection.record.id, before);
    batch.DeleteRange(first, last);
    SL_RETURN_IF_ERROR(store_->Write(batch));
  }
  return snapshot.sequence;
}

absl::StatusOr<int64_t> Corpus::Impl::Snapshot(const std::string& name) {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (!collection->damage.ok()) return collection->damage;
  absl::MutexLock upkeep(&collection->upkeep_mu);
  return WriteSnapshot(*collection);
}

absl::StatusOr<int64_t> Corpus::Impl::Rebuild(const std::string& name) {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(name));
  if (!collection->damage.ok()) return collection->damage;
  absl::MutexLock upkeep(&collection->upkeep_mu);
  const std::shared_ptr<const View> base = collection->view();
  VectorRows rows(base->rows.dimension());
  SL_RETURN_IF_ERROR(AppendStoredVectors(*store_, *base, 0, rows));
  if (rows.size() != base->counters.vectors) {
    return absl::DataLossError(absl::StrCat("store: collection ", name, " has ", rows.size(),
                                            " vectors, its documents say ",
                                            base->counters.vectors));
  }
  std::shared_ptr<const HnswGraph> graph;
  const int64_t count = rows.size();
  if (count > 0 && count >= options_.exact_below) {
    SL_ASSIGN_OR_RETURN(graph, BuildGraph(*collection, rows, nullptr));
  }
  InstallRows(*collection, *base, std::move(rows), std::move(graph));
  SL_RETURN_IF_ERROR(WriteSnapshot(*collection).status());
  return count;
}

absl::StatusOr<int64_t> Corpus::Impl::RewriteIndex(OpenCollection& collection) {
  const std::shared_ptr<const View> base = collection.view();
  VectorRows rows = LiveRows(*base);
  std::shared_ptr<const HnswGraph> graph;
  if (base->graph != nullptr && rows.size() > 0) {
    SL_ASSIGN_OR_RETURN(graph, BuildGraph(collection, rows, nullptr));
  }
  InstallRows(collection, *base, std::move(rows), std::move(graph));
  SL_RETURN_IF_ERROR(DropIndexSnapshots(collection.folder));
  return WriteSnapshot(collection);
}

absl::StatusOr<BackupInfo> Corpus::Impl::Backup(const std::string& folder, int keep) const {
  SL_RETURN_IF_ERROR(store_->Health());
  SL_RETURN_IF_ERROR(CheckRoom());
  BackupInfo about;
  for (const OpenCollectionPtr& collection : AllCollections()) {
    ++about.collections;
    if (collection->damage.ok()) about.documents += collection->view()->counters.documents;
  }
  return CreateBackup(*store_, folder, keep, about);
}

}  // namespace sightline::index
