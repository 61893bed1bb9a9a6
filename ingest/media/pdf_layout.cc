#include "ingest/media/pdf_layout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "ingest/media/markdown_table.h"
#include "ingest/media/page_tables.h"
#include "ingest/media/text_lines.h"

namespace sightline::media {
namespace {

// By how much text of another font may be higher and of the same size; a heading is by more.
constexpr double kSameSize = 0.15;

struct Line {
  Extent extent;     // points
  PlacedLine words;  // of the parsed document
  double size = 0;   // the shorter side of its box: close to the font size in either direction
};

struct Block {
  Extent extent;
  std::vector<Line> lines;
};

Extent ExtentOf(const pugi::xml_node& node) {
  return {node.attribute("xMin").as_double(), node.attribute("yMin").as_double(),
          node.attribute("xMax").as_double(), node.attribute("yMax").as_double()};
}

Line ReadLine(const pugi::xml_node& node) {
  Line line;
  line.extent = ExtentOf(node);
  line.size = std::min(line.extent.x1 - line.extent.x0, line.extent.y1 - line.extent.y0);
  for (const pugi::xml_node& word : node.children("word")) {
    line.words.push_back({word.text().get(), ExtentOf(word)});
  }
  return line;
}

// `size`: of their line.
std::string JoinWords(std::span<const PlacedWord> words, double size) {
  std::string text;
  double last_end = 0;
  for (const PlacedWord& word : words) {
    // Chinese words come apart only where the page leaves a visible gap.
    const bool gap = word.extent.x0 - last_end > size * 0.3;
    if (!text.empty() && (gap || NeedsSpace(text, word.text))) text.push_back(' ');
    text.append(word.text.data(), word.text.size());
    last_end = word.extent.x1;
  }
  return text;
}

std::vector<Block> ReadBlocks(const pugi::xml_node& page) {
  std::vector<Block> blocks;
  for (const pugi::xml_node& flow : page.children("flow")) {
    for (const pugi::xml_node& node : flow.children("block")) {
      Block& block = blocks.emplace_back();
      block.extent = ExtentOf(node);
      for (const pugi::xml_node& line : node.children("line")) {
        block.lines.push_back(ReadLine(line));
      }
    }
  }
  return blocks;
}

// The size that most of the page's text has; 0 where more of the page is larger than that, as on
// labels and signs whose lines all differ.
double BodySize(const std::vector<Block>& blocks) {
  std::map<int, size_t> bytes_by_size;  // in half points
  size_t all = 0;
  for (const Block& block : blocks) {
    for (const Line& line : block.lines) {
      if (std::isfinite(line.size) && line.size > 0 && line.size < 10'000) {
        size_t& bytes = bytes_by_size[static_cast<int>(std::lround(line.size * 2))];
        for (const PlacedWord& word : line.words) {
          bytes += word.text.size();
          all += word.text.size();
        }
      }
    }
  }
  const auto most =
      std::max_element(bytes_by_size.begin(), bytes_by_size.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == bytes_by_size.end()) return 0;
  size_t larger = 0;
  for (const auto& [size, bytes] : bytes_by_size) {
    if (size > (1 + kSameSize) * most->first) larger += bytes;
  }
  return 2 * larger > all ? 0 : most->first / 2.0;
}

// 1..3 for a short block in clearly larger type, else 0.
int HeadingLevel(const Block& block, absl::string_view text, double body_size) {
  if (block.lines.size() > 3 || text.size() > 300 || body_size <= 0) return 0;
  double size = block.lines.front().size;
  for (const Line& line : block.lines) size = std::min(size, line.size);
  const double ratio = size / body_size;
  if (ratio >= 1.8) return 1;
  if (ratio >= 1.4) return 2;
  return ratio >= 1.2 ? 3 : 0;
}

bool IsListItem(absl::string_view text) {
  for (absl::string_view bullet : {"•", "◦", "▪", "‣", "●", "○", "■", "–", "·"}) {
    if (absl::ConsumePrefix(&text, bullet)) return absl::StartsWith(text, " ");
  }
  return false;
}

// Fractions of the page; what lies outside is cut off, what is left without area has no box.
std::optional<Box> BoxOf(const Extent& extent, double width, double height) {
  const auto fraction = [](double value, double whole) {
    return static_cast<float>(std::clamp(value / whole, 0.0, 1.0));
  };
  const Box box = {fraction(extent.x0, width), fraction(extent.y0, height),
                   fraction(extent.x1, width), fraction(extent.y1, height)};
  return IsBox(box) ? std::optional<Box>(box) : std::nullopt;
}

// Writes a page's blocks with its tables in the places of their first words.
class PageWriter {
 public:
  PageWriter(const std::vector<Block>& blocks, double width, double height, BlockSink& sink)
      : blocks_(blocks), width_(width), height_(height), body_size_(BodySize(blocks)), sink_(sink) {
    std::vector<PlacedLine> placed;
    for (const Block& block : blocks) {
      for (const Line& line : block.lines) {
        lines_.push_back(&line);
        table_of_.emplace_back(line.words.size(), nullptr);
        placed.push_back(line.words);
      }
    }
    tables_ = FindTables(placed);
    for (const PageTable& table : tables_) {
      for (const auto& row : table.rows) {
        for (const PageTable::Cell& cell : row) {
          for (const WordPlace& at : cell) table_of_[at.line][at.word] = &table;
        }
      }
    }
  }

