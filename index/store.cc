#include "index/store.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/posting_list.h"
#include "index/rocks.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/backup_engine.h"
#include "rocksdb/utilities/debug.h"
#include "rocksdb/write_batch.h"

namespace sightline::index {
namespace {

rocksdb::Slice ToSlice(absl::string_view view) { return {view.data(), view.size()}; }
absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::Options StoreOptions() {
  rocksdb::Options options;
  options.info_log = NewStoreLogger();
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  // A failed sync is never retried: the error stays until the store is opened anew.
  options.max_bgerror_resume_count = 0;
  options.merge_operator = NewPostingMergeOperator();
  options.compaction_filter = EmptyPostingFilter();
  // Folds a hot term's appended changes while they are in memory, so that reading it stays cheap.
  // There is one writer, so nothing is lost by giving up concurrent inserts, which this setting
  // excludes.
  options.max_successive_merges = 64;
  options.allow_concurrent_memtable_write = false;
  options.write_buffer_size = 64 << 20;
  options.max_background_jobs = 2;
  // What they do gives way to queries; a writer that outruns them waits. A refusal costs queries
  // time.
  for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
    (void)options.env->LowerThreadPoolCPUPriority(pool, rocksdb::CpuPriority::kLow);
  }
  options.max_open_files = 512;
  const auto compressions = rocksdb::GetSupportedCompressions();
  const auto has = [&](rocksdb::CompressionType type) {
    return std::find(compressions.begin(), compressions.end(), type) != compressions.end();
  };
  options.compression =
      has(rocksdb::kLZ4Compression) ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = 16 << 10;
  table.block_cache = rocksdb::NewLRUCache(256 << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

// Keeps the first error that leaves the state of the disk unknown.
class Store::ErrorListener : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (status->severity() >= rocksdb::Status::Severity::kHardError) Note(*status);
  }

  void Note(const rocksdb::Status& status) {
    absl::MutexLock lock(&mu_);
    if (!health_.ok()) return;
    health_ =
        absl::UnavailableError(absl::StrCat("store: stopped writing after a storage error (",
                                            status.ToString(), "); check the disk and restart"));
    log::Error("storage error, no further write is accepted", {{"error", status.ToString()}});
  }

  absl::Status health() const {
    absl::MutexLock lock(&mu_);
    return health_;
  }

 private:
  mutable absl::Mutex mu_;
  absl::Status health_ ABSL_GUARDED_BY(mu_);
};

StoreSnapshot::StoreSnapshot(const Store& store)
    : db_(*store.db_), snapshot_(store.db_->GetSnapshot()) {}

StoreSnapshot::~StoreSnapshot() { db_.ReleaseSnapshot(snapshot_); }

Store::Store(std::shared_ptr<ErrorListener> listener) : listener_(std::move(listener)) {}

Store::~Store() {
  if (db_ == nullptr) return;
  const rocksdb::Status status = db_->Close();
  if (!status.ok()) log::Warning("store did not close cleanly", {{"error", status.ToString()}});
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& path) {
  auto listener = std::make_shared<ErrorListener>();
  rocksdb::Options options = StoreOptions();
  options.listeners.push_back(listener);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path, &db);
  if (!status.ok()) {
    const absl::Status out = FromRocks(status);
    return absl::Status(out.code(), absl::StrCat("cannot open ", path, ": ", out.message()));
  }
  std::unique_ptr<Store> store(new Store(std::move(listener)));
  store->db_.reset(db);
  return store;
}

absl::Status Store::Write(rocksdb::WriteBatch& batch) {
  if (absl::Status health = Health(); !health.ok()) return health;
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (status.ok()) return absl::OkStatus();
  listener_->Note(status);
  return Health();
}

