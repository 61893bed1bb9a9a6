#include "services/pull/model_pull.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/hash.h"
#include "base/status.h"
#include "services/pull/file_download.h"
#include "services/pull/hub_client.h"
#include "services/pull/pull_manifest.h"

namespace sightline::services {
namespace {

namespace fs = std::filesystem;

absl::Status CannotMake(const std::string& path, const std::error_code& error) {
  return absl::FailedPreconditionError(absl::StrCat("cannot make ", path, ": ", error.message()));
}

// Faults of this machine or a stop: another server would not help.
bool IsLocal(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

class Pull {
 public:
  Pull(const PullOptions& options, const std::atomic<bool>& stop, PullReport& report)
      : options_(options), stop_(stop), report_(report) {}
  ~Pull() {
    if (folder_fd_ >= 0) ::close(folder_fd_);
  }

  absl::Status Run() {
    SL_RETURN_IF_ERROR(TakeSources());
    SL_RETURN_IF_ERROR(LockFolder());
    old_ = ReadPullManifest(options_.folder);
    SL_ASSIGN_OR_RETURN(const bool complete, CompleteWithoutAsking());
    if (complete) return absl::OkStatus();
    SL_ASSIGN_OR_RETURN(const HubListing listing, AskSources());
    SL_ASSIGN_OR_RETURN(files_, ChooseFiles(listing.files, options_.include, options_.exclude));
    StartManifest(listing.commit);
    int64_t bytes = 0;
    for (const HubFile& file : files_) bytes += file.size.value_or(0);
    report_.Start(options_.repository.name, listing.commit, static_cast<int64_t>(files_.size()),
                  bytes);
    SL_RETURN_IF_ERROR(ForEachFile([this](HttpClient& http, size_t i) { return Look(http, i); }));
    SL_RETURN_IF_ERROR(CheckSpace());
    SL_RETURN_IF_ERROR(RemoveStale(listing));
    SL_RETURN_IF_ERROR(ForEachFile([this](HttpClient& http, size_t i) { return Bring(http, i); }));
    return Finish();
  }

 private:
  absl::Status TakeSources() {
    sources_.push_back({options_.endpoint, options_.token});
    for (const std::string& mirror : options_.mirrors) sources_.push_back({mirror, ""});
    for (HubSource& source : sources_) {
      while (absl::EndsWith(source.endpoint, "/")) source.endpoint.pop_back();
      SL_RETURN_IF_ERROR(OriginOf(source.endpoint).status());
      if (source.endpoint.find_first_of("?#") != std::string::npos) {
        return absl::InvalidArgumentError("an endpoint has no query and no fragment");
      }
    }
    return absl::OkStatus();
  }

  absl::Status LockFolder() {
    std::error_code error;
    fs::create_directories(partial_folder(), error);
    if (error) return CannotMake(partial_folder(), error);
    folder_fd_ = ::open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd_ >= 0 && ::flock(folder_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
    if (errno == EWOULDBLOCK) {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.folder, ": another pull is working in this folder"));
    }
    return absl::FailedPreconditionError(absl::StrCat(options_.folder, ": ", std::strerror(errno)));
  }

  // A commit cannot change, so a whole pull of one is checked against its own record alone.
  absl::StatusOr<bool> CompleteWithoutAsking() {
    if (!old_.has_value() || !old_->complete || old_->repository != options_.repository.name ||
        old_->commit != options_.repository.revision || old_->include != options_.include ||
        old_->exclude != options_.exclude) {
      return false;
    }
    int64_t bytes = 0;
    for (const PullManifest::File& file : old_->files) {
      files_.push_back({file.path, file.size, file.checksum});
      bytes += file.size;
    }
    StartManifest(old_->commit);
    // Counts only once it is known that no other list takes its place.
    for (size_t i = 0; i < files_.size(); ++i) {
      SL_ASSIGN_OR_RETURN(const bool in_place, InPlace(files_[i]));
      if (!in_place) return false;
    }
    report_.Start(options_.repository.name, old_->commit, static_cast<int64_t>(files_.size()),
                  bytes);
    for (const HubFile& file : files_) Keep(file);
    SL_RETURN_IF_ERROR(Finish());
    return true;
  }

  absl::StatusOr<HubListing> AskSources() {
    HttpClient http(Stopped());
    HubListing listing;
    SL_RETURN_IF_ERROR(TrySources([&](const HubSource& source) -> absl::Status {
      SL_ASSIGN_OR_RETURN(listing, FetchListing(http, source, options_.repository,
                                                Policy(options_.repository.name)));
      return absl::OkStatus();
    }));
    return listing;
  }

  // Of the first source that can; else what the first one said, and the others after it.
  absl::Status TrySources(const std::function<absl::Status(const HubSource&)>& attempt) {
    absl::Status first;
    for (const HubSource& source : sources_) {
      const absl::Status status = attempt(source);
      if (status.ok() || IsLocal(status)) return status;
      first = first.ok()
                  ? status
                  : absl::Status(first.code(), absl::StrCat(first.message(), "; ", source.endpoint,
                                                            ": ", status.message()));
    }
    return first;
  }

  void StartManifest(const std::string& commit) {
    absl::MutexLock lock(&mu_);
    manifest_ = {options_.repository.name, commit, options_.include, options_.exclude, {}, false};
    kept_.assign(files_.size(), false);
  }

  // Whether the file is there with the right content.
  absl::StatusOr<bool> InPlace(const HubFile& file) const {
    const std::string path = options_.folder + "/" + file.path;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return false;
    if (file.size.has_value() && fs::file_size(path, error) != static_cast<uintmax_t>(*file.size)) {
      return false;
    }
    SL_ASSIGN_OR_RETURN(const Checksum found, DigestFile(path, file.checksum->kind));
    return found == *file.checksum;
  }

  // First round: what is there already, and what the listing left out.
  absl::Status Look(HttpClient& http, size_t i) {
    HubFile& file = files_[i];
    if (!file.checksum.has_value()) {
      SL_RETURN_IF_ERROR(TrySources([&](const HubSource& source) -> absl::Status {
        SL_ASSIGN_OR_RETURN(file, FetchDetails(http, source, options_.repository, commit(),
                                               file.path, Policy(file.path)));
        return absl::OkStatus();
      }));
    }
    SL_ASSIGN_OR_RETURN(const bool in_place, InPlace(file));
    if (in_place) {
      Keep(file);
      absl::MutexLock lock(&mu_);
      kept_[i] = true;
      return absl::OkStatus();
    }
    std::error_code error;
    const fs::file_status status = fs::symlink_status(options_.folder + "/" + file.path, error);
    const bool ours = old_.has_value() && old_->Find(file.path) != nullptr;
    if (fs::exists(status) && !ours) {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.folder, "/", file.path,
                       " is in the way: it has other content and was not pulled. Move it away, or "
                       "choose another folder by --to"));
    }
    return absl::OkStatus();
  }

