#include <algorithm>

#include "base/log.h"
#include "base/status.h"
#include "index/background_thread.h"
#include "index/collection_loader.h"
#include "index/corpus_impl.h"
#include "index/device_search.h"
#include "index/key_codec.h"
#include "index/segment_builder.h"
#include "index/segment_files.h"
#include "index/segment_plan.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

// Dead rows are compacted away when they are more than one in ten, and enough to be worth it.
constexpr int64_t kDeadShare = 10;

bool ManyAreDead(int64_t dead, int64_t rows) { return dead * kDeadShare > rows; }

bool NeedsCompaction(const View& view, const CorpusOptions& options) {
  return ManyAreDead(view.dead_rows(), view.rows()) && view.dead_rows() * 4 >= options.head_limit;
}

bool HeadIsFull(const View& view, const CorpusOptions& options) {
  if (view.counters.vectors < options.exact_below || view.head.size() == 0) return false;
  return view.segments.empty() || view.head.size() > options.head_limit;
}

std::vector<int64_t> SegmentRows(const View& view) {
  std::vector<int64_t> rows;
  for (const SegmentPtr& segment : view.segments) rows.push_back(segment->rows.size());
  return rows;
}

bool IsNotComplete(const SegmentPtr& segment) { return !IsComplete(*segment); }

int64_t DeadRows(const VectorRows& rows, const View& view) {
  return rows.size() - CountRowsOf(rows, view.passages.live());
}

}  // namespace

