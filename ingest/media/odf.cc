#include "ingest/media/odf.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ingest/media/flow.h"
#include "ingest/media/sheet.h"

namespace sightline::media {
namespace {

using Event = XmlReader::Event;

constexpr char kContent[] = "content.xml";
constexpr int kMaxRepeats = 1'000;  // of one cell that is not empty
constexpr int kMaxRow = 1'048'576;
constexpr int kMaxColumns = 16'384;

// An attribute that counts, at least 1.
int Count(const XmlReader& xml, absl::string_view name, int most) {
  int count = 1;
  if (!absl::SimpleAtoi(xml.Attribute(name), &count)) count = 1;
  return std::clamp(count, 1, most);
}

// Styles that the file makes up stand for one with a name.
class StyleNames {
 public:
  void Add(const XmlReader& xml) {
    parents_[xml.Attribute("name")] = xml.Attribute("parent-style-name");
  }

  BlockKind KindOf(const std::string& name) const {
    const std::string parent = ParentOf(name);
    for (const char* caption : {"Caption", "Illustration", "Figure", "Drawing"}) {
      if (name == caption || parent == caption) return BlockKind::kCaption;
    }
    return BlockKind::kParagraph;
  }

  bool IsTitle(const std::string& name) const {
    return name == "Title" || ParentOf(name) == "Title";
  }

 private:
  std::string ParentOf(const std::string& name) const {
    const auto parent = parents_.find(name);
    return parent == parents_.end() ? "" : parent->second;
  }

  std::map<std::string, std::string> parents_;
};

// Reads what stands within one element: a text's body, a slide, or the cells of a sheet.
class ContentReader {
 public:
  ContentReader(const StyleNames& styles, PageList::Page page)
      : styles_(styles), flow_(page.sink, page.figures) {}

  // Up to the end of the element just started.
  void ReadBody(XmlReader& xml) {
    int depth = 1;
    while (depth > 0) {
      const Event event = xml.Next();
      if (event == Event::kDone) return;
      if (event == Event::kStart) {
        if (Start(xml)) ++depth;
      } else if (event == Event::kEnd) {
        --depth;
        if (depth > 0) End(xml.name());
      } else {
        flow_.Text(xml.text());
      }
    }
  }

 private:
  struct Paragraph {
    BlockKind kind = BlockKind::kParagraph;
    int level = 0;
  };
  struct Frame {
    std::string picture = {};
    std::string title = {};
    bool is_heading = false;
  };

  // False when the element was passed over whole.
  bool Start(XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "tracked-changes" || name == "annotation" || name == "forms" ||
        name == "binary-data" || name == "sequence-decls" || name == "settings" ||
        name == "ruby-text") {
      xml.Skip();
      return false;
    }
    if (name == "title" || name == "desc") {
      TakeDescription(xml);
      return false;
    }
    if (name == "p" || name == "h") {
      StartParagraph(xml);
    } else if (name == "s") {
      flow_.Text(std::string(static_cast<size_t>(Count(xml, "c", 100)), ' '));
    } else if (name == "tab") {
      flow_.Text("\t");
    } else if (name == "line-break") {
      flow_.Text("\n");
    } else if (name == "list-item") {
      ++list_items_;
    } else if (name == "table") {
      flow_.StartTable();
    } else if (name == "table-row") {
      flow_.StartRow();
    } else if (name == "table-cell" || name == "covered-table-cell") {
      flow_.StartCell();
      repeats_.push_back(Count(xml, "number-columns-repeated", kMaxRepeats));
    } else if (name == "frame") {
      frames_.push_back({.is_heading = xml.Attribute("class") == "title"});
    } else if (name == "image" && !frames_.empty() && frames_.back().picture.empty()) {
      frames_.back().picture = ResolvePart("", xml.Attribute("href"));
    }
    return true;
  }

  void StartParagraph(XmlReader& xml) {
    flow_.StartParagraph();
    const std::string style = xml.Attribute("style-name");
    Paragraph paragraph = {styles_.KindOf(style), 0};
    if (xml.name() == "h") {
      paragraph = {BlockKind::kHeading, Count(xml, "outline-level", 6)};
    } else if (styles_.IsTitle(style) || (!frames_.empty() && frames_.back().is_heading)) {
      paragraph = {BlockKind::kHeading, 1};
    } else if (list_items_ > 0) {
      paragraph = {BlockKind::kListItem, 0};
    }
    paragraphs_.push_back(paragraph);
  }

  // Words for the frame's picture, not of the text.
  void TakeDescription(XmlReader& xml) {
    std::string text;
    int depth = 1;
    while (depth > 0) {
      const Event event = xml.Next();
      if (event == Event::kDone) return;
      if (event == Event::kText) absl::StrAppend(&text, xml.text());
      depth += event == Event::kStart ? 1 : event == Event::kEnd ? -1 : 0;
    }
    if (frames_.empty() || text.empty()) return;
    std::string& title = frames_.back().title;
    absl::StrAppend(&title, title.empty() ? "" : "\n", text);
  }

  void End(absl::string_view name) {
    if ((name == "p" || name == "h") && !paragraphs_.empty()) {
      flow_.EndParagraph(paragraphs_.back().kind, paragraphs_.back().level);
      paragraphs_.pop_back();
    } else if (name == "list-item") {
      --list_items_;
    } else if (name == "table") {
      flow_.EndTable();
    } else if ((name == "table-cell" || name == "covered-table-cell") && !repeats_.empty()) {
      flow_.EndCell(repeats_.back());
      repeats_.pop_back();
    } else if (name == "frame" && !frames_.empty()) {
      Frame frame = std::move(frames_.back());
      frames_.pop_back();
      if (!frame.picture.empty()) flow_.AddFigure(std::move(frame.picture), std::move(frame.title));
    }
  }

