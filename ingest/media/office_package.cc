#include "ingest/media/office_package.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sightline::media {

std::string ResolvePart(absl::string_view part, absl::string_view target) {
  std::vector<absl::string_view> path;
  if (!absl::ConsumePrefix(&target, "/")) {
    path = absl::StrSplit(part, '/');
    path.pop_back();
  }
  for (absl::string_view step : absl::StrSplit(target, '/')) {
    if (step == "..") {
      if (path.empty()) return "";
      path.pop_back();
    } else if (!step.empty() && step != ".") {
      path.push_back(step);
    }
  }
  return absl::StrJoin(path, "/");
}

std::string OfficePackage::MainPart() {
  for (const auto& [id, relation] : RelationsOf("")) {
    if (relation.type == "officeDocument") return relation.target;
  }
  return "";
}

Relations OfficePackage::RelationsOf(absl::string_view part) {
  const size_t slash = part.rfind('/');
  const absl::string_view folder =
      slash == absl::string_view::npos ? "" : part.substr(0, slash + 1);
  const std::string name = absl::StrCat(folder, "_rels/", part.substr(folder.size()), ".rels");
  Relations out;
  if (!Has(name)) return out;
  ReadPart(name, [&](XmlReader& xml) {
    for (auto event = xml.Next(); event != XmlReader::Event::kDone; event = xml.Next()) {
      if (event != XmlReader::Event::kStart || xml.name() != "Relationship") continue;
      const std::string type = xml.Attribute("Type");
      Relation relation;
      relation.type = type.substr(type.rfind('/') + 1);
      if (!absl::EqualsIgnoreCase(xml.Attribute("TargetMode"), "External")) {
        relation.target = ResolvePart(part, xml.Attribute("Target"));
      }
      out.emplace(xml.Attribute("Id"), std::move(relation));
    }
  });
  return out;
}

Reason OfficePackage::ReadPart(absl::string_view part,
                               const std::function<void(XmlReader&)>& on_reader) {
  const auto index = zip_.Find(part);
  if (!index.has_value()) return Reason::kBadDocument;
  Reason reason = Reason::kNone;
  const auto member = zip_.OpenMember(*index, reason);
  if (member == nullptr) return reason == Reason::kBadArchive ? Reason::kBadDocument : reason;
  XmlReader xml([&](char* out, int size) { return member->Read(out, size); });
  on_reader(xml);
  if (member->reason() == Reason::kBadArchive) return Reason::kBadDocument;
  return member->reason() != Reason::kNone ? member->reason() : xml.reason();
}

}  // namespace sightline::media
