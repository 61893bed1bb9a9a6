#include "cli/watch_loop.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/interrupt.h"

namespace sightline::cli {

WatchLoop::WatchLoop(const IngestSources& sources, std::vector<std::string> roots,
                     FolderWatch& watch, absl::Duration quiet)
    : sources_(sources),
      roots_(std::move(roots)),
      watch_(watch),
      quiet_(quiet),
      now_(absl::Now()) {}

WatchLoop::Kind WatchLoop::Look(const std::string& path, FileState& state) {
  struct stat st;
  if (::lstat(path.c_str(), &st) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Kind::kMissing : Kind::kOther;
  }
  if (!S_ISREG(st.st_mode)) return Kind::kOther;
  state = {.bytes = st.st_size,
           .modified_ns = int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec,
           .inode = st.st_ino};
  return Kind::kFile;
}

void WatchLoop::Saw(const std::string& path) {
  FileState state;
  if (Look(path, state) == Kind::kFile) seen_[path] = state;
}

// Without its root every file would seem gone, though perhaps a disk is only not there just now.
absl::Status WatchLoop::CheckRoots() const {
  for (const std::string& root : roots_) {
    struct stat st;
    if (::stat(root.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(root, ": the folder is gone"));
    }
  }
  return absl::OkStatus();
}

const std::string* WatchLoop::RootOf(const std::string& path) const {
  for (const std::string& root : roots_) {
    if (path == root || absl::StartsWith(path, root + "/")) return &root;
  }
  return nullptr;
}

IngestVisitor WatchLoop::ScanVisitor(bool is_new) {
  IngestVisitor visitor;
  visitor.folder = [this](const std::string& folder) { return watch_.Add(folder); };
  visitor.item = [this](const IngestItem& item) {
    FileState state;
    const auto seen = seen_.find(item.path);
    const bool known =
        seen != seen_.end() && Look(item.path, state) == Kind::kFile && state == seen->second;
    if (!known) Touch(item.path);
    return absl::OkStatus();
  };
  // Of others it was said before.
  if (is_new) visitor.unusable = [this](const UnusableItem& item) { Touch(item.path); };
  return visitor;
}

absl::Status WatchLoop::Scan(const std::string& folder, bool is_new) {
  const std::string* const root = RootOf(folder);
  if (root == nullptr) return absl::OkStatus();
  return VisitBelow(*root, folder, sources_, ScanVisitor(is_new));
}

absl::Status WatchLoop::ScanAll() {
  for (const std::string& root : roots_) SL_RETURN_IF_ERROR(Scan(root, /*is_new=*/false));
  for (const auto& [path, state] : seen_) {
    FileState unused;
    if (Look(path, unused) == Kind::kMissing) Touch(path);
  }
  return absl::OkStatus();
}

void WatchLoop::TouchSeenBelow(const std::string& folder) {
  const std::string below = folder + "/";
  for (const auto& [path, state] : seen_) {
    if (absl::StartsWith(path, below)) Touch(path);
  }
}

absl::Status WatchLoop::Take(const FolderChanges& changes) {
  for (const std::string& path : changes.files) {
    const size_t slash = path.rfind('/');
    if (absl::string_view(path).substr(slash + 1) == kIgnoreFile) {
      SL_RETURN_IF_ERROR(Scan(path.substr(0, slash), /*is_new=*/false));
    } else {
      Touch(path);
    }
  }
  for (const std::string& folder : changes.gone_folders) TouchSeenBelow(folder);
  for (const std::string& folder : changes.new_folders) {
    SL_RETURN_IF_ERROR(Scan(folder, /*is_new=*/true));
  }
  return changes.lost ? ScanAll() : absl::OkStatus();
}

absl::Status WatchLoop::Tell(const WatchCallbacks& callbacks) {
  std::vector<IngestItem> items;
  std::vector<std::string> gone;
  IngestVisitor visitor;
  visitor.unusable = callbacks.unusable;
  visitor.item = [this, &items](IngestItem item) {
    Saw(item.path);
    items.push_back(std::move(item));
    return absl::OkStatus();
  };
  for (auto it = touched_.begin(); it != touched_.end();) {
    const auto& [path, when] = *it;
    if (now_ - when < quiet_) {
      ++it;
      continue;
    }
    FileState state;
    const Kind kind = Look(path, state);
    const auto seen = seen_.find(path);
    if (kind == Kind::kMissing && seen != seen_.end()) {
      gone.push_back(path);
      seen_.erase(seen);
    } else if (kind != Kind::kMissing &&
               (kind == Kind::kOther || seen == seen_.end() || seen->second != state)) {
      if (const std::string* const root = RootOf(path)) {
        SL_RETURN_IF_ERROR(VisitBelow(*root, path, sources_, visitor));
      }
    }
    it = touched_.erase(it);
  }
  // Once more, after all that was found missing.
  if (!gone.empty()) SL_RETURN_IF_ERROR(CheckRoots());
  for (const std::string& path : gone) SL_RETURN_IF_ERROR(callbacks.gone(path));
  return items.empty() ? absl::OkStatus() : callbacks.ingest(std::move(items));
}

absl::Status WatchLoop::Run(const WatchCallbacks& callbacks) {
  // Not at every event: there may be many, and each look goes through all that was touched.
  const absl::Duration period = quiet_ / 4;
  absl::Time next_look = absl::InfinitePast();
  while (!Interrupted()) {
    SL_ASSIGN_OR_RETURN(const FolderChanges changes,
                        watch_.Wait(touched_.empty() ? absl::Now() + absl::Hours(1) : next_look));
    if (Interrupted()) break;
    SL_RETURN_IF_ERROR(CheckRoots());
    now_ = absl::Now();
    if (touched_.empty()) next_look = now_ + period;
    SL_RETURN_IF_ERROR(Take(changes));
    if (now_ < next_look) continue;
    SL_RETURN_IF_ERROR(Tell(callbacks));
    next_look = absl::Now() + period;
  }
  return absl::OkStatus();
}

}  // namespace sightline::cli
