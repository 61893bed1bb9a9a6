#include "ingest/media/docx.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "ingest/media/flow.h"

namespace sightline::media {
namespace {

using Event = XmlReader::Event;

constexpr int kMaxStyleChain = 20;

struct Style {
  std::string name;      // lower case, without spaces: "heading1"
  std::string based_on;  // id
  int outline_level = 0;
};

// What a paragraph is, by its style and its own properties.
struct ParagraphKind {
  BlockKind kind = BlockKind::kParagraph;
  int level = 0;
};

int OutlineLevel(const std::string& value) {
  int level = 0;
  return absl::SimpleAtoi(value, &level) && level >= 0 && level < 9 ? std::min(level + 1, 6) : 0;
}

class Styles {
 public:
  void Read(XmlReader& xml) {
    Style* style = nullptr;
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event != Event::kStart) continue;
      if (xml.name() == "style") {
        style = &styles_[xml.Attribute("styleId")];
      } else if (style == nullptr) {
        continue;
      } else if (xml.name() == "name") {
        style->name = absl::StrReplaceAll(absl::AsciiStrToLower(xml.Attribute("val")), {{" ", ""}});
      } else if (xml.name() == "basedOn") {
        style->based_on = xml.Attribute("val");
      } else if (xml.name() == "outlineLvl") {
        style->outline_level = OutlineLevel(xml.Attribute("val"));
      }
    }
  }

  ParagraphKind KindOf(std::string id) const {
    for (int i = 0; i < kMaxStyleChain; ++i) {
      const auto found = styles_.find(id);
      const std::string name =
          found == styles_.end() ? absl::AsciiStrToLower(id) : found->second.name;
      if (found != styles_.end() && found->second.outline_level > 0) {
        return {BlockKind::kHeading, found->second.outline_level};
      }
      const ParagraphKind kind = ByName(name);
      if (kind.kind != BlockKind::kParagraph || found == styles_.end()) return kind;
      id = found->second.based_on;
    }
    return {};
  }

 private:
  static ParagraphKind ByName(absl::string_view name) {
    int level = 0;
    if (name == "title") return {BlockKind::kHeading, 1};
    if (name == "caption") return {BlockKind::kCaption, 0};
    if (absl::StartsWith(name, "list")) return {BlockKind::kListItem, 0};
    if (absl::ConsumePrefix(&name, "heading") && absl::SimpleAtoi(name, &level) && level >= 1) {
      return {BlockKind::kHeading, std::min(level, 6)};
    }
    return {};
  }

  std::map<std::string, Style> styles_;
};

class BodyReader {
 public:
  BodyReader(const Styles& styles, const Relations& relations, Flow& flow)
      : styles_(styles), relations_(relations), flow_(flow) {}

