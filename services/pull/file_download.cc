#include "services/pull/file_download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "services/pull/hub_client.h"

namespace sightline::services {
namespace {

constexpr uint64_t kMaxEtagBytes = 1024;

absl::Status WriteFailure(const std::string& path) {
  const int reason = errno;
  if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot write ", path, ": ", std::strerror(reason),
                     ". What came is kept: make room and run the same command again"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("cannot write ", path, ": ", std::strerror(reason)));
}

// The part of a file that is on disk, open for more.
class PartialFile {
 public:
  explicit PartialFile(std::string path) : path_(std::move(path)) {}
  ~PartialFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  absl::Status Open() {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    struct stat status = {};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) return WriteFailure(path_);
    size_ = status.st_size;
    const auto etag = ReadFile(path_ + ".etag", kMaxEtagBytes);
    if (etag.ok()) etag_ = *etag;
    return absl::OkStatus();
  }

  int64_t size() const { return size_; }
  const std::string& etag() const { return etag_; }

  absl::Status Append(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return WriteFailure(path_);
      size_ += count;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return absl::OkStatus();
  }

  // Empties it; what comes next belongs to a reply with this ETag. A weak one, which says only that
  // contents are alike, is not kept.
  absl::Status Restart(absl::string_view etag) {
    if (::ftruncate(fd_, 0) != 0) return WriteFailure(path_);
    size_ = 0;
    etag_.clear();
    std::error_code error;
    std::filesystem::remove(path_ + ".etag", error);
    if (etag.empty() || absl::StartsWith(etag, "W/") || etag.size() > kMaxEtagBytes) {
      return absl::OkStatus();
    }
    SL_RETURN_IF_ERROR(WriteFileAtomic(path_ + ".etag", etag));
    etag_ = std::string(etag);
    return absl::OkStatus();
  }

  absl::Status Sync() { return ::fsync(fd_) == 0 ? absl::OkStatus() : WriteFailure(path_); }

 private:
  const std::string path_;
  std::string etag_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// "bytes 100-199/200": first byte and total, -1 where it does not say.
struct ContentRange {
  int64_t first = -1;
  int64_t total = -1;
};
ContentRange ReadContentRange(absl::string_view text) {
  ContentRange out;
  if (!absl::ConsumePrefix(&text, "bytes ")) return out;
  const std::vector<absl::string_view> halves = absl::StrSplit(text, absl::MaxSplits('/', 1));
  if (!absl::SimpleAtoi(halves[0].substr(0, halves[0].find('-')), &out.first)) out.first = -1;
  if (halves.size() < 2 || !absl::SimpleAtoi(halves[1], &out.total)) out.total = -1;
  return out;
}

class Download {
 public:
  Download(HttpClient& http, const DownloadRequest& request, PullReport& report,
           int64_t& downloaded)
      : http_(http),
        request_(request),
        report_(report),
        downloaded_(downloaded),
        partial_(request.partial) {}

  absl::Status Run(const RetryPolicy& policy) {
    SL_RETURN_IF_ERROR(partial_.Open());
    report_.Add(partial_.size());
    for (const bool last : {false, true}) {
      absl::Status status = RetryUnavailable(policy, [&] { return MakeAttempt(); });
      if (status.ok()) status = Verify();
      if (!absl::IsDataLoss(status)) return status;
      SL_RETURN_IF_ERROR(Restart(""));
      if (last) return status;
      report_.Retry(request_.file.path, status, absl::ZeroDuration());
    }
    return absl::InternalError("not reached");
  }

 private:
  absl::Status Wrong(absl::string_view expected, absl::string_view found) const {
    return absl::DataLossError(
        absl::StrCat(request_.file.path, ": expected ", expected, ", found ", found));
  }

  absl::Status WrongSize(int64_t found) const {
    return Wrong(absl::StrCat(*request_.file.size, " bytes"), absl::StrCat(found, " bytes"));
  }

