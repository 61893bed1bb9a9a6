#include "ingest/media/block_sink.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxBlocks = 100'000;

// Tabs and line ends stay; form feeds and carriage returns alone become line ends.
std::string Clean(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' || c == '\f' || c == '\v') {
      if (c != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out.push_back('\n');
    } else if (c == '\t' || c == '\n' || !absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      out.push_back(c);
    }
  }
  return IsValidUtf8(out) ? out : ToValidUtf8(out);
}

// Leading spaces of code mean something; the blank lines around it do not.
absl::string_view Trim(BlockKind kind, absl::string_view text) {
  if (kind != BlockKind::kCode) return absl::StripAsciiWhitespace(text);
  text = absl::StripTrailingAsciiWhitespace(text);
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == absl::string_view::npos) return {};
  const size_t line = text.rfind('\n', first);
  return line == absl::string_view::npos ? text : text.substr(line + 1);
}

}  // namespace

void BlockSink::Add(BlockKind kind, absl::string_view text, int heading_level,
                    std::optional<Box> box, std::optional<TimeSpan> time,
                    std::optional<float> confidence) {
  const std::string clean = Clean(text);
  const absl::string_view trimmed = Trim(kind, clean);
  if (trimmed.empty()) return;
  text_bytes_ += static_cast<int64_t>(trimmed.size());
  if (text_bytes_ > max_text_bytes_) {
    overflowed_ = true;
    return;
  }
  if (blocks_.size() >= kMaxBlocks) {
    TextBlock& last = blocks_.back();
    absl::StrAppend(&last.text, "\n", trimmed);
    if (last.time.has_value() && time.has_value()) {
      last.time->end = std::max(last.time->end, time->end);
    }
    return;
  }
  blocks_.push_back({kind, heading_level, std::string(trimmed), box, time, confidence});
}

}  // namespace sightline::media