  void Keep(const HubFile& file) {
    std::error_code error;
    const auto size = static_cast<int64_t>(fs::file_size(options_.folder + "/" + file.path, error));
    {
      absl::MutexLock lock(&mu_);
      manifest_.files.push_back({file.path, size, *file.checksum});
    }
    report_.Add(size);
    report_.File(file.path, size, /*kept=*/true);
  }

  // Fails before hours of transfer rather than after.
  absl::Status CheckSpace() {
    int64_t needed = 0;
    for (size_t i = 0; i < files_.size(); ++i) {
      std::error_code error;
      const auto there = fs::file_size(PartialPath(files_[i]), error);
      absl::MutexLock lock(&mu_);
      if (!kept_[i]) needed += files_[i].size.value_or(0);
      if (!kept_[i] && !error) needed -= static_cast<int64_t>(there);
    }
    std::error_code error;
    const fs::space_info space = fs::space(options_.folder, error);
    if (error || needed <= 0 || space.available >= static_cast<uintmax_t>(needed)) {
      return absl::OkStatus();
    }
    return absl::ResourceExhaustedError(absl::StrCat(options_.folder, ": ", needed,
                                                     " bytes are still to come, but only ",
                                                     space.available, " are free on the device"));
  }

  // A newer commit may lack files of the older: an old index beside new weights would mislead.
  absl::Status RemoveStale(const HubListing& listing) {
    if (!old_.has_value() || old_->commit == listing.commit) return absl::OkStatus();
    absl::flat_hash_set<absl::string_view> paths;
    for (const HubFile& file : listing.files) paths.insert(file.path);
    for (const PullManifest::File& file : old_->files) {
      if (paths.contains(file.path)) continue;
      std::error_code error;
      fs::remove(options_.folder + "/" + file.path, error);
      if (error) return CannotMake(file.path, error);
    }
    return absl::OkStatus();
  }

