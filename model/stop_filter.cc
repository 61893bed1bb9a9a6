#include "model/stop_filter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace sightline::model {
namespace {

// Length of the longest end of `text` that could be the beginning of `stop`.
size_t OpenLength(absl::string_view text, absl::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n) {
    if (absl::EndsWith(text, stop.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

std::string StopFilter::Push(absl::string_view piece) {
  if (stopped_) return {};
  held_.append(piece.data(), piece.size());
  size_t first = std::string::npos;
  size_t open = 0;
  for (const std::string& stop : stops_) {
    first = std::min(first, held_.find(stop));
    open = std::max(open, OpenLength(held_, stop));
  }
  if (first != std::string::npos) {
    stopped_ = true;
    std::string out = held_.substr(0, first);
    held_.clear();
    return out;
  }
  std::string out = held_.substr(0, held_.size() - open);
  held_.erase(0, out.size());
  return out;
}

std::string StopFilter::Finish() { return std::exchange(held_, {}); }

}  // namespace sightline::model
