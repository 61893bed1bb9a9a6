#include "ingest/media/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace sightline::media {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

absl::Status NoMemory() {
  return absl::ResourceExhaustedError("no memory for passing a file to the decoder");
}

}  // namespace

absl::StatusOr<UniqueFd> CreateMemoryFile() {
  UniqueFd fd(::memfd_create("sightline-media", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return NoMemory();
  return fd;
}

absl::Status AppendToMemoryFile(int fd, const void* data, size_t size) {
  const char* rest = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd, rest, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return NoMemory();
    rest += n;
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status SealMemoryFile(int fd) {
  if (::fcntl(fd, F_ADD_SEALS, kSeals) != 0) return NoMemory();
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MakeMemoryFile(absl::string_view bytes) {
  auto fd = CreateMemoryFile();
  if (!fd.ok()) return fd;
  absl::Status status = AppendToMemoryFile(fd->get(), bytes.data(), bytes.size());
  if (status.ok()) status = SealMemoryFile(fd->get());
  if (!status.ok()) return status;
  return fd;
}

absl::StatusOr<size_t> SealedSize(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);  // fails on all but memory files
  struct stat st;
  if (seals < 0 || (seals & kSeals) != kSeals || ::fstat(fd, &st) != 0 || st.st_size < 0) {
    return absl::InvalidArgumentError("expected a sealed memory file");
  }
  return static_cast<size_t>(st.st_size);
}

absl::Status ReadMemoryFile(int fd, size_t size, void* out) {
  auto found = SealedSize(fd);
  if (!found.ok()) return found.status();
  if (*found != size) return absl::InvalidArgumentError("the memory file has the wrong size");
  char* rest = static_cast<char*>(out);
  for (off_t offset = 0; static_cast<size_t>(offset) < size;) {
    const ssize_t n = ::pread(fd, rest + offset, size - static_cast<size_t>(offset), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return absl::InvalidArgumentError("the memory file cannot be read");
    offset += n;
  }
  return absl::OkStatus();
}

absl::StatusOr<MemoryFileView> MemoryFileView::Open(int fd) {
  auto size = SealedSize(fd);
  if (!size.ok()) return size.status();
  if (*size == 0) return MemoryFileView(nullptr, 0);
  void* data = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return NoMemory();
  return MemoryFileView(static_cast<const char*>(data), *size);
}

MemoryFileView::~MemoryFileView() {
  if (size_ > 0) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace sightline::media
