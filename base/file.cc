#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace sightline {
namespace {

absl::Status FromErrno(int error, absl::string_view what, const std::string& path) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == ENOMEM) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::UnavailableError(message);
}

absl::StatusOr<int> OpenRegular(const std::string& path, uint64_t& size) {
  // O_NONBLOCK so that a fifo put in a file's place cannot hold us.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FromErrno(errno, "cannot open", path);
  struct stat st;
  if (::fstat(fd, &st) != 0) {
    const int error = errno;
    ::close(fd);
    return FromErrno(error, "cannot stat", path);
  }
  if (!S_ISREG(st.st_mode)) {
    ::close(fd);
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  size = static_cast<uint64_t>(st.st_size);
  return fd;
}

absl::Status SyncPath(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return FromErrno(errno, "cannot open", path);
  const int rc = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return rc == 0 ? absl::OkStatus() : FromErrno(error, "cannot sync", path);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  uint64_t size = 0;
  auto fd = OpenRegular(path, size);
  if (!fd.ok()) return fd.status();
  const auto close = absl::MakeCleanup([&] { ::close(*fd); });
  const auto too_large = [&] {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": larger than the limit of ", max_bytes, " bytes"));
  };
  if (size > max_bytes) return too_large();
  std::string out;
  out.reserve(size);
  char chunk[1 << 16];
  while (true) {
    const ssize_t n = ::read(*fd, chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, "cannot read", path);
    if (n == 0) return out;
    if (out.size() + static_cast<size_t>(n) > max_bytes) return too_large();
    out.append(chunk, static_cast<size_t>(n));
  }
}

absl::Status WriteFileAtomic(const std::string& path, absl::string_view content) {
  const std::string temp = absl::StrCat(path, ".", RandomId(), ".tmp");
  const int fd = ::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return FromErrno(errno, "cannot create", temp);
  auto discard = absl::MakeCleanup([&] { ::unlink(temp.c_str()); });
  absl::Status status;
  while (!content.empty() && status.ok()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      status = FromErrno(errno, "cannot write", temp);
    } else {
      content.remove_prefix(static_cast<size_t>(n));
    }
  }
  if (status.ok() && ::fsync(fd) != 0) status = FromErrno(errno, "cannot sync", temp);
  if (::close(fd) != 0 && status.ok()) status = FromErrno(errno, "cannot close", temp);
  if (!status.ok()) return status;
  if (::rename(temp.c_str(), path.c_str()) != 0) return FromErrno(errno, "cannot rename to", path);
  std::move(discard).Cancel();
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return SyncPath(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

absl::StatusOr<std::unique_ptr<MappedFile>> MappedFile::Open(const std::string& path) {
  uint64_t size = 0;
  auto fd = OpenRegular(path, size);
  if (!fd.ok()) return fd.status();
  const auto close = absl::MakeCleanup([&] { ::close(*fd); });
  if (size == 0) return std::unique_ptr<MappedFile>(new MappedFile(nullptr, 0));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, *fd, 0);
  if (data == MAP_FAILED) return FromErrno(errno, "cannot map", path);
  return std::unique_ptr<MappedFile>(new MappedFile(static_cast<const char*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<char*>(data_), size_);
}

void ReleasePages(absl::string_view mapped) {
  if (mapped.empty()) return;
  // Whole pages, the shared ones at both ends too: they are read-only, so nothing is lost.
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(mapped.data()) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(mapped.data()) + mapped.size();
  // A refusal costs memory, nothing else.
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

absl::StatusOr<std::unique_ptr<TempDir>> TempDir::Create(absl::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base != nullptr && *base != '\0' ? base : "/tmp", "/", prefix, "-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) return FromErrno(errno, "cannot create folder", path);
  return std::unique_ptr<TempDir>(new TempDir(path));
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<std::string> ProgramDirectory() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return absl::UnavailableError(absl::StrCat("/proc/self/exe: ", error.message()));
  return program.parent_path().string();
}

}  // namespace sightline
