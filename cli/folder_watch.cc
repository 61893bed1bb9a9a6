#include "cli/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/interrupt.h"

namespace sightline::cli {
namespace {

constexpr int kMostReads = 64;
constexpr uint32_t kEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
                             IN_DONT_FOLLOW | IN_EXCL_UNLINK;

}  // namespace

class FolderWatch::Impl {
 public:
  Impl(int inotify, int signal)
      : inotify_(inotify), signal_(signal), on_interrupt_([signal] {
          const uint64_t one = 1;
          [[maybe_unused]] const auto written = ::write(signal, &one, sizeof(one));
        }) {}

  ~Impl() {
    ::close(inotify_);
    ::close(signal_);
  }

  absl::Status Add(const std::string& folder) {
    const int watch = ::inotify_add_watch(inotify_, folder.c_str(), kEvents);
    if (watch >= 0) {
      // It was watched under another name before, if it was moved.
      if (const auto old = paths_.find(watch); old != paths_.end()) watches_.erase(old->second);
      paths_[watch] = folder;
      watches_[folder] = watch;
      return absl::OkStatus();
    }
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
      case ELOOP: return absl::OkStatus();
      case ENOSPC:
        return absl::ResourceExhaustedError(
            absl::StrCat(folder, ": the system watches no more than ", watches_.size(),
                         " folders for this user; raise fs.inotify.max_user_watches"));
      default: return absl::UnavailableError(absl::StrCat(folder, ": ", std::strerror(errno)));
    }
  }

  absl::StatusOr<FolderChanges> Wait(absl::Time until) {
    std::array<pollfd, 2> fds = {{{.fd = inotify_, .events = POLLIN, .revents = 0},
                                  {.fd = signal_, .events = POLLIN, .revents = 0}}};
    const absl::Duration left = std::max(until - absl::Now(), absl::ZeroDuration());
    const int ms = static_cast<int>(std::min<int64_t>(
        absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 3'600'000));
    FolderChanges changes;
    const int ready = ::poll(fds.data(), fds.size(), ms);
    if (ready < 0 && errno != EINTR) {
      return absl::UnavailableError(absl::StrCat("poll: ", std::strerror(errno)));
    }
    if (ready > 0 && fds[0].revents != 0) SL_RETURN_IF_ERROR(ReadEvents(changes));
    return changes;
  }

  size_t folders() const { return watches_.size(); }

 private:
  absl::Status ReadEvents(FolderChanges& changes) {
    alignas(inotify_event) std::array<char, 64 << 10> buffer;
    // Not without end: there may be no end to what happens.
    for (int reads = 0; reads < kMostReads; ++reads) {
      const ssize_t size = ::read(inotify_, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0 && errno == EAGAIN) return absl::OkStatus();
      if (size <= 0) return absl::UnavailableError(absl::StrCat("inotify: ", std::strerror(errno)));
      for (ssize_t at = 0; at < size;) {
        const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
        SL_RETURN_IF_ERROR(OnEvent(event, changes));
        at += static_cast<ssize_t>(sizeof(inotify_event) + event.len);
      }
    }
    return absl::OkStatus();
  }

  absl::Status OnEvent(const inotify_event& event, FolderChanges& changes) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      changes.lost = true;
      return absl::OkStatus();
    }
    const auto found = paths_.find(event.wd);
    if (found == paths_.end()) return absl::OkStatus();  // no longer watched
    if ((event.mask & IN_UNMOUNT) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(found->second, ": the file system was unmounted"));
    }
    if ((event.mask & IN_IGNORED) != 0) {
      watches_.erase(found->second);
      paths_.erase(found);
      return absl::OkStatus();
    }
    if (event.len == 0) return absl::OkStatus();
    const std::string path = absl::StrCat(found->second, "/", event.name);
    if ((event.mask & IN_ISDIR) == 0) {
      changes.files.push_back(path);
    } else if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
      changes.new_folders.push_back(path);
    } else if ((event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
      Forget(path);
      changes.gone_folders.push_back(path);
    }
    return absl::OkStatus();
  }

  // A folder that was moved away would tell of itself under its old name.
  void Forget(const std::string& folder) {
    const std::string below = folder + "/";
    auto it = watches_.lower_bound(folder);
    while (it != watches_.end() && absl::StartsWith(it->first, folder)) {
      if (it->first != folder && !absl::StartsWith(it->first, below)) {
        ++it;
        continue;
      }
      ::inotify_rm_watch(inotify_, it->second);
      paths_.erase(it->second);
      it = watches_.erase(it);
    }
  }

  const int inotify_;
  const int signal_;  // readable once a signal came
  std::map<int, std::string> paths_;
  std::map<std::string, int> watches_;
  const OnInterrupt on_interrupt_;  // last: it is gone before what it touches
};

absl::StatusOr<std::unique_ptr<FolderWatch>> FolderWatch::Create() {
  const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) {
    return absl::UnavailableError(absl::StrCat("inotify: ", std::strerror(errno)));
  }
  const int signal = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (signal < 0) {
    const int error = errno;
    ::close(inotify);
    return absl::UnavailableError(absl::StrCat("eventfd: ", std::strerror(error)));
  }
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::make_unique<Impl>(inotify, signal)));
}

FolderWatch::FolderWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FolderWatch::~FolderWatch() = default;

absl::Status FolderWatch::Add(const std::string& folder) { return impl_->Add(folder); }
absl::StatusOr<FolderChanges> FolderWatch::Wait(absl::Time until) { return impl_->Wait(until); }
size_t FolderWatch::folders() const { return impl_->folders(); }

}  // namespace sightline::cli
