#include "cli/upload_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "cli/s3/object_reader.h"

namespace sightline::cli {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;

class FileSource final : public UploadSource {
 public:
  absl::Status Open(const IngestItem& item) {
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (item.follow_link ? 0 : O_NOFOLLOW);
    fd_ = ::open(item.path.c_str(), flags);
    if (fd_ < 0) return Failure(errno);
    if (::fstat(fd_, &before_) != 0) return Failure(errno);
    if (!S_ISREG(before_.st_mode)) return absl::InvalidArgumentError("not a regular file");
    return absl::OkStatus();
  }
  ~FileSource() override {
    if (fd_ >= 0) ::close(fd_);
  }

  int64_t bytes() const override { return before_.st_size; }
  std::string etag() const override { return ""; }
  bool at_end() const override { return read_ >= before_.st_size; }

  absl::Status Read(std::string& out) override {
    out.resize(std::min<int64_t>(kChunkBytes, before_.st_size - read_));
    size_t filled = 0;
    while (filled < out.size()) {
      const ssize_t got = ::read(fd_, out.data() + filled, out.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Failure(errno);
      if (got == 0) break;
      filled += static_cast<size_t>(got);
    }
    read_ += static_cast<int64_t>(filled);
    struct stat now;
    const bool same = filled == out.size() && ::fstat(fd_, &now) == 0 &&
                      now.st_size == before_.st_size &&
                      now.st_mtim.tv_sec == before_.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == before_.st_mtim.tv_nsec;
    return same ? absl::OkStatus() : absl::AbortedError("the file changed while it was read");
  }

 private:
  static absl::Status Failure(int error) {
    return absl::UnavailableError(error == ELOOP ? "symbolic links in folders are not followed"
                                                 : std::strerror(error));
  }

  int fd_ = -1;
  struct stat before_ = {};
  int64_t read_ = 0;
};

class ObjectSource final : public UploadSource {
 public:
  explicit ObjectSource(std::shared_ptr<s3::ObjectReader> reader) : reader_(std::move(reader)) {}

  int64_t bytes() const override { return reader_->bytes(); }
  std::string etag() const override { return reader_->etag(); }
  bool at_end() const override { return reader_->at_end(); }
  absl::Status Read(std::string& out) override { return reader_->Read(kChunkBytes, out); }

 private:
  const std::shared_ptr<s3::ObjectReader> reader_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<UploadSource>> OpenFileSource(const IngestItem& item) {
  auto source = std::make_unique<FileSource>();
  SL_RETURN_IF_ERROR(source->Open(item));
  return std::unique_ptr<UploadSource>(std::move(source));
}

absl::StatusOr<std::unique_ptr<UploadSource>> OpenObjectSource(
    std::shared_ptr<s3::ObjectReader> reader) {
  SL_RETURN_IF_ERROR(reader->Open());
  return std::unique_ptr<UploadSource>(std::make_unique<ObjectSource>(std::move(reader)));
}

}  // namespace sightline::cli
