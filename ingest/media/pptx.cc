#include "ingest/media/pptx.h"

#include <vector>

#include "ingest/media/flow.h"

namespace sightline::media {
namespace {

using Event = XmlReader::Event;

class SlideReader {
 public:
  // `notes`: a page of notes, of which only what the speaker wrote is wanted.
  SlideReader(const Relations& relations, bool notes, Flow& flow)
      : relations_(relations), notes_(notes), flow_(flow) {}

  void Read(XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event == Event::kStart) {
        Start(xml);
      } else if (event == Event::kEnd) {
        End(xml.name());
      } else if (in_text_ && IsWanted()) {
        flow_.Text(xml.text());
      }
    }
  }

 private:
  bool IsWanted() const { return !notes_ || placeholder_ == "body"; }

  void Start(XmlReader& xml) {
    const absl::string_view name = xml.name();
    if (name == "t") {
      in_text_ = true;
    } else if (name == "p") {
      flow_.StartParagraph();
    } else if (name == "br") {
      flow_.Text("\n");
    } else if (name == "sp" || name == "pic" || name == "graphicFrame") {
      placeholder_.clear();
      alternative_.clear();
      in_placeholder_ = false;
    } else if (name == "cNvPr") {
      alternative_ = xml.Attribute("descr");
    } else if (name == "ph") {
      placeholder_ = xml.Attribute("type");
      in_placeholder_ = true;
    } else if (name == "tbl") {
      flow_.StartTable();
    } else if (name == "tr") {
      flow_.StartRow();
    } else if (name == "tc") {
      flow_.StartCell();
    } else if (name == "blip" && !notes_) {
      const auto relation = relations_.find(xml.Relation("embed"));
      if (relation != relations_.end() && !relation->second.target.empty()) {
        flow_.AddFigure(relation->second.target, alternative_);
      }
    } else if (name == "Fallback" || (name == "fld" && xml.Attribute("type") == "slidenum")) {
      xml.Skip();
    }
  }

  void End(absl::string_view name) {
    if (name == "t") {
      in_text_ = false;
    } else if (name == "p") {
      EndParagraph();
    } else if (name == "tbl") {
      flow_.EndTable();
    } else if (name == "tc") {
      flow_.EndCell();  // covered cells stand there themselves
    }
  }

  void EndParagraph() {
    if (placeholder_ == "title" || placeholder_ == "ctrTitle") {
      flow_.EndParagraph(BlockKind::kHeading, 1);
    } else if (in_placeholder_ && !notes_ && placeholder_ != "subTitle") {
      flow_.EndParagraph(BlockKind::kListItem);
    } else {
      flow_.EndParagraph(BlockKind::kParagraph);
    }
  }

  const Relations& relations_;
  const bool notes_;
  Flow& flow_;
  std::string placeholder_;  // type of the shape at hand: "title", "body", …
  bool in_placeholder_ = false;
  std::string alternative_;
  bool in_text_ = false;
};

Reason ReadSlide(OfficePackage& package, const std::string& part, PageList::Page page) {
  const Relations relations = package.RelationsOf(part);
  Flow flow(page.sink, page.figures);
  SlideReader slide(relations, /*notes=*/false, flow);
  const Reason reason = package.ReadPart(part, [&](XmlReader& xml) { slide.Read(xml); });
  if (reason != Reason::kNone) return reason;
  for (const auto& [id, relation] : relations) {
    if (relation.type != "notesSlide" || !package.Has(relation.target)) continue;
    const Relations none;
    SlideReader notes(none, /*notes=*/true, flow);
    const Reason of_notes =
        package.ReadPart(relation.target, [&](XmlReader& xml) { notes.Read(xml); });
    if (of_notes != Reason::kNone) page.partial = of_notes;
  }
  return Reason::kNone;
}

}  // namespace

Reply ReadPptx(OfficePackage& package, const std::string& part, const MediaLimits& limits) {
  const Relations relations = package.RelationsOf(part);
  std::vector<std::string> slides;
  const Reason reason = package.ReadPart(part, [&](XmlReader& xml) {
    for (Event event = xml.Next(); event != Event::kDone; event = xml.Next()) {
      if (event != Event::kStart || xml.name() != "sldId") continue;
      const auto relation = relations.find(xml.Relation("id"));
      slides.push_back(relation == relations.end() ? "" : relation->second.target);
    }
  });
  if (reason != Reason::kNone) return Failure(reason);
  PageList pages(limits);
  for (const std::string& slide : slides) {
    if (!pages.Add([&](PageList::Page page) { return ReadSlide(package, slide, page); })) break;
  }
  return pages.Finish("application/vnd.openxmlformats-officedocument.presentationml.presentation",
                      /*has_pages=*/true);
}

}  // namespace sightline::media
