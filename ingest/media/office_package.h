#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "ingest/media/reason.h"
#include "ingest/media/xml_reader.h"
#include "ingest/media/zip_file.h"

namespace sightline::media {

// A part that another one refers to by an id.
struct Relation {
  std::string type;    // the last word of the type's address: "image", "slide", "hyperlink", …
  std::string target;  // entry of the package; "" when it lies outside, which is never followed
};
using Relations = std::map<std::string, Relation>;  // by id

// The parts of an Office Open XML file (DOCX, PPTX, XLSX).
class OfficePackage {
 public:
  explicit OfficePackage(ZipFile& zip) : zip_(zip) {}

  // The part that the file is about, e.g. "word/document.xml"; "" when it is no such file.
  std::string MainPart();

  // What `part` refers to. Empty when it refers to nothing, or that cannot be read.
  Relations RelationsOf(absl::string_view part);

  bool Has(absl::string_view part) const { return zip_.Find(part).has_value(); }

  // Calls `on_reader` with a reader of the part. kBadDocument: no such part, or damaged; the zip
  // file's reasons; the reader's.
  Reason ReadPart(absl::string_view part, const std::function<void(XmlReader&)>& on_reader);

 private:
  ZipFile& zip_;
};

// `target` as seen from the folder of `part`, without dots: "../media/a.png" from
// "ppt/slides/s.xml" is "ppt/media/a.png". "" when it leads out of the package.
std::string ResolvePart(absl::string_view part, absl::string_view target);

}  // namespace sightline::media
