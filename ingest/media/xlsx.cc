#include "ingest/media/xlsx.h"

#include <cmath>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "ingest/media/flow.h"
#include "ingest/media/sheet.h"

namespace sightline::media {
namespace {

using Event = XmlReader::Event;

constexpr int kMaxRow = 1'048'576;

struct SheetRef {
  std::string name;
  std::string part;
};

// What cells point to: texts that are stored once, and which number formats are dates.
struct Book {
  std::vector<std::string> texts;
  std::vector<bool> format_is_date;
  bool from_1904 = false;
};

// Letters that only formats of dates and times have, outside of quotes and brackets.
bool IsDateFormat(absl::string_view code) {
  bool quoted = false;
  bool bracket = false;
  for (const char c : code) {
    if (c == '"') quoted = !quoted;
    if (c == '[' || c == ']') bracket = c == '[';
    if (!quoted && !bracket && absl::StrContains("ymdhsYMDHS", c)) return true;
  }
  return false;
}

bool IsBuiltInDate(int format) {
  return (format >= 14 && format <= 22) || (format >= 27 && format <= 36) ||
         (format >= 45 && format <= 47) || (format >= 50 && format <= 58);
}

void ReadStyles(XmlReader& xml, Book& book) {
  std::set<int> dates;
  bool in_cell_formats = false;
  int format = 0;
  for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
    if (xml.name() == "cellXfs") in_cell_formats = event == Event::kStart;
    if (event != Event::kStart) continue;
    if (xml.name() == "numFmt" && absl::SimpleAtoi(xml.Attribute("numFmtId"), &format) &&
        IsDateFormat(xml.Attribute("formatCode"))) {
      dates.insert(format);
    } else if (xml.name() == "xf" && in_cell_formats) {
      const bool known = absl::SimpleAtoi(xml.Attribute("numFmtId"), &format);
      book.format_is_date.push_back(known && (IsBuiltInDate(format) || dates.contains(format)));
    }
  }
}

// Texts one after the other; of each the runs joined, without how they are read aloud.
Reason ReadTexts(XmlReader& xml, int64_t max_bytes, Book& book) {
  bool in_text = false;
  int64_t bytes = 0;
  for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
    if (event == Event::kStart) {
      if (xml.name() == "si") book.texts.emplace_back();
      in_text = xml.name() == "t" && !book.texts.empty();
      if (xml.name() == "rPh") xml.Skip();
    } else if (event == Event::kEnd) {
      in_text = false;
    } else if (in_text) {
      bytes += static_cast<int64_t>(xml.text().size());
      if (bytes > max_bytes) return Reason::kTooMuchText;
      absl::StrAppend(&book.texts.back(), xml.text());
    }
  }
  return Reason::kNone;
}

// Days since the end of 1899, with a day that never was, 29 February 1900.
std::string DateText(double days, bool from_1904) {
  if (!(days >= 0) || days > 3'000'000) return "";
  const absl::CivilDay epoch =
      from_1904 ? absl::CivilDay(1904, 1, 1) : absl::CivilDay(1899, 12, days < 60 ? 31 : 30);
  const double whole = std::floor(days);
  const auto seconds = static_cast<int64_t>(std::lround((days - whole) * 86'400));
  const absl::CivilSecond moment = absl::CivilSecond(epoch + static_cast<int64_t>(whole)) + seconds;
  const std::string time = absl::FormatCivilTime(moment).substr(11);
  if (whole == 0 && !from_1904) return time;
  const std::string day = absl::FormatCivilTime(absl::CivilDay(moment));
  return seconds == 0 ? day : absl::StrCat(day, " ", time);
}

class SheetReader {
 public:
  SheetReader(const Book& book, Sheet& sheet) : book_(book), sheet_(sheet) {}

  void Read(XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event == Event::kStart) {
        Start(xml);
      } else if (event == Event::kEnd) {
        End(xml.name());
      } else if (collected_ != nullptr) {
        absl::StrAppend(collected_, xml.text());
      }
      if (sheet_.overflowed()) return;
    }
  }

 private:
  void Start(XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "row") {
      int number = 0;
      const bool given = absl::SimpleAtoi(xml.Attribute("r"), &number);
      row_ = given && number > row_ && number <= kMaxRow ? number : row_ + 1;
      next_column_ = 0;
    } else if (name == "c") {
      StartCell(xml);
    } else if (name == "v") {
      collected_ = &value_;
    } else if (name == "t") {
      collected_ = &inline_text_;
    } else if (name == "f") {
      collected_ = &formula_;
    } else if (name == "rPh") {
      xml.Skip();
    }
  }

  void StartCell(XmlReader& xml) {
    const int column = ColumnOf(xml.Attribute("r"));
    column_ = column >= 0 ? column : next_column_;
    next_column_ = column_ + 1;
    type_ = xml.Attribute("t");
    int style = 0;
    is_date_ = absl::SimpleAtoi(xml.Attribute("s"), &style) && style >= 0 &&
               static_cast<size_t>(style) < book_.format_is_date.size() &&
               book_.format_is_date[static_cast<size_t>(style)];
    value_.clear();
    inline_text_.clear();
    formula_.clear();
  }

  void End(absl::string_view name) {
    if (name == "row") {
      sheet_.AddRow(row_, std::move(cells_));
      cells_.clear();
    } else if (name == "c") {
      std::string text = CellText();
      if (!text.empty()) cells_[column_] = std::move(text);
    } else if (name == "v" || name == "t" || name == "f") {
      collected_ = nullptr;
    }
  }

  std::string CellText() const {
    size_t index = 0;
    double number = 0;
    if (type_ == "s") {
      return absl::SimpleAtoi(value_, &index) && index < book_.texts.size() ? book_.texts[index]
                                                                            : "";
    }
    if (type_ == "inlineStr") return inline_text_;
    if (value_.empty()) return formula_.empty() ? "" : absl::StrCat("=", formula_);
    if (type_ == "b") return value_ == "1" ? "TRUE" : "FALSE";
    if (is_date_ && (type_.empty() || type_ == "n") && absl::SimpleAtod(value_, &number)) {
      const std::string date = DateText(number, book_.from_1904);
      if (!date.empty()) return date;
    }
    return value_;
  }

  const Book& book_;
  Sheet& sheet_;
  int row_ = 0;
  int column_ = 0;
  int next_column_ = 0;
  std::map<int, std::string> cells_;
  std::string type_;
  bool is_date_ = false;
  std::string value_;
  std::string inline_text_;
  std::string formula_;
  std::string* collected_ = nullptr;  // which of the three the text at hand belongs to
};

