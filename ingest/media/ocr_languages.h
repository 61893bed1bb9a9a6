#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::media {

// Where Debian's packages tesseract-ocr-… put what the reader knows of a language.
inline constexpr char kOcrDataFolder[] = "/usr/share/tesseract-ocr/5/tessdata";

struct OcrLanguages {
  std::string installed;  // "eng+chi_sim": those whose data are there, in the order asked for
  std::vector<std::string> missing;
};

// What there is of `asked`, names of data files with "+" between them: "eng+chi_sim",
// "script/Latin"; empty = none. kInvalidArgument: not such a list.
absl::StatusOr<OcrLanguages> FindOcrLanguages(absl::string_view asked);

}  // namespace sightline::media
