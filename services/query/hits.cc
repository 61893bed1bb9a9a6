#include "services/query/hits.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/clock_text.h"

namespace sightline::query {
namespace {

constexpr size_t kMaxDateBytes = 40;

}  // namespace

std::string DateOf(const index::Passage& passage) {
  if (passage.metadata_json.size() <= 2) return "";
  const auto metadata =
      nlohmann::json::parse(passage.metadata_json, nullptr, /*allow_exceptions=*/false);
  if (!metadata.is_object()) return "";
  for (const char* name : {"date", "taken"}) {
    const auto field = metadata.find(name);
    if (field == metadata.end() || !field->is_string()) continue;
    const auto& date = field->get_ref<const std::string&>();
    if (!date.empty() && date.size() <= kMaxDateBytes && absl::ascii_isdigit(date[0])) return date;
  }
  return "";
}

std::string FactsOf(const index::Passage& passage) {
  std::string out = PassageWords(passage);
  // Of a passage without words there is nothing else that a claim could be held against: the date,
  // or the heading above a picture, must not make "a red car" look unsupported.
  if (out.empty() || (IsPicture(passage.kind) && passage.text.empty())) return "";
  if (const std::string date = DateOf(passage); !date.empty()) absl::StrAppend(&out, "\n", date);
  if (passage.start.has_value()) {
    absl::StrAppend(&out, "\n", ClockText(*passage.start, passage.end.value_or(*passage.start)));
  }
  return out;
}

}  // namespace sightline::query