void ReadDrawing(OfficePackage& package, const std::string& part, PageList::Page page) {
  const Relations relations = package.RelationsOf(part);
  Flow flow(page.sink, page.figures);
  std::string alternative;
  // A sheet without its pictures is a sheet still.
  page.partial = package.ReadPart(part, [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event != Event::kStart) continue;
      if (xml.name() == "cNvPr") alternative = xml.Attribute("descr");
      if (xml.name() != "blip") continue;
      const auto relation = relations.find(xml.Relation("embed"));
      if (relation != relations.end() && !relation->second.target.empty()) {
        flow.AddFigure(relation->second.target, alternative);
      }
    }
  });
}

Reason ReadSheet(OfficePackage& package, const Book& book, const SheetRef& ref,
                 PageList::Page page) {
  page.sink.Add(BlockKind::kHeading, ref.name, 1);
  Sheet sheet(page.sink);
  SheetReader reader(book, sheet);
  const Reason reason = package.ReadPart(ref.part, [&](XmlReader& xml) { reader.Read(xml); });
  if (reason != Reason::kNone) return reason;
  sheet.Finish();
  for (const auto& [id, relation] : package.RelationsOf(ref.part)) {
    if (relation.type == "drawing" && package.Has(relation.target)) {
      ReadDrawing(package, relation.target, page);
    }
  }
  if (sheet.overflowed()) page.partial = Reason::kTooManyCells;
  return Reason::kNone;
}

}  // namespace

Reply ReadXlsx(OfficePackage& package, const std::string& part, const MediaLimits& limits) {
  const Relations relations = package.RelationsOf(part);
  Book book;
  std::vector<SheetRef> sheets;
  Reason reason = package.ReadPart(part, [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event != Event::kStart) continue;
      if (xml.name() == "workbookPr") {
        const std::string from_1904 = xml.Attribute("date1904");
        book.from_1904 = from_1904 == "1" || from_1904 == "true";
      }
      if (xml.name() != "sheet") continue;
      const auto relation = relations.find(xml.Relation("id"));
      if (relation != relations.end() && relation->second.type != "worksheet") continue;  // charts
      sheets.push_back(
          {xml.Attribute("name"), relation == relations.end() ? "" : relation->second.target});
    }
  });
  for (const auto& [id, relation] : relations) {
    if (reason != Reason::kNone || !package.Has(relation.target)) continue;
    if (relation.type == "sharedStrings") {
      Reason too_much = Reason::kNone;
      reason = package.ReadPart(relation.target, [&](XmlReader& xml) {
        too_much = ReadTexts(xml, 4 * limits.max_text_bytes, book);
      });
      if (too_much != Reason::kNone) return Failure(too_much, 0, limits.max_text_bytes);
    } else if (relation.type == "styles") {
      package.ReadPart(relation.target, [&](XmlReader& xml) { ReadStyles(xml, book); });
    }
  }
  if (reason != Reason::kNone) return Failure(reason);
  PageList pages(limits);
  for (const SheetRef& sheet : sheets) {
    const auto read = [&](PageList::Page page) { return ReadSheet(package, book, sheet, page); };
    if (!pages.Add(read)) break;
  }
  return pages.Finish("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                      /*has_pages=*/true);
}

}  // namespace sightline::media