  void Read(XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event == Event::kStart) {
        Start(xml);
      } else if (event == Event::kEnd) {
        End(xml.name());
      } else if (in_text_) {
        flow_.Text(xml.text());
      }
    }
  }

 private:
  void Start(XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "t") {
      in_text_ = true;
    } else if (name == "p") {
      flow_.StartParagraph();
      paragraphs_.emplace_back();
    } else if (name == "tab") {
      flow_.Text("\t");
    } else if (name == "br" || name == "cr") {
      flow_.Text("\n");
    } else if (name == "noBreakHyphen") {
      flow_.Text("-");
    } else if (name == "Fallback" || name == "moveFrom" || name == "del" || name == "tabs" ||
               name == "rt" || name == "separator" || name == "continuationSeparator") {
      // The same again for older programs; deleted text; tab stops; how a character is read.
      xml.Skip();
    } else if (!StartInTable(xml) && !paragraphs_.empty()) {
      StartInParagraph(xml);
    }
  }

  bool StartInTable(XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "tbl") {
      flow_.StartTable();
    } else if (name == "tr") {
      flow_.StartRow();
    } else if (name == "tc") {
      flow_.StartCell();
      spans_.push_back(1);
    } else if (name == "gridSpan" && !spans_.empty()) {
      if (!absl::SimpleAtoi(xml.Attribute("val"), &spans_.back())) spans_.back() = 1;
    } else {
      return false;
    }
    return true;
  }

  void StartInParagraph(XmlReader& xml) {
    const absl::string_view name = xml.name();
    ParagraphKind& paragraph = paragraphs_.back();
    if (name == "pStyle") {
      paragraph = styles_.KindOf(xml.Attribute("val"));
    } else if (name == "outlineLvl") {
      const int level = OutlineLevel(xml.Attribute("val"));
      if (level > 0) paragraph = {BlockKind::kHeading, level};
    } else if (name == "numPr" && paragraph.kind == BlockKind::kParagraph) {
      paragraph.kind = BlockKind::kListItem;
    } else if (name == "drawing" || name == "pict" || name == "object") {
      alternative_.clear();
    } else if (name == "docPr") {
      alternative_ = xml.Attribute("descr");
      if (alternative_.empty()) alternative_ = xml.Attribute("title");
    } else if (name == "shape") {
      alternative_ = xml.Attribute("alt");
    } else if (name == "blip") {
      AddPicture(xml.Relation("embed"));
    } else if (name == "imagedata") {
      AddPicture(xml.Relation("id"));
    }
  }

  void AddPicture(const std::string& id) {
    const auto relation = relations_.find(id);
    if (relation == relations_.end() || relation->second.target.empty()) return;
    flow_.AddFigure(relation->second.target, alternative_);
  }

  void End(absl::string_view name) {
    if (name == "t") {
      in_text_ = false;
    } else if (name == "p" && !paragraphs_.empty()) {
      flow_.EndParagraph(paragraphs_.back().kind, paragraphs_.back().level);
      paragraphs_.pop_back();
    } else if (name == "tbl") {
      flow_.EndTable();
    } else if (name == "tc" && !spans_.empty()) {
      flow_.EndCell(spans_.back());
      spans_.pop_back();
    }
  }

  const Styles& styles_;
  const Relations& relations_;
  Flow& flow_;
  std::vector<ParagraphKind> paragraphs_;  // open, the innermost last
  std::vector<int> spans_;                 // of the open cells
  std::string alternative_;                // of the drawing at hand
  bool in_text_ = false;
};

// The part of that kind that the document refers to; "" without one.
std::string Related(const Relations& relations, absl::string_view type) {
  for (const auto& [id, relation] : relations) {
    if (relation.type == type) return relation.target;
  }
  return "";
}

}  // namespace

Reply ReadDocx(OfficePackage& package, const std::string& part, const MediaLimits& limits) {
  PageList pages(limits);
  pages.Add([&](PageList::Page page) {
    const Relations relations = package.RelationsOf(part);
    Styles styles;
    const std::string style_part = Related(relations, "styles");
    if (package.Has(style_part)) {
      // Without its styles the text is there still.
      package.ReadPart(style_part, [&](XmlReader& xml) { styles.Read(xml); });
    }
    Flow flow(page.sink, page.figures);
    BodyReader body(styles, relations, flow);
    const Reason reason = package.ReadPart(part, [&](XmlReader& xml) { body.Read(xml); });
    for (const char* notes : {"footnotes", "endnotes"}) {
      const std::string notes_part = Related(relations, notes);
      if (reason != Reason::kNone || !package.Has(notes_part)) continue;
      const Relations of_notes = package.RelationsOf(notes_part);
      BodyReader reader(styles, of_notes, flow);
      const Reason of_part =
          package.ReadPart(notes_part, [&](XmlReader& xml) { reader.Read(xml); });
      if (of_part != Reason::kNone) page.partial = of_part;
    }
    return reason;
  });
  return pages.Finish("application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                      /*has_pages=*/false);
}

}  // namespace sightline::media
