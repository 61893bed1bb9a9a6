#include "index/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/folder_lock.h"
#include "index/rocks.h"
#include "index/store.h"
#include "rocksdb/env.h"
#include "rocksdb/utilities/backup_engine.h"

namespace sightline::index {
namespace {

namespace fs = std::filesystem;

constexpr char kStore[] = "/store";
constexpr char kIndex[] = "/index";
constexpr char kUnfinished[] = "/store.restoring";

std::string About(const BackupInfo& info) {
  return nlohmann::json({{"collections", info.collections}, {"documents", info.documents}}).dump();
}

BackupInfo FromRocks(const rocksdb::BackupInfo& stored) {
  BackupInfo info;
  info.id = stored.backup_id;
  info.made = absl::FromUnixSeconds(stored.timestamp);
  info.bytes = static_cast<int64_t>(stored.size);
  info.files = stored.number_files;
  const auto about = nlohmann::json::parse(stored.app_metadata, nullptr, false);
  if (about.is_object()) {
    info.collections = about.value("collections", int64_t{0});
    info.documents = about.value("documents", int64_t{0});
  }
  return info;
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot make ", folder, ": ", error.message()));
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (synced) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot sync ", folder, ": ", std::strerror(error)));
}

// The folder with its lock, to be read, or to be written.
template <typename Engine>
struct OpenFolder {
  std::unique_ptr<FolderLock> lock;
  std::shared_ptr<rocksdb::Logger> log;
  std::unique_ptr<Engine> engine;
};

template <typename Engine>
absl::StatusOr<OpenFolder<Engine>> Open(const std::string& folder) {
  OpenFolder<Engine> out;
  SL_ASSIGN_OR_RETURN(out.lock, FolderLock::Take(folder));
  out.log = NewStoreLogger();
  Engine* engine = nullptr;
  const rocksdb::BackupEngineOptions options(folder, /*backup_env=*/nullptr,
                                             /*share_table_files=*/true, out.log.get());
  const rocksdb::Status status = Engine::Open(options, rocksdb::Env::Default(), &engine);
  out.engine.reset(engine);
  if (!status.ok()) return Annotate(index::FromRocks(status), absl::StrCat("backups in ", folder));
  return out;
}

using Reader = OpenFolder<rocksdb::BackupEngineReadOnly>;

absl::StatusOr<Reader> OpenToRead(const std::string& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return absl::NotFoundError(absl::StrCat("no backups in ", folder, ": there is no such folder"));
  }
  return Open<rocksdb::BackupEngineReadOnly>(folder);
}

absl::StatusOr<BackupInfo> Find(const Reader& reader, const std::string& folder, uint32_t id) {
  rocksdb::BackupInfo found;
  const rocksdb::Status status = id == 0 ? reader.engine->GetLatestBackupInfo(&found)
                                         : reader.engine->GetBackupInfo(id, &found);
  if (status.ok()) return FromRocks(found);
  if (!status.IsNotFound()) return index::FromRocks(status);
  return absl::NotFoundError(id == 0 ? absl::StrCat("no backup in ", folder)
                                     : absl::StrCat("no backup ", id, " in ", folder));
}

absl::Status About(const rocksdb::Status& status, const BackupInfo& info) {
  return Annotate(index::FromRocks(status), absl::StrCat("backup ", info.id));
}

}  // namespace

absl::StatusOr<BackupInfo> CreateBackup(const Store& store, const std::string& folder, int keep,
                                        const BackupInfo& about) {
  SL_RETURN_IF_ERROR(MakeFolder(folder));
  SL_ASSIGN_OR_RETURN(const auto open, Open<rocksdb::BackupEngine>(folder));
  const auto id = store.Backup(*open.engine, About(about));
  if (!id.ok()) return Annotate(id.status(), absl::StrCat("backup to ", folder));
  if (keep > 0) {
    SL_RETURN_IF_ERROR(index::FromRocks(open.engine->PurgeOldBackups(static_cast<uint32_t>(keep))));
  }
  rocksdb::BackupInfo made;
  SL_RETURN_IF_ERROR(index::FromRocks(open.engine->GetBackupInfo(*id, &made)));
  return FromRocks(made);
}

absl::StatusOr<std::vector<BackupInfo>> ListBackups(const std::string& folder) {
  SL_ASSIGN_OR_RETURN(const Reader reader, OpenToRead(folder));
  std::vector<rocksdb::BackupInfo> stored;
  reader.engine->GetBackupInfo(&stored);
  std::vector<BackupInfo> backups;
  for (const rocksdb::BackupInfo& backup : stored) backups.push_back(FromRocks(backup));
  return backups;
}

absl::StatusOr<BackupInfo> VerifyBackup(const std::string& folder, uint32_t id) {
  SL_ASSIGN_OR_RETURN(const Reader reader, OpenToRead(folder));
  SL_ASSIGN_OR_RETURN(const BackupInfo info, Find(reader, folder, id));
  SL_RETURN_IF_ERROR(
      About(reader.engine->VerifyBackup(info.id, /*verify_with_checksum=*/true), info));
  return info;
}

absl::StatusOr<BackupInfo> RestoreBackup(const std::string& folder, uint32_t id,
                                         const std::string& corpus) {
  SL_ASSIGN_OR_RETURN(const Reader reader, OpenToRead(folder));
  SL_ASSIGN_OR_RETURN(const BackupInfo info, Find(reader, folder, id));
  SL_RETURN_IF_ERROR(MakeFolder(corpus));
  SL_ASSIGN_OR_RETURN(const auto lock, FolderLock::Take(corpus));
  std::error_code error;
  if (fs::exists(corpus + kStore, error) || error) {
    return absl::AlreadyExistsError(
        absl::StrCat(corpus, " holds a corpus: restore to another folder"));
  }
  const std::string unfinished = corpus + kUnfinished;
  fs::remove_all(unfinished, error);
  // An index that was left without its store may be of what came after the backup.
  fs::remove_all(corpus + kIndex, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot remove ", corpus, kIndex, ": ", error.message()));
  }
  SL_RETURN_IF_ERROR(
      About(reader.engine->RestoreDBFromBackup(info.id, unfinished, unfinished), info));
  SL_RETURN_IF_ERROR(SyncFolder(unfinished));
  fs::rename(unfinished, corpus + kStore, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot rename ", unfinished, ": ", error.message()));
  }
  SL_RETURN_IF_ERROR(SyncFolder(corpus));
  return info;
}

}  // namespace sightline::index
