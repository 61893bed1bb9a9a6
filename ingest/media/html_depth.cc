#include "ingest/media/html_depth.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sightline::media {
namespace {

using absl::string_view;

// They have no end tag, or do without one.
constexpr string_view kNotCounted[] = {
    "area", "base", "body", "br",    "col",   "dd",     "dt",    "embed", "head",    "hr", "html",
    "img",  "li",   "link", "meta",  "input", "option", "p",     "param", "rp",      "rt", "source",
    "td",   "th",   "tr",   "tbody", "tfoot", "thead",  "track", "wbr",   "optgroup"};

bool IsCounted(string_view name) {
  return std::find(std::begin(kNotCounted), std::end(kNotCounted), name) == std::end(kNotCounted);
}

// Lower case; only the start of long names.
std::string NameAt(string_view html) {
  std::string name;
  for (const char c : html.substr(0, 16)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) break;
    name.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

// Where the raw text of a script or style ends, at its end tag.
size_t EndOfRawText(string_view html, size_t at, string_view name) {
  const std::string end_tag = absl::StrCat("</", name);
  for (at = html.find("</", at); at != string_view::npos; at = html.find("</", at + 2)) {
    if (absl::EqualsIgnoreCase(html.substr(at, end_tag.size()), end_tag)) return at;
  }
  return html.size();
}

}  // namespace

int EstimateHtmlDepth(string_view html) {
  int depth = 0;
  int deepest = 0;
  for (size_t at = html.find('<'); at < html.size(); at = html.find('<', at)) {
    if (absl::StartsWith(html.substr(at), "<!--")) {
      at = std::min(html.find("-->", at), html.size());
      continue;
    }
    ++at;
    const bool closes = at < html.size() && html[at] == '/';
    const std::string name = NameAt(html.substr(at + (closes ? 1 : 0)));
    if (name.empty() || !IsCounted(name)) continue;
    if (closes) {
      depth = std::max(0, depth - 1);
    } else if (name == "script" || name == "style") {
      at = EndOfRawText(html, at, name) + 2;
    } else {
      deepest = std::max(deepest, ++depth);
    }
    if (at >= html.size()) break;
  }
  return deepest;
}

}  // namespace sightline::media
