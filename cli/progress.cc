#include "cli/progress.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace sightline::cli {
namespace {

constexpr absl::Duration kBarPeriod = absl::Milliseconds(100);
constexpr absl::Duration kLinePeriod = absl::Seconds(5);
constexpr int kBarColumns = 24;

std::string Bar(double share) {
  const int full = static_cast<int>(share * kBarColumns);
  return absl::StrCat("[", std::string(full, '#'), std::string(kBarColumns - full, '.'), "]");
}

}  // namespace

Progress::Progress(const Terminal& terminal, bool silent, const ProgressTotals& totals)
    : bar_(terminal.err_is_terminal), silent_(silent), totals_(totals), start_(absl::Now()) {
  absl::MutexLock lock(&mu_);
  drawn_ = bar_ ? absl::InfinitePast() : start_;
}

std::string Progress::Line(absl::Time now) const {
  const double seconds = absl::ToDoubleSeconds(now - start_);
  // Bytes say more than documents, which may be a note or a thousand pages; URLs have none.
  const double share =
      totals_.bytes > 0   ? static_cast<double>(done_.bytes) / static_cast<double>(totals_.bytes)
      : totals_.items > 0 ? static_cast<double>(done_.items) / static_cast<double>(totals_.items)
                          : 1.0;
  std::string line = absl::StrFormat("%d/%d %s", done_.items, totals_.items, totals_.what);
  if (totals_.bytes > 0) {
    absl::StrAppend(&line, ", ", ByteCount(done_.bytes), " of ", ByteCount(totals_.bytes));
  }
  if (seconds > 0.5) {
    absl::StrAppendFormat(&line, ", %.1f %s/s", static_cast<double>(done_.items) / seconds,
                          totals_.what);
  }
  if (failed_ > 0) absl::StrAppend(&line, ", ", failed_, " failed");
  if (share > 0.01 && share < 1 && seconds > 2) {
    absl::StrAppend(&line, ", ", ShortDuration(absl::Seconds(seconds / share * (1 - share))),
                    " left");
  }
  return bar_ ? absl::StrCat(Bar(std::clamp(share, 0.0, 1.0)), " ", line) : line;
}

void Progress::Draw() {
  const absl::Time now = absl::Now();
  if (silent_ || now - drawn_ < (bar_ ? kBarPeriod : kLinePeriod)) return;
  drawn_ = now;
  shown_ = bar_;
  const std::string line = Line(now);
  std::fprintf(stderr, bar_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
}

void Progress::Add(int64_t bytes, bool failed) {
  absl::MutexLock lock(&mu_);
  ++done_.items;
  done_.bytes += bytes;
  if (failed) ++failed_;
  Draw();
}

void Progress::Note(const std::string& line) {
  absl::MutexLock lock(&mu_);
  std::fprintf(stderr, shown_ ? "\r\x1b[K%s\n" : "%s\n", line.c_str());
  drawn_ = bar_ ? absl::InfinitePast() : drawn_;
  shown_ = false;
}

void Progress::Clear() {
  absl::MutexLock lock(&mu_);
  if (shown_) std::fprintf(stderr, "\r\x1b[K");
  shown_ = false;
}

}  // namespace sightline::cli