bool Corpus::Impl::NeedsUpkeep(const View& view) const {
  if (NeedsCompaction(view, options_)) return true;
  if (view.counters.vectors < options_.exact_below) return false;
  return HeadIsFull(view, options_) || NextJoin(SegmentRows(view)).count > 0 ||
         std::any_of(view.segments.begin(), view.segments.end(), IsNotComplete);
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
    const absl::StatusOr<bool> more = Maintain(*collection);
    // Behind the others that wait.
    if (more.ok() && *more) RequestUpkeep(collection);
    const absl::Status& status = more.status();
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

absl::StatusOr<bool> Corpus::Impl::Maintain(OpenCollection& collection) {
  if (!collection.damage.ok()) return false;
  absl::MutexLock upkeep(&collection.upkeep_mu);
  if (collection.dropped.load()) return false;
  if (const std::shared_ptr<const View> base = collection.view(); NeedsUpkeep(*base)) {
    SL_RETURN_IF_ERROR(TakeStep(collection, *base));
    SL_RETURN_IF_ERROR(WriteSnapshot(collection).status());
  }
  SL_RETURN_IF_ERROR(FillDevice(collection));
  return NeedsUpkeep(*collection.view());
}

absl::Status Corpus::Impl::TakeStep(OpenCollection& collection, const View& base) {
  if (NeedsCompaction(base, options_)) {
    for (size_t i = 0; i < base.segments.size(); ++i) {
      const VectorRows& rows = base.segments[i]->rows;
      if (!ManyAreDead(DeadRows(rows, base), rows.size())) continue;
      return Rewrite(collection, base, {i, 1}, WithHead::kNo, Dead::kGo);
    }
    CompactHead(collection, base);
    return absl::OkStatus();
  }
  for (size_t i = 0; i < base.segments.size(); ++i) {
    if (IsNotComplete(base.segments[i])) {
      return Rewrite(collection, base, {i, 1}, WithHead::kNo, Dead::kGo);
    }
  }
  const std::vector<int64_t> rows = SegmentRows(base);
  if (HeadIsFull(base, options_)) {
    return Rewrite(collection, base, JoinWithHead(rows, base.head.size()), WithHead::kYes,
                   Dead::kMayStay);
  }
  return Rewrite(collection, base, NextJoin(rows), WithHead::kNo, Dead::kMayStay);
}

SegmentPlace Corpus::Impl::PlaceOf(const OpenCollection& collection) const {
  return {collection.folder, IdentityOf(collection.record), options_.map_vectors};
}

absl::StatusOr<SegmentPtr> Corpus::Impl::BuildOne(const OpenCollection& collection,
                                                  const SegmentParts& parts,
                                                  const std::function<void()>& meanwhile) const {
  HnswOptions options;
  options.links = options_.hnsw_links;
  options.build_beam = options_.hnsw_build_beam;
  options.threads = ThreadsOrAll(options_.build_threads);
  options.search_beam = options_.hnsw_search_beam;
  const auto stop = [&] {
    if (meanwhile != nullptr) meanwhile();
    return stopping_.load() || collection.dropped.load();
  };
  return BuildSegment(parts, PlaceOf(collection), options, stop);
}

absl::Status Corpus::Impl::Rewrite(OpenCollection& collection, const View& base, SegmentRun run,
                                   WithHead with_head, Dead dead) {
  SegmentParts parts = {{}, base.passages.live(), nullptr};
  parts.with_index = base.counters.vectors >= options_.exact_below;
  for (size_t i = run.first; i < run.first + run.count; ++i) {
    parts.rows.push_back(base.segments[i]->rows);
  }
  // A graph that has few dead rows is extended: cheaper by far than a new one.
  if (dead == Dead::kMayStay && parts.with_index && run.count > 0) {
    const Segment& oldest = *base.segments[run.first];
    if (!ManyAreDead(DeadRows(oldest.rows, base), oldest.rows.size())) parts.base = oldest.graph;
  }
  std::optional<VectorRows> head;
  std::function<void()> meanwhile;
  if (with_head == WithHead::kYes) {
    parts.rows.push_back(base.head);
    head.emplace(base.head.dimension(), base.head.codes());
  } else {
    // Joining large segments takes minutes, in which the head may fill up several times.
    meanwhile = [&] { SealFullHead(collection); };
  }
  SL_ASSIGN_OR_RETURN(SegmentPtr segment, BuildOne(collection, parts, meanwhile));
  Install(collection, base, run, std::move(segment), std::move(head));
  return absl::OkStatus();
}

void Corpus::Impl::SealFullHead(OpenCollection& collection) {
  const std::shared_ptr<const View> now = collection.view();
  if (!HeadIsFull(*now, options_) || stopping_.load() || collection.dropped.load()) return;
  const absl::Status sealed =
      Rewrite(collection, *now, {now->segments.size(), 0}, WithHead::kYes, Dead::kGo);
  if (sealed.ok() || absl::IsCancelled(sealed)) return;
  log::Warning("sealing vectors failed",
               {{"collection", collection.record.collection.name}, {"error", sealed.ToString()}});
}

void Corpus::Impl::CompactHead(OpenCollection& collection, const View& base) {
  VectorRows live(base.head.dimension(), base.head.codes());
  for (int64_t row = 0; row < base.head.size(); ++row) {
    if (base.passages.live().Contains(base.head.passage(row))) live.Append(base.head, row);
  }
  Install(collection, base, {base.segments.size(), 0}, nullptr, std::move(live));
}

void Corpus::Impl::Install(OpenCollection& collection, const View& base, SegmentRun run,
                           SegmentPtr segment, std::optional<VectorRows> head) {
  int64_t taken = base.head.size();
  const auto take_up_to_now = [&](const View& now) {
    for (; taken < now.head.size(); ++taken) head->Append(now.head, taken);
  };
  // Most of it before writers have to wait.
  if (head.has_value()) take_up_to_now(*collection.view());
  absl::MutexLock lock(&write_mu_);
  auto next = std::make_shared<View>(*collection.view());
  // Others may have been sealed behind them since.
  auto place = next->segments.end();
  if (run.count > 0) {
    place = std::find(next->segments.begin(), place, base.segments[run.first]);
    place = next->segments.erase(place, place + static_cast<int64_t>(run.count));
  }
  if (segment != nullptr) next->segments.insert(place, std::move(segment));
  if (head.has_value()) {
    take_up_to_now(*next);
    next->head = *std::move(head);
  }
  absl::MutexLock publish(&collection.mu);
  collection.current = std::move(next);
}

absl::Status Corpus::Impl::FillDevice(OpenCollection& collection) {
  if (options_.device == nullptr) return absl::OkStatus();
  const auto stop = [&] { return stopping_.load() || collection.dropped.load(); };
  const std::shared_ptr<const View> base = collection.view();
  for (size_t i = 0; i < base->segments.size(); ++i) {
    const SegmentPtr& segment = base->segments[i];
    if (segment->device != nullptr || segment->rows.size() < kDeviceCandidates ||
        IsCompact(segment->rows.codes())) {
      continue;
    }
    SL_ASSIGN_OR_RETURN(SegmentPtr there, PutOnDevice(segment, *options_.device, stop));
    if (there != segment) Install(collection, *base, {i, 1}, std::move(there), std::nullopt);
  }
  return absl::OkStatus();
}

absl::Status Corpus::Impl::WriteMissingSegments(OpenCollection& collection) {
  const std::shared_ptr<const View> base = collection.view();
  for (size_t i = 0; i < base->segments.size(); ++i) {
    if (base->segments[i]->number != 0) continue;
    SL_ASSIGN_OR_RETURN(SegmentPtr written, WriteSegment(*base->segments[i], PlaceOf(collection)));
    Install(collection, *base, {i, 1}, std::move(written), std::nullopt);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Corpus::Impl::WriteSnapshot(OpenCollection& collection) {
  if (collection.dropped.load()) return absl::CancelledError("the collection was deleted");
  SL_RETURN_IF_ERROR(WriteMissingSegments(collection));
  const std::shared_ptr<const View> view = collection.view();
  std::vector<uint64_t> numbers;
  for (const SegmentPtr& segment : view->segments) numbers.push_back(segment->number);
  Coverage coverage;
  coverage.sequence = view->counters.sequence;
  if (!view->segments.empty()) coverage.last_passage = view->segments.back()->rows.last_passage();
  SL_RETURN_IF_ERROR(WriteCoverage(collection.folder, IdentityOf(collection.record), coverage));
  SL_RETURN_IF_ERROR(RemoveSegmentsBut(collection.folder, numbers));
  int64_t before = 0;
  {
    absl::MutexLock lock(&collection.mu);
    before = collection.snapshot_sequence;
    collection.snapshot_sequence = coverage.sequence;
  }
  // Tombstones are kept until the one before covers them.
  if (before > 0) {
    rocksdb::WriteBatch batch;
    const std::string first = TombstoneKey(collection.record.id, 0);
    const std::string last = TombstoneKey(collection.record.id, before);
    batch.DeleteRange(first, last);
    SL_RETURN_IF_ERROR(store_->Write(batch));
  }
  return coverage.sequence;
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
  VectorRows rows(base->head.dimension(), base->head.codes());
  SL_RETURN_IF_ERROR(AppendStoredVectors(*store_, *base, 0, UINT32_MAX, rows));
  if (rows.size() != base->counters.vectors) {
    return absl::DataLossError(absl::StrCat("store: collection ", name, " has ", rows.size(),
                                            " vectors, its documents say ",
                                            base->counters.vectors));
  }
  const int64_t count = rows.size();
  SegmentPtr segment;
  if (count > 0 && count >= options_.exact_below) {
    const SegmentParts parts = {{std::move(rows)}, base->passages.live(), nullptr};
    SL_ASSIGN_OR_RETURN(segment, BuildOne(*collection, parts, nullptr));
    rows = VectorRows(base->head.dimension(), base->head.codes());
  }
  Install(*collection, *base, {0, base->segments.size()}, std::move(segment), std::move(rows));
  SL_RETURN_IF_ERROR(WriteSnapshot(*collection).status());
  SL_RETURN_IF_ERROR(FillDevice(*collection));
  return count;
}

absl::StatusOr<int64_t> Corpus::Impl::RewriteIndex(OpenCollection& collection) {
  // The last first, so that the places of those before stay.
  const std::shared_ptr<const View> base = collection.view();
  CompactHead(collection, *base);
  for (size_t i = base->segments.size(); i-- > 0;) {
    if (DeadRows(base->segments[i]->rows, *base) == 0) continue;
    SL_RETURN_IF_ERROR(Rewrite(collection, *collection.view(), {i, 1}, WithHead::kNo, Dead::kGo));
  }
  SL_RETURN_IF_ERROR(FillDevice(collection));
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