  void Write() {
    size_t line = 0;
    for (const Block& block : blocks_) {
      Block rest;
      bool is_whole = true;
      for (size_t i = 0; i < block.lines.size(); ++i) is_whole &= WriteLine(line++, rest);
      WriteBlock(is_whole ? block : rest);
    }
  }

 private:
  // Leaves to `rest` what of the line stands in no table; true when that is all.
  bool WriteLine(size_t number, Block& rest) {
    const Line& line = *lines_[number];
    Line left{.extent = {}, .words = {}, .size = line.size};
    for (size_t w = 0; w < line.words.size(); ++w) {
      const PageTable* const table = table_of_[number][w];
      if (table == nullptr) {
        if (left.words.empty()) left.extent = line.words[w].extent;
        left.extent.Include(line.words[w].extent);
        left.words.push_back(line.words[w]);
      } else if (written_.insert(table).second) {
        WriteBlock(std::exchange(rest, Block()));
        WriteTable(*table);
      }
    }
    const bool is_whole = left.words.size() == line.words.size();
    if (is_whole) left.extent = line.extent;
    if (left.words.empty()) return is_whole;
    if (rest.lines.empty()) rest.extent = left.extent;
    rest.extent.Include(left.extent);
    rest.lines.push_back(std::move(left));
    return is_whole;
  }

  void WriteBlock(const Block& block) {
    TextBlock out;
    for (const Line& line : block.lines) {
      const std::string text = JoinWords(line.words, line.size);
      if (text.empty()) continue;
      AddLine(AppendLine(out.text, text), BoxOf(line.extent, width_, height_), out.lines);
    }
    if (out.text.empty()) return;
    out.heading_level = HeadingLevel(block, out.text, body_size_);
    out.kind = out.heading_level > 0  ? BlockKind::kHeading
               : IsListItem(out.text) ? BlockKind::kListItem
                                      : BlockKind::kParagraph;
    out.box = BoxOf(block.extent, width_, height_);
    sink_.Add(std::move(out));
  }

  void WriteTable(const PageTable& table) {
    MarkdownTable text;
    text.Start();
    std::vector<std::optional<Box>> boxes;  // of the lines of the text
    if (!table.has_head) {
      text.StartRow();
      for (size_t i = 0; i < table.rows.front().size(); ++i) text.AddCell("");
      boxes.insert(boxes.end(), 2, std::nullopt);
    }
    TextBlock out;
    out.kind = BlockKind::kTable;
    for (const auto& row : table.rows) {
      text.StartRow();
      std::optional<Box> box;
      for (const PageTable::Cell& cell : row) {
        PlacedLine words;
        for (const WordPlace& at : cell) {
          words.push_back(lines_[at.line]->words[at.word]);
          const std::optional<Box> more = BoxOf(words.back().extent, width_, height_);
          if (more.has_value()) box = box.has_value() ? Around(*box, *more) : *more;
        }
        text.AddCell(cell.empty() ? "" : JoinWords(words, lines_[cell.front().line]->size));
      }
      if (box.has_value()) out.box = out.box.has_value() ? Around(*out.box, *box) : *box;
      boxes.push_back(box);
      if (boxes.size() == 1) boxes.emplace_back();  // the rule under the head
    }
    out.text = text.Finish();
    size_t begin = 0;
    for (const std::optional<Box>& box : boxes) {
      AddLine(begin, box, out.lines);
      begin = out.text.find('\n', begin) + 1;
    }
    sink_.Add(std::move(out));
  }

  const std::vector<Block>& blocks_;
  const double width_, height_;
  const double body_size_;
  BlockSink& sink_;
  std::vector<const Line*> lines_;
  std::vector<PageTable> tables_;
  std::vector<std::vector<const PageTable*>> table_of_;  // of each word; null: none
  std::set<const PageTable*> written_;
};

}  // namespace

absl::Status ReadPdfLayout(absl::string_view xhtml, double width, double height, BlockSink& sink) {
  pugi::xml_document document;
  // A stray control character in a word must not cost the page, so what was read up to it counts.
  document.load_buffer(xhtml.data(), xhtml.size(),
                       pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  const pugi::xml_node page = document.child("html").child("body").child("doc").child("page");
  if (!page || !(width > 0) || !(height > 0)) {
    return absl::InvalidArgumentError("expected the layout of one page");
  }
  const std::vector<Block> blocks = ReadBlocks(page);
  PageWriter(blocks, width, height, sink).Write();
  return absl::OkStatus();
}

}  // namespace sightline::media
