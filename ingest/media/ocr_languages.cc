#include "ingest/media/ocr_languages.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sightline::media {
namespace {

// Letters, digits and "_", maybe below "script/": no name leads out of the folder.
bool IsName(absl::string_view name) {
  if (absl::StartsWith(name, "script/")) name.remove_prefix(7);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_';
  });
}

}  // namespace

absl::StatusOr<OcrLanguages> FindOcrLanguages(absl::string_view asked) {
  OcrLanguages out;
  if (asked.empty()) return out;
  std::vector<std::string> installed;
  for (absl::string_view name : absl::StrSplit(asked, '+')) {
    if (!IsName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("ocr_languages: \"", asked,
                       "\" is no list of languages; expected eng+chi_sim or the like"));
    }
    const std::string file = absl::StrCat(kOcrDataFolder, "/", name, ".traineddata");
    (::access(file.c_str(), R_OK) == 0 ? installed : out.missing).emplace_back(name);
  }
  out.installed = absl::StrJoin(installed, "+");
  return out;
}

}  // namespace sightline::media