  // Second round: what is not there.
  absl::Status Bring(HttpClient& http, size_t i) {
    {
      absl::MutexLock lock(&mu_);
      if (kept_[i]) return absl::OkStatus();
    }
    const HubFile& file = files_[i];
    const std::string partial = PartialPath(file);
    int64_t came = 0;
    const absl::Status status = TrySources([&](const HubSource& source) {
      return DownloadFile(
          http,
          {.url = FileUrl(source.endpoint, options_.repository, commit(), file.path),
           .token = source.token,
           .file = file,
           .partial = partial},
          Policy(file.path), report_, came);
    });
    {
      absl::MutexLock lock(&mu_);
      downloaded_bytes_ += came;
    }
    SL_RETURN_IF_ERROR(status);
    const fs::path target = fs::path(options_.folder) / file.path;
    std::error_code error;
    const auto size = static_cast<int64_t>(fs::file_size(partial, error));
    fs::create_directories(target.parent_path(), error);
    if (error) return CannotMake(target.parent_path().string(), error);
    fs::rename(partial, target, error);
    if (error) return CannotMake(target.string(), error);
    fs::remove(partial + ".etag", error);
    {
      absl::MutexLock lock(&mu_);
      ++downloaded_files_;
      manifest_.files.push_back({file.path, size, *file.checksum});
      SL_RETURN_IF_ERROR(WritePullManifest(options_.folder, manifest_));
    }
    report_.File(file.path, size, /*kept=*/false);
    return absl::OkStatus();
  }

  absl::Status Finish() {
    absl::MutexLock lock(&mu_);
    manifest_.complete = true;
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    SL_RETURN_IF_ERROR(WritePullManifest(options_.folder, manifest_));
    std::error_code error;
    fs::remove_all(partial_folder(), error);  // also what earlier commits left there
    report_.Done(options_.folder, downloaded_files_, downloaded_bytes_);
    return absl::OkStatus();
  }

  // Runs `work` for every file on options_.jobs threads; the first error ends the others.
  absl::Status ForEachFile(const std::function<absl::Status(HttpClient&, size_t)>& work) {
    std::atomic<size_t> next = 0;
    absl::Status first;
    const auto loop = [&] {
      HttpClient http(Stopped());
      for (size_t i = next++; i < files_.size() && !Stopped()(); i = next++) {
        const absl::Status status = CatchStatus("pull", [&] { return work(http, i); });
        if (status.ok()) continue;
        absl::MutexLock lock(&mu_);
        if (first.ok()) first = status;
        failed_ = true;
      }
    };
    std::vector<std::thread> threads;
    const auto jobs = std::min<size_t>(options_.jobs, files_.size());
    for (size_t t = 1; t < jobs; ++t) threads.emplace_back(loop);
    loop();
    for (std::thread& thread : threads) thread.join();
    if (first.ok() && stop_.load()) return absl::CancelledError("stopped");
    return first;
  }

  std::function<bool()> Stopped() const {
    return [this] { return stop_.load() || failed_.load(); };
  }

  RetryPolicy Policy(const std::string& path) const {
    return {.retries = options_.retries,
            .first_wait = options_.first_wait,
            .stopped = Stopped(),
            .on_retry = [this, path](const absl::Status& why, absl::Duration wait) {
              report_.Retry(path, why, wait);
            }};
  }

  std::string commit() {
    absl::MutexLock lock(&mu_);
    return manifest_.commit;
  }
  std::string partial_folder() const { return options_.folder + "/.partial"; }

  // Content of the same checksum at the same path is the same file, whatever the commit.
  std::string PartialPath(const HubFile& file) const {
    return absl::StrCat(partial_folder(), "/",
                        ContentHash(absl::StrCat(file.checksum->hex, "/", file.path)));
  }

  const PullOptions& options_;
  const std::atomic<bool>& stop_;
  PullReport& report_;
  std::vector<HubSource> sources_;
  int folder_fd_ = -1;  // holds the lock
  std::optional<PullManifest> old_;
  std::vector<HubFile> files_;  // each is written by one worker only
  std::atomic<bool> failed_ = false;

  absl::Mutex mu_;
  PullManifest manifest_ ABSL_GUARDED_BY(mu_);
  std::vector<bool> kept_ ABSL_GUARDED_BY(mu_);  // by index of files_
  int64_t downloaded_files_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t downloaded_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace

absl::Status PullModel(const PullOptions& options, const std::atomic<bool>& stop,
                       PullReport& report) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return absl::InternalError("libcurl does not start");
  return CatchStatus("pull", [&] { return Pull(options, stop, report).Run(); });
}

}  // namespace sightline::services
