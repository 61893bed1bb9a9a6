#include "ingest/media/pdf_layout.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <pugixml.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "ingest/media/text_lines.h"

namespace sightline::media {
namespace {

struct Extent {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;  // points
};

struct Line {
  Extent extent;
  std::string text;
  double size = 0;  // the shorter side of its box: close to the font size in either direction
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
  double last_end = 0;
  for (const pugi::xml_node& word : node.children("word")) {
    const char* text = word.text().get();
    const Extent at = ExtentOf(word);
    // Chinese words come apart only where the page leaves a visible gap.
    const bool gap = at.x0 - last_end > line.size * 0.3;
    if (!line.text.empty() && (gap || NeedsSpace(line.text, text))) line.text.push_back(' ');
    line.text.append(text);
    last_end = at.x1;
  }
  return line;
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

// The size that most of the page's text has.
double BodySize(const std::vector<Block>& blocks) {
  std::map<int, size_t> bytes_by_size;  // in half points
  for (const Block& block : blocks) {
    for (const Line& line : block.lines) {
      if (std::isfinite(line.size) && line.size > 0 && line.size < 10'000) {
        bytes_by_size[static_cast<int>(std::lround(line.size * 2))] += line.text.size();
      }
    }
  }
  const auto most =
      std::max_element(bytes_by_size.begin(), bytes_by_size.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes_by_size.end() ? 0 : most->first / 2.0;
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
  if (!(box.x0 < box.x1) || !(box.y0 < box.y1)) return std::nullopt;
  return box;
}

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
  const double body_size = BodySize(blocks);
  for (const Block& block : blocks) {
    TextBlock out;
    for (const Line& line : block.lines) {
      if (line.text.empty()) continue;
      AddLine(AppendLine(out.text, line.text), BoxOf(line.extent, width, height), out.lines);
    }
    if (out.text.empty()) continue;
    out.heading_level = HeadingLevel(block, out.text, body_size);
    out.kind = out.heading_level > 0  ? BlockKind::kHeading
               : IsListItem(out.text) ? BlockKind::kListItem
                                      : BlockKind::kParagraph;
    out.box = BoxOf(block.extent, width, height);
    sink.Add(std::move(out));
  }
  return absl::OkStatus();
}

}  // namespace sightline::media
