#include "services/query/picture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::query {
namespace {

// A file descriptor that is closed with its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status NotAllowed() {
  return edge::WithReason(absl::FailedPreconditionError(
                              "files are read only below the folder that query.picture_root names"),
                          "url_not_allowed");
}

absl::Status NotFound() {
  return edge::WithReason(absl::NotFoundError("there is no such picture file"),
                          "picture_not_found");
}

absl::StatusOr<std::string> PathOf(absl::string_view url) {
  const auto bad = [] {
    return edge::WithReason(absl::InvalidArgumentError("expected file:///PATH"), "bad_file_url");
  };
  if (!absl::StartsWithIgnoreCase(url, "file:///")) return bad();
  url.remove_prefix(7);
  std::string path;
  for (size_t i = 0; i < url.size(); ++i) {
    char c = url[i];
    if (c == '%') {
      if (i + 2 >= url.size() || !absl::ascii_isxdigit(url[i + 1]) ||
          !absl::ascii_isxdigit(url[i + 2])) {
        return bad();
      }
      c = absl::HexStringToBytes(url.substr(i + 1, 2))[0];
      i += 2;
    } else if (c == '?' || c == '#') {
      return bad();
    }
    if (c == '\0') return bad();
    path += c;
  }
  return path;
}

absl::StatusOr<std::string> ReadAll(int fd, uint64_t max_bytes) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return NotFound();
  const auto too_large = [&] {
    return edge::WithReason(absl::InvalidArgumentError(
                                absl::StrCat("the picture is larger than ", max_bytes, " bytes")),
                            "too_large");
  };
  if (static_cast<uint64_t>(info.st_size) > max_bytes) return too_large();
  std::string bytes;
  char piece[64 << 10];
  while (true) {
    const ssize_t count = read(fd, piece, sizeof(piece));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return NotFound();
    if (count == 0) return bytes;
    bytes.append(piece, static_cast<size_t>(count));
    if (bytes.size() > max_bytes) return too_large();  // it grew
  }
}

}  // namespace

absl::StatusOr<std::string> ReadPictureFile(const std::string& root, absl::string_view url,
                                            uint64_t max_bytes) {
  if (root.empty()) return NotAllowed();
  SL_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  const std::string folder = absl::StrCat(absl::StripSuffix(root, "/"), "/");
  if (!absl::StartsWith(path, folder)) return NotAllowed();
  const std::vector<std::string> names =
      absl::StrSplit(path.substr(folder.size()), '/', absl::SkipEmpty());
  if (names.empty() || std::find(names.begin(), names.end(), "..") != names.end()) {
    return NotAllowed();
  }
  Descriptor at(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return NotFound();
  for (size_t i = 0; i < names.size(); ++i) {
    const bool last = i + 1 == names.size();
    const int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
    Descriptor next(openat(at.get(), names[i].c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) {
      // A link: ELOOP as a file, ENOTDIR as a folder.
      return errno == ELOOP || (!last && errno == ENOTDIR) ? NotAllowed() : NotFound();
    }
    at = std::move(next);
  }
  return ReadAll(at.get(), max_bytes);
}

}  // namespace sightline::query
