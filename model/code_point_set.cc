#include "model/code_point_set.h"

#include <unicode/uniset.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sightline::model {
namespace {

constexpr uint32_t kLast = 0x10FFFF;
constexpr uint32_t kFirstSurrogate = 0xD800;
constexpr uint32_t kLastSurrogate = 0xDFFF;

}  // namespace

CodePointSet CodePointSet::All() { return Of(0, kLast); }

CodePointSet CodePointSet::Of(uint32_t first, uint32_t last) {
  CodePointSet set;
  set.Add(first, last);
  return set;
}

absl::StatusOr<CodePointSet> CodePointSet::Property(absl::string_view name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '=' || c == ' ';
  });
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeSet found;
  if (plain) {
    found.applyPattern(icu::UnicodeString::fromUTF8(absl::StrCat("[\\p{", std::string(name), "}]")),
                       error);
  }
  if (!plain || U_FAILURE(error)) {
    return absl::InvalidArgumentError(absl::StrCat("no property \"", name, "\""));
  }
  CodePointSet set;
  for (int i = 0; i < found.getRangeCount(); ++i) {
    set.Add(static_cast<uint32_t>(found.getRangeStart(i)),
            static_cast<uint32_t>(found.getRangeEnd(i)));
  }
  return set;
}

void CodePointSet::Add(uint32_t first, uint32_t last) {
  last = std::min(last, kLast);
  if (first > last) return;
  if (first <= kLastSurrogate && last >= kFirstSurrogate) {
    if (first < kFirstSurrogate) Add(first, kFirstSurrogate - 1);
    if (last > kLastSurrogate) Add(kLastSurrogate + 1, last);
    return;
  }
  // Those that overlap or touch become one.
  const auto begin = std::find_if(ranges_.begin(), ranges_.end(),
                                  [&](const Range& range) { return range.second + 1 >= first; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->second);
  }
  ranges_.insert(ranges_.erase(begin, end), {first, last});
}

void CodePointSet::Add(const CodePointSet& other) {
  for (const auto& [first, last] : other.ranges_) Add(first, last);
}

CodePointSet CodePointSet::Complement() const {
  CodePointSet out;
  uint32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) out.Add(next, first - 1);
    next = last + 1;
  }
  out.Add(next, kLast);
  return out;
}

CodePointSet CodePointSet::Intersection(const CodePointSet& other) const {
  CodePointSet out;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    const uint32_t first = std::max(a->first, b->first);
    const uint32_t last = std::min(a->second, b->second);
    if (first <= last) out.ranges_.emplace_back(first, last);
    (a->second < b->second ? a : b)++;
  }
  return out;
}

bool CodePointSet::Contains(uint32_t code_point) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return range.first <= code_point && code_point <= range.second;
  });
}

std::vector<uint32_t> CodePointsOf(absl::string_view text) {
  std::vector<uint32_t> out;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    UChar32 c;
    U8_NEXT_UNSAFE(bytes, at, c);
    out.push_back(static_cast<uint32_t>(c));
  }
  return out;
}

}  // namespace sightline::model