  const StyleNames& styles_;
  Flow flow_;
  std::vector<Paragraph> paragraphs_;  // open, the innermost last
  std::vector<Frame> frames_;          // likewise
  std::vector<int> repeats_;           // of the open cells
  int list_items_ = 0;
};

// The cells of one sheet. Rows and cells that repeat to fill the sheet are empty, and only counted.
class CellReader {
 public:
  explicit CellReader(Sheet& sheet) : sheet_(sheet) {}

  // Up to the end of the element just started, the table.
  void Read(XmlReader& xml) {
    int depth = 1;
    while (depth > 0 && !sheet_.overflowed()) {
      const Event event = xml.Next();
      if (event == Event::kDone) return;
      if (event == Event::kStart) {
        ++depth;
        Start(xml);
      } else if (event == Event::kEnd) {
        --depth;
        End(xml.name());
      } else if (in_paragraph_ > 0) {
        absl::StrAppend(&text_, xml.text());
      }
    }
  }

 private:
  void Start(const XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "table-row") {
      row_repeats_ = Count(xml, "number-rows-repeated", kMaxRow);
      column_ = 0;
    } else if (name == "table-cell" || name == "covered-table-cell") {
      cell_repeats_ = Count(xml, "number-columns-repeated", kMaxColumns);
      text_.clear();
      formula_ = xml.Attribute("formula");
    } else if (name == "p") {
      if (!text_.empty()) text_.push_back('\n');
      ++in_paragraph_;
    } else if (name == "s") {
      text_.push_back(' ');
    }
  }

  void End(absl::string_view name) {
    if (name == "table-row") {
      EndRow();
    } else if (name == "table-cell" || name == "covered-table-cell") {
      if (text_.empty()) text_ = formula_;
      const int filled = text_.empty() ? 0 : std::min(cell_repeats_, kMaxRepeats);
      for (int i = 0; i < filled; ++i) cells_[column_ + i] = text_;
      column_ = std::min(column_ + cell_repeats_, kMaxColumns);
    } else if (name == "p") {
      --in_paragraph_;
    }
  }

  void EndRow() {
    if (!cells_.empty()) {
      for (int i = 0; i < std::min(row_repeats_, kMaxRepeats); ++i) {
        sheet_.AddRow(row_ + i, cells_);
      }
    }
    row_ = std::min(row_ + row_repeats_, kMaxRow);
    cells_.clear();
  }

  Sheet& sheet_;
  int row_ = 1;
  int row_repeats_ = 1;
  int column_ = 0;
  int cell_repeats_ = 1;
  int in_paragraph_ = 0;
  std::map<int, std::string> cells_;
  std::string text_;
  std::string formula_;
};

enum class OdfKind { kText, kSlides, kSheets };

class OdfReader {
 public:
  OdfReader(OdfKind kind, PageList& pages) : kind_(kind), pages_(pages) {}

  void Read(XmlReader& xml) {
    bool more = true;
    bool in_body = false;
    while (more) {
      const Event event = xml.Next();
      if (event == Event::kDone) return;
      if (event != Event::kStart) continue;
      const absl::string_view name = xml.name();
      in_body = in_body || name == "body";
      if (name == "style") styles_.Add(xml);
      if (!in_body) continue;
      if (kind_ == OdfKind::kText && name == "text") {
        more = Add(xml, [&](PageList::Page page) { ContentReader(styles_, page).ReadBody(xml); });
      } else if (kind_ == OdfKind::kSlides && name == "page") {
        more = Add(xml, [&](PageList::Page page) { ContentReader(styles_, page).ReadBody(xml); });
      } else if (kind_ == OdfKind::kSheets && name == "table") {
        more = Add(xml, [&](PageList::Page page) { ReadSheet(xml, page); });
      }
    }
  }

 private:
  bool Add(XmlReader& xml, const std::function<void(PageList::Page)>& read) {
    return pages_.Add([&](PageList::Page page) {
      read(page);
      return xml.reason();
    });
  }

  static void ReadSheet(XmlReader& xml, PageList::Page page) {
    page.sink.Add(BlockKind::kHeading, xml.Attribute("name"), 1);
    Sheet sheet(page.sink);
    CellReader(sheet).Read(xml);
    sheet.Finish();
    if (sheet.overflowed()) page.partial = Reason::kTooManyCells;
  }

  const OdfKind kind_;
  PageList& pages_;
  StyleNames styles_;
};

bool IsEncrypted(OfficePackage& package) {
  bool found = false;
  package.ReadPart("META-INF/manifest.xml", [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone && !found; event = xml.Next()) {
      found = event == Event::kStart && xml.name() == "encryption-data";
    }
  });
  return found;
}

}  // namespace

Reply ReadOdf(OfficePackage& package, absl::string_view media_type, const MediaLimits& limits) {
  if (IsEncrypted(package)) return Failure(Reason::kEncrypted);
  const OdfKind kind = absl::StrContains(media_type, "spreadsheet")    ? OdfKind::kSheets
                       : absl::StrContains(media_type, "presentation") ? OdfKind::kSlides
                                                                       : OdfKind::kText;
  PageList pages(limits);
  OdfReader reader(kind, pages);
  const Reason reason = package.ReadPart(kContent, [&](XmlReader& xml) { reader.Read(xml); });
  Reply reply = pages.Finish(std::string(media_type), kind != OdfKind::kText);
  // Where nothing was reached, why.
  if (reply.reason == Reason::kBadDocument && reason != Reason::kNone) return Failure(reason);
  return reply;
}

}  // namespace sightline::media
