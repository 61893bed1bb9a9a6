#include "model/marked_text.h"

#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

// What stands for a bracket, and what may stand between a bracket and a number for a reader that
// takes "【 2】" or "[-2]" for a marker: no digit comes behind these.
constexpr char kOpen[] = "\\[【［〔〖";
constexpr char kClose[] = "[\\]】］〕〗]";
constexpr char kBetween[] = "\\s,，、;；　\\-–—~－";
constexpr char kDigits[] = "0-9０-９";

}  // namespace

std::string MarkedTextPattern(int markers) {
  const std::string open = absl::StrCat("[", kOpen, "]");
  const std::string waiting = absl::StrCat("(?:", open, "[", kBetween, "]*)");
  std::string numbers;
  for (int i = 1; i <= markers; ++i) absl::StrAppend(&numbers, i > 1 ? "|" : "", i);
  std::string marker;
  if (markers > 0) marker = absl::StrCat("|", waiting, "*", open, "(?:", numbers, ")", kClose);
  return absl::StrCat("(?:[^", kOpen, "]", marker, "|", waiting, "+[^", kOpen, kDigits, kBetween,
                      "])*", waiting, "*");
}

}  // namespace sightline::model
