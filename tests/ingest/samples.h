#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sightline::testing {

// A PDF with one page per entry: that line of text at the top of an empty A5 page, in Helvetica. An
// empty entry is a page without text; "DAMAGED" is one whose content cannot be decompressed.
inline std::string SimplePdf(const std::vector<std::string>& pages) {
  std::vector<std::string> objects = {"<< /Type /Catalog /Pages 2 0 R >>", "",
                                      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
  std::string kids;
  for (const std::string& text : pages) {
    const size_t page = objects.size() + 1;
    absl::StrAppend(&kids, page, " 0 R ");
    objects.push_back(
        absl::StrFormat("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents %d 0 R "
                        "/Resources << /Font << /F1 3 0 R >> >> >>",
                        page + 1));
    const std::string content =
        text.empty() ? "" : absl::StrCat("BT /F1 14 Tf 40 540 Td (", text, ") Tj ET");
    const std::string filter = text == "DAMAGED" ? " /Filter /FlateDecode" : "";
    objects.push_back(absl::StrCat("<< /Length ", content.size(), filter, " >>\nstream\n", content,
                                   "\nendstream"));
  }
  objects[1] = absl::StrCat("<< /Type /Pages /Count ", pages.size(), " /Kids [ ", kids, "] >>");

  std::string out = "%PDF-1.4\n";
  std::string xref = absl::StrFormat("xref\n0 %d\n0000000000 65535 f \n", objects.size() + 1);
  for (size_t i = 0; i < objects.size(); ++i) {
    absl::StrAppend(&xref, absl::StrFormat("%010d 00000 n \n", out.size()));
    absl::StrAppend(&out, i + 1, " 0 obj\n", objects[i], "\nendobj\n");
  }
  const size_t start = out.size();
  absl::StrAppend(&out, xref, "trailer\n<< /Size ", objects.size() + 1,
                  " /Root 1 0 R >>\nstartxref\n", start, "\n%%EOF\n");
  return out;
}

}  // namespace sightline::testing
