#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ingest/media/reason.h"

namespace sightline::media {

// One part of a mail, its parts cut apart and nothing decoded; views go into the mail.
struct MimePart {
  std::map<std::string, std::string>
      headers;       // by name in lower case, unfolded; the first of a name
  std::string type;  // lower case: "text/plain"
  std::map<std::string, std::string> type_parameters;  // likewise: "charset"
  std::string file_name;                               // decoded; "" without one
  bool attached = false;                               // it says so
  absl::string_view body;
  std::vector<MimePart> parts;  // of a multipart
  Reason cut = Reason::kNone;   // of the whole: why parts of it are left out
};

// Parts nest at most 20 deep (else kTooDeep) and are at most 1000 (else kTooManyMembers); what lies
// beyond is left out.
MimePart ParseMime(absl::string_view bytes);

// The part's bytes, out of base64 or quoted-printable.
std::string DecodeBody(const MimePart& part);
// Its text as UTF-8, by the encoding it names, else as it looks.
std::string DecodeTextBody(const MimePart& part);

// A header's value as UTF-8: "=?utf-8?B?5Lit?=" is "中".
std::string DecodeHeader(absl::string_view value);

}  // namespace sightline::media