  absl::Status Restart(absl::string_view etag) {
    report_.Add(-partial_.size());
    return partial_.Restart(etag);
  }

  // The reply continues what is there, or starts anew.
  absl::Status Begin(const HttpReply& reply) {
    int64_t total = -1;
    if (reply.status == 206) {
      const ContentRange range = ReadContentRange(reply.Header("content-range"));
      const absl::string_view etag = reply.Header("etag");
      const bool changed = !partial_.etag().empty() && !etag.empty() && etag != partial_.etag();
      if (range.first != partial_.size() || changed) {
        // Some servers answer a Range whatever If-Range says.
        SL_RETURN_IF_ERROR(Restart(""));
        return absl::UnavailableError(absl::StrCat(
            request_.file.path, ": the server's content is not what the first part came from"));
      }
      total = range.total;
    } else {
      if (!absl::SimpleAtoi(reply.Header("content-length"), &total)) total = -1;
      SL_RETURN_IF_ERROR(Restart(reply.Header("etag")));
    }
    if (request_.file.size.has_value() && total >= 0 && total != *request_.file.size) {
      return WrongSize(total);
    }
    return absl::OkStatus();
  }

  absl::Status Append(absl::string_view bytes) {
    const int64_t before = partial_.size();
    const absl::Status written = partial_.Append(bytes);
    downloaded_ += partial_.size() - before;
    report_.Add(partial_.size() - before);
    SL_RETURN_IF_ERROR(written);
    if (request_.file.size.has_value() && partial_.size() > *request_.file.size) {
      return Wrong(absl::StrCat(*request_.file.size, " bytes"), "more");
    }
    return absl::OkStatus();
  }

  Attempt MakeAttempt() {
    const std::optional<int64_t>& size = request_.file.size;
    if (size.has_value() && partial_.size() == *size) return {absl::OkStatus()};
    if (size.has_value() && partial_.size() > *size) {
      if (const absl::Status status = Restart(""); !status.ok()) return {status};
    }
    const int64_t before = partial_.size();
    const auto reply = http_.Get(
        {.url = request_.url, .token = request_.token, .from = before, .if_range = partial_.etag()},
        {.begin = [this](const HttpReply& head) { return Begin(head); },
         .body = [this](absl::string_view bytes) { return Append(bytes); }});
    const bool progressed = partial_.size() > before;
    if (!reply.ok()) return {reply.status(), progressed};
    if (reply->status == 416) {
      // What is there is longer than what the server has.
      if (const absl::Status status = Restart(""); !status.ok()) return {status};
      return {absl::UnavailableError(
          absl::StrCat(request_.file.path, ": the server cannot go on at byte ", before))};
    }
    if (reply->status != 200 && reply->status != 206) {
      return {StatusOfReply(*reply, request_.file.path, !request_.token.empty()), false,
              reply->retry_after};
    }
    if (size.has_value() && partial_.size() < *size) {
      return {absl::UnavailableError(absl::StrCat(request_.file.path, ": the transfer ended after ",
                                                  partial_.size(), " of ", *size, " bytes")),
              progressed};
    }
    return {absl::OkStatus()};
  }

  absl::Status Verify() {
    SL_RETURN_IF_ERROR(partial_.Sync());
    const Checksum& expected = *request_.file.checksum;
    SL_ASSIGN_OR_RETURN(const Checksum found, DigestFile(request_.partial, expected.kind));
    if (found == expected) return absl::OkStatus();
    return Wrong(Describe(expected), Describe(found));
  }

  HttpClient& http_;
  const DownloadRequest& request_;
  PullReport& report_;
  int64_t& downloaded_;
  PartialFile partial_;
};

}  // namespace

absl::Status DownloadFile(HttpClient& http, const DownloadRequest& request,
                          const RetryPolicy& policy, PullReport& report, int64_t& downloaded) {
  return Download(http, request, report, downloaded).Run(policy);
}

}  // namespace sightline::services
