#include "ingest/media/member_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"
#include "ingest/media/plain_text.h"

namespace sightline::media {

void DecodeMemberNames(std::vector<std::string>& names) {
  std::vector<std::string*> foreign;
  std::string joined;
  for (std::string& name : names) {
    if (IsValidUtf8(name) || absl::StrContains(name, '\n')) continue;
    foreign.push_back(&name);
    absl::StrAppend(&joined, name, "\n");
  }
  const auto text = DecodeText(joined);
  if (foreign.empty() || !text.has_value()) return;
  const std::vector<std::string> decoded = absl::StrSplit(*text, '\n');
  if (decoded.size() != foreign.size() + 1) return;
  for (size_t i = 0; i < foreign.size(); ++i) *foreign[i] = decoded[i];
}

}  // namespace sightline::media
