#include "ingest/spool.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace sightline::ingest {

namespace fs = std::filesystem;

absl::StatusOr<Spool> Spool::Open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the spool folder ", folder, ": ", error.message()));
  }
  return Spool(folder);
}

std::string Spool::Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

absl::Status Spool::Write(const std::string& name, absl::string_view bytes) const {
  return WriteFileAtomic(Path(name), bytes);
}

absl::StatusOr<std::unique_ptr<MappedFile>> Spool::Map(const std::string& name) const {
  return MappedFile::Open(Path(name));
}

void Spool::Remove(const std::string& name) const {
  std::error_code ignored;
  if (!name.empty()) fs::remove(Path(name), ignored);
}

bool Spool::Holds(const std::string& name) const {
  std::error_code ignored;
  return !name.empty() && fs::is_regular_file(Path(name), ignored);
}

int Spool::RemoveOthers(const absl::flat_hash_set<std::string>& keep) const {
  int removed = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored) || keep.contains(it->path().filename().string())) continue;
    if (fs::remove(it->path(), ignored)) ++removed;
  }
  return removed;
}

}  // namespace sightline::ingest
