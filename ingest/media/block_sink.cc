#include "ingest/media/block_sink.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxBlocks = 100'000;
constexpr size_t kMaxLines = 200'000;

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

// Line by line, so that `lines` are those of what comes back.
std::string Clean(absl::string_view text, std::vector<TextLine>& lines) {
  if (lines.empty()) return Clean(text);
  std::string out = Clean(text.substr(0, lines.front().begin));
  std::vector<TextLine> cleaned;
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t end = i + 1 < lines.size() ? lines[i + 1].begin : text.size();
    AddLine(out.size(), lines[i].box, cleaned);
    out += Clean(text.substr(lines[i].begin, end - lines[i].begin));
  }
  lines = std::move(cleaned);
  return out;
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

void BlockSink::Add(BlockKind kind, absl::string_view text, int heading_level) {
  Add(TextBlock{.kind = kind,
                .heading_level = heading_level,
                .text = std::string(text),
                .box = std::nullopt});
}

void BlockSink::Add(TextBlock block) {
  const std::string clean = Clean(block.text, block.lines);
  const absl::string_view trimmed = Trim(block.kind, clean);
  if (trimmed.empty()) return;
  text_bytes_ += static_cast<int64_t>(trimmed.size());
  if (text_bytes_ > max_text_bytes_) {
    overflowed_ = true;
    return;
  }
  const size_t begin = static_cast<size_t>(trimmed.data() - clean.data());
  block.lines = LinesWithin(block.lines, begin, begin + trimmed.size());
  lines_ += block.lines.size();
  if (lines_ > kMaxLines) block.lines.clear();
  block.text = std::string(trimmed);
  if (blocks_.size() < kMaxBlocks) {
    blocks_.push_back(std::move(block));
    return;
  }
  TextBlock& last = blocks_.back();
  AppendLines(block.lines, last.text.size() + 1, last.lines);
  absl::StrAppend(&last.text, "\n", block.text);
  if (last.time.has_value() && block.time.has_value()) {
    last.time->end = std::max(last.time->end, block.time->end);
  }
}

}  // namespace sightline::media
