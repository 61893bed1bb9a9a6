#include "ingest/media/flow.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxFigures = 2'000;
constexpr size_t kMaxCaptionBytes = 2'000;

}  // namespace

void Flow::Text(absl::string_view text) {
  if (!open_.empty()) absl::StrAppend(&open_.back(), text);
}

void Flow::EndParagraph(BlockKind kind, int heading_level) {
  if (open_.empty()) return;
  const std::string paragraph = std::move(open_.back());
  open_.pop_back();
  const absl::string_view text = absl::StripAsciiWhitespace(paragraph);
  if (text.empty()) return;
  if (tables_ > 0) {
    absl::StrAppend(&cell_, cell_.empty() ? "" : " ", text);
    return;
  }
  if (kind == BlockKind::kCaption) {
    for (size_t i = captioned_; i < figures_.size(); ++i) {
      std::string& caption = figures_[i].caption;
      if (caption.size() < kMaxCaptionBytes) {
        absl::StrAppend(&caption, caption.empty() ? "" : "\n", text);
      }
    }
  }
  captioned_ = figures_.size();
  sink_.Add(kind, text, heading_level);
}

void Flow::StartTable() {
  if (tables_++ == 0) table_.Start();
}

void Flow::StartRow() {
  if (tables_ == 1) table_.StartRow();
}

void Flow::StartCell() {
  if (tables_ == 1) cell_.clear();
}

void Flow::EndCell(int columns) {
  if (tables_ != 1) return;
  table_.AddCell(cell_);
  cell_.clear();
  for (int i = 1; i < std::min(columns, kMaxColumns); ++i) table_.AddCell("");
}

void Flow::EndTable() {
  if (tables_ == 0 || --tables_ > 0) return;
  captioned_ = figures_.size();
  sink_.Add(BlockKind::kTable, table_.Finish());
}

void Flow::AddFigure(std::string part, std::string caption) {
  if (figures_.size() >= kMaxFigures) return;
  caption = std::string(absl::StripAsciiWhitespace(caption));
  figures_.push_back({.part = std::move(part),
                      .caption = std::move(caption),
                      .block = static_cast<uint32_t>(sink_.blocks().size())});
}

}  // namespace sightline::media
