#include "services/pull/pull_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace sightline::services {
namespace {

using nlohmann::json;

constexpr absl::Duration kBarPeriod = absl::Milliseconds(100);
constexpr absl::Duration kLinePeriod = absl::Seconds(5);
constexpr absl::Duration kJsonPeriod = absl::Seconds(1);
constexpr int kBarColumns = 24;

std::string Size(int64_t bytes) {
  const char* unit = "MiB";
  double value = static_cast<double>(bytes) / (1 << 20);
  if (bytes < 1 << 20) return absl::StrFormat("%.1f KiB", static_cast<double>(bytes) / 1024);
  if (value >= 1024) {
    value /= 1024;
    unit = "GiB";
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

void Print(const json& event) {
  std::puts(event.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

}  // namespace

void PullReport::Start(absl::string_view repository, absl::string_view commit, int64_t files,
                       int64_t bytes) {
  absl::MutexLock lock(&mu_);
  repository_ = std::string(repository);
  commit_ = std::string(commit);
  files_ = files;
  bytes_ = bytes;
  start_ = drawn_ = absl::Now();
  if (form_ == Form::kJson) {
    Print({{"event", "start"},
           {"repository", repository_},
           {"commit", commit_},
           {"files", files},
           {"bytes", bytes}});
  } else {
    Note(absl::StrCat(repository, " at ", commit.substr(0, 12), ": ", files, " files, ",
                      Size(bytes)));
  }
}

void PullReport::Draw(bool at_once) {
  const absl::Time now = absl::Now();
  const absl::Duration period = form_ == Form::kJson  ? kJsonPeriod
                                : form_ == Form::kBar ? kBarPeriod
                                                      : kLinePeriod;
  if (!at_once && now - drawn_ < period) return;
  drawn_ = now;
  if (form_ == Form::kJson) {
    Print({{"event", "progress"},
           {"files", done_files_},
           {"of_files", files_},
           {"bytes", done_bytes_},
           {"of_bytes", bytes_}});
    return;
  }
  std::string line = absl::StrFormat("%d/%d files, %s of %s", done_files_, files_,
                                     Size(done_bytes_), Size(bytes_));
  const double seconds = absl::ToDoubleSeconds(now - start_);
  if (seconds > 0.5) {
    absl::StrAppend(&line, ", ",
                    Size(static_cast<int64_t>(static_cast<double>(done_bytes_) / seconds)), "/s");
  }
  if (form_ == Form::kLines) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  const double share =
      bytes_ > 0 ? static_cast<double>(done_bytes_) / static_cast<double>(bytes_) : 0;
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarColumns);
  std::fprintf(stderr, "\r\x1b[K[%s%s] %s", std::string(full, '#').c_str(),
               std::string(kBarColumns - full, '.').c_str(), line.c_str());
  shown_ = true;
}

void PullReport::Note(const std::string& line) {
  std::fprintf(stderr, shown_ ? "\r\x1b[K%s\n" : "%s\n", line.c_str());
  shown_ = false;
}

void PullReport::Add(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  done_bytes_ += bytes;
  Draw(false);
}

void PullReport::File(absl::string_view path, int64_t bytes, bool kept) {
  absl::MutexLock lock(&mu_);
  ++done_files_;
  if (form_ == Form::kJson) {
    Print({{"event", "file"},
           {"path", std::string(path)},
           {"bytes", bytes},
           {"state", kept ? "kept" : "downloaded"}});
  } else {
    Draw(form_ == Form::kBar);
  }
}

void PullReport::Retry(absl::string_view path, const absl::Status& why, absl::Duration wait) {
  absl::MutexLock lock(&mu_);
  const std::string message(why.message());
  if (form_ == Form::kJson) {
    Print({{"event", "retry"},
           {"path", std::string(path)},
           {"message", message},
           {"wait_seconds", absl::ToDoubleSeconds(wait)}});
  } else {
    Note(absl::StrCat(path, ": ", message, "; trying again",
                      wait > absl::ZeroDuration()
                          ? absl::StrFormat(" in %.1f s", absl::ToDoubleSeconds(wait))
                          : ""));
  }
}

void PullReport::Done(absl::string_view folder, int64_t downloaded_files,
                      int64_t downloaded_bytes) {
  absl::MutexLock lock(&mu_);
  if (form_ == Form::kJson) {
    Print({{"event", "done"},
           {"folder", std::string(folder)},
           {"repository", repository_},
           {"commit", commit_},
           {"files", done_files_},
           {"bytes", done_bytes_},
           {"downloaded_files", downloaded_files},
           {"downloaded_bytes", downloaded_bytes}});
    return;
  }
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
  shown_ = false;
  std::printf("%s: %s at %s, %lld files, %s, checksums right; %s downloaded\n",
              std::string(folder).c_str(), repository_.c_str(), commit_.c_str(),
              static_cast<long long>(done_files_), Size(done_bytes_).c_str(),
              downloaded_files == 0 ? "nothing" : Size(downloaded_bytes).c_str());
}

void PullReport::Failed(const absl::Status& why) {
  absl::MutexLock lock(&mu_);
  if (form_ == Form::kJson) {
    Print({{"event", "failed"},
           {"code", absl::StatusCodeToString(why.code())},
           {"message", std::string(why.message())}});
  }
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
  shown_ = false;
}

}  // namespace sightline::services
