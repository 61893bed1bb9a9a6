#include "ingest/media/member_path.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"

namespace sightline::media {
namespace {

constexpr size_t kMaxPathBytes = 1024;
constexpr size_t kMaxShownBytes = 200;

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

}  // namespace

std::optional<std::string> SafeMemberPath(absl::string_view name) {
  if (name.size() > kMaxPathBytes || !IsValidUtf8(name) || HasControl(name)) return std::nullopt;
  const std::string path = absl::StrReplaceAll(name, {{"\\", "/"}});
  const bool drive = path.size() >= 2 && path[1] == ':' && absl::ascii_isalpha(path[0]);
  if (path.empty() || path[0] == '/' || drive) return std::nullopt;
  std::vector<absl::string_view> steps;
  for (absl::string_view step : absl::StrSplit(path, '/')) {
    if (step == "..") return std::nullopt;
    if (!step.empty() && step != ".") steps.push_back(step);
  }
  if (steps.empty()) return std::nullopt;
  return absl::StrJoin(steps, "/");
}

bool IsHiddenMember(absl::string_view path) {
  for (absl::string_view step : absl::StrSplit(path, '/')) {
    if (absl::StartsWith(step, ".") || step == "__MACOSX") return true;
  }
  return false;
}

std::string ShownMemberName(absl::string_view name) {
  std::string shown = ToValidUtf8(name.substr(0, kMaxShownBytes));
  for (char& c : shown) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return shown;
}

}  // namespace sightline::media