absl::StatusOr<std::optional<std::string>> Store::Get(absl::string_view key,
                                                      const StoreSnapshot* snapshot) const {
  rocksdb::ReadOptions options;
  if (snapshot != nullptr) options.snapshot = snapshot->snapshot_;
  std::string value;
  const rocksdb::Status status = db_->Get(options, ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocks(status);
  return std::optional<std::string>(std::move(value));
}

absl::Status Store::Scan(absl::string_view prefix, absl::string_view from,
                         const StoreSnapshot* snapshot, const Visit& visit) const {
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  if (snapshot != nullptr) options.snapshot = snapshot->snapshot_;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  for (it->Seek(ToSlice(std::max(from, prefix))); it->Valid(); it->Next()) {
    const auto more = visit(ToView(it->key()), ToView(it->value()));
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
  return FromRocks(it->status());
}

absl::StatusOr<uint32_t> Store::Backup(rocksdb::BackupEngine& engine,
                                       const std::string& about) const {
  rocksdb::CreateBackupOptions options;
  // What is in memory goes to table files, which later backups share; a log would be copied anew.
  options.flush_before_backup = true;
  rocksdb::BackupID id = 0;
  absl::MutexLock lock(&files_mu_);
  SL_RETURN_IF_ERROR(FromRocks(engine.CreateNewBackupWithMetadata(options, db_.get(), about, &id)));
  return id;
}

uint64_t Store::LatestWrite() const { return db_->GetLatestSequenceNumber(); }

absl::Status Store::Purge(uint64_t since, absl::string_view merged, absl::Time deadline) {
  uint64_t oldest = 0;  // none
  while (db_->GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest) &&
         oldest != 0 && oldest < since) {
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          "store: a search or check of the time before is still under way");
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  absl::MutexLock lock(&files_mu_);
  SL_RETURN_IF_ERROR(FromRocks(db_->Flush(rocksdb::FlushOptions())));
  rocksdb::CompactRangeOptions compact;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  SL_RETURN_IF_ERROR(FromRocks(db_->CompactRange(compact, nullptr, nullptr)));
  const std::string merged_end = PrefixEnd(merged);
  const rocksdb::Slice first = ToSlice(merged), last = merged_end;
  SL_RETURN_IF_ERROR(FromRocks(db_->CompactRange(compact, &first, &last)));
  return RemoveUnusedFiles();
}

absl::Status Store::RemoveUnusedFiles() const {
  // Allowing it again looks through the folder.
  SL_RETURN_IF_ERROR(FromRocks(db_->DisableFileDeletions()));
  return FromRocks(db_->EnableFileDeletions(/*force=*/false));
}

absl::Status Store::VisitVersions(
    const std::function<void(absl::string_view key, absl::string_view value)>& visit) const {
  constexpr size_t kFew = 32;  // at once: a value may be a large picture
  std::string from;
  for (size_t most = kFew;;) {
    std::vector<rocksdb::KeyVersion> versions;
    SL_RETURN_IF_ERROR(
        FromRocks(rocksdb::GetAllKeyVersions(db_.get(), from, rocksdb::Slice(), most, &versions)));
    const bool last = versions.size() < most;
    // The last key may have more versions than came.
    const std::string& end = versions.empty() ? from : versions.back().user_key;
    if (!last && versions.front().user_key == end) {
      most *= 2;
      continue;
    }
    for (const rocksdb::KeyVersion& version : versions) {
      if (last || version.user_key != end) visit(version.user_key, version.value);
    }
    if (last) return absl::OkStatus();
    from = end;
    most = kFew;
  }
}

int64_t Store::TableBytes() const {
  uint64_t bytes = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return static_cast<int64_t>(bytes);
}

absl::StatusOr<std::set<std::string>> Store::TableFiles() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  db_->GetLiveFilesMetaData(&files);
  std::set<std::string> paths;
  for (const rocksdb::LiveFileMetaData& file : files) {
    paths.insert(std::filesystem::weakly_canonical(file.db_path + file.name));
  }
  return paths;
}

absl::Status Store::Health() const { return listener_->health(); }

int64_t Store::ApproximateBytes(absl::string_view prefix, int64_t records) const {
  constexpr int64_t kCounted = 4 << 20;
  int64_t seen = 0;
  int64_t counted = 0;
  const absl::Status scanned = Scan(
      prefix, nullptr, [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
        counted += static_cast<int64_t>(key.size() + value.size());
        ++seen;
        return counted < kCounted;
      });
  if (!scanned.ok() || counted < kCounted) return counted;
  if (records >= 0) {
    return static_cast<int64_t>(static_cast<double>(counted) / static_cast<double>(seen) *
                                static_cast<double>(std::max(records, seen)));
  }
  const std::string end = PrefixEnd(prefix);
  const rocksdb::Range range(ToSlice(prefix), end);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = false;
  options.include_files = true;
  uint64_t in_files = 0;
  if (!db_->GetApproximateSizes(options, db_->DefaultColumnFamily(), &range, 1, &in_files).ok()) {
    return counted;
  }
  // Of what is still in memory RocksDB can only count: the sizes it tells are means over all kinds.
  uint64_t in_memory = 0;
  uint64_t unused = 0;
  db_->GetApproximateMemTableStats(range, &in_memory, &unused);
  return std::max(
      counted, static_cast<int64_t>(in_files) + static_cast<int64_t>(in_memory) * (counted / seen));
}

}  // namespace sightline::index
