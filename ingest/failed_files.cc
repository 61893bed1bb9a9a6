#include "ingest/failed_files.h"

namespace sightline::ingest {

bool FailedFiles::Add(const index::Job& job, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (bytes_ + bytes > max_bytes_) return false;
  if (files_.emplace(job.id, File{job, bytes}).second) bytes_ += bytes;
  return true;
}

std::optional<int64_t> FailedFiles::Take(const std::string& job_id) {
  absl::MutexLock lock(&mu_);
  const auto found = files_.find(job_id);
  if (found == files_.end()) return std::nullopt;
  const int64_t bytes = found->second.bytes;
  bytes_ -= bytes;
  files_.erase(found);
  return bytes;
}

std::vector<std::string> FailedFiles::TakeAll(const DocumentScope& scope) {
  absl::MutexLock lock(&mu_);
  std::vector<std::string> ids;
  for (auto it = files_.begin(); it != files_.end();) {
    if (scope.Holds(it->second.job)) {
      bytes_ -= it->second.bytes;
      ids.push_back(it->first);
      it = files_.erase(it);
    } else {
      ++it;
    }
  }
  return ids;
}

}  // namespace sightline::ingest
