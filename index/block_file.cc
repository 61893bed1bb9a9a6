#include "index/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/status.h"

namespace sightline::index {
namespace {

constexpr size_t kBlockBytes = 1 << 20;

absl::Status FromErrno(int error, absl::string_view what, const std::string& path) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

uint64_t SumOf(absl::string_view block) { return Hasher().AddBytes(block).Digest64(); }

}  // namespace

absl::StatusOr<std::unique_ptr<BlockFileWriter>> BlockFileWriter::Create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return FromErrno(errno, "cannot create", path);
  return std::unique_ptr<BlockFileWriter>(new BlockFileWriter(path, fd));
}

BlockFileWriter::~BlockFileWriter() { ::close(fd_); }

absl::Status BlockFileWriter::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const size_t room = kBlockBytes - block_.size();
    absl::StrAppend(&block_, bytes.substr(0, room));
    bytes.remove_prefix(std::min(room, bytes.size()));
    if (block_.size() == kBlockBytes) SL_RETURN_IF_ERROR(FlushBlock());
  }
  return absl::OkStatus();
}

absl::Status BlockFileWriter::FlushBlock() {
  sums_.sums.push_back(SumOf(block_));
  sums_.length += block_.size();
  absl::string_view left = block_;
  while (!left.empty()) {
    const ssize_t n = ::write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, "cannot write", path_);
    left.remove_prefix(static_cast<size_t>(n));
  }
  block_.clear();
  return absl::OkStatus();
}

absl::StatusOr<BlockSums> BlockFileWriter::Finish() {
  if (!block_.empty()) SL_RETURN_IF_ERROR(FlushBlock());
  if (::fsync(fd_) != 0) return FromErrno(errno, "cannot sync", path_);
  return sums_;
}

BlockFileReader::BlockFileReader(std::string path, int fd, BlockSums sums)
    : path_(std::move(path)), fd_(fd), sums_(std::move(sums)), left_(sums_.length) {}

BlockFileReader::~BlockFileReader() { ::close(fd_); }

absl::StatusOr<std::unique_ptr<BlockFileReader>> BlockFileReader::Open(const std::string& path,
                                                                       BlockSums sums) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FromErrno(errno, "cannot open", path);
  std::unique_ptr<BlockFileReader> reader(new BlockFileReader(path, fd, std::move(sums)));
  struct stat st;
  if (::fstat(fd, &st) != 0) return FromErrno(errno, "cannot stat", path);
  const BlockSums& wanted = reader->sums_;
  if (!S_ISREG(st.st_mode) || static_cast<uint64_t>(st.st_size) != wanted.length) {
    return absl::DataLossError(
        absl::StrCat(path, ": has ", st.st_size, " bytes, expected ", wanted.length));
  }
  if (wanted.sums.size() != (wanted.length + kBlockBytes - 1) / kBlockBytes) {
    return absl::DataLossError(absl::StrCat(path, ": checksums do not fit the length"));
  }
  return reader;
}

absl::Status BlockFileReader::NextBlock() {
  if (next_block_ == sums_.sums.size()) {
    return absl::DataLossError(absl::StrCat(path_, ": ends too early"));
  }
  const uint64_t start = next_block_ * kBlockBytes;
  block_.resize(std::min<uint64_t>(kBlockBytes, sums_.length - start));
  for (size_t done = 0; done < block_.size();) {
    const ssize_t n = ::read(fd_, block_.data() + done, block_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno(errno, "cannot read", path_);
    if (n == 0) return absl::DataLossError(absl::StrCat(path_, ": ends too early"));
    done += static_cast<size_t>(n);
  }
  if (SumOf(block_) != sums_.sums[next_block_]) {
    return absl::DataLossError(absl::StrCat(path_, ": checksum of block ", next_block_, " fails"));
  }
  ++next_block_;
  place_ = 0;
  return absl::OkStatus();
}

absl::Status BlockFileReader::Read(char* out, size_t size) {
  while (size > 0) {
    if (place_ == block_.size()) SL_RETURN_IF_ERROR(NextBlock());
    const size_t n = std::min(size, block_.size() - place_);
    std::memcpy(out, block_.data() + place_, n);
    place_ += n;
    left_ -= n;
    out += n;
    size -= n;
  }
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FromErrno(errno, "cannot open", path);
  const int rc = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  return rc == 0 ? absl::OkStatus() : FromErrno(error, "cannot sync", path);
}

}  // namespace sightline::index
