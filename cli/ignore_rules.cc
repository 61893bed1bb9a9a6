#include "cli/ignore_rules.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"

namespace sightline::cli {
namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

// The letters of `text`, which is made well-formed first.
std::u32string Letters(absl::string_view text) {
  const std::string valid = ToValidUtf8(text);
  std::u32string out;
  for (const char c : valid) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) {
      out.back() = (out.back() << 6) | (byte & 0x3F);
    } else {
      out += static_cast<char32_t>(byte < 0x80   ? byte
                                   : byte < 0xE0 ? byte & 0x1F
                                   : byte < 0xF0 ? byte & 0x0F
                                                 : byte & 0x07);
    }
  }
  return out;
}

// Whether `letter` is of the POSIX class `name`. Of letters outside ASCII none is.
bool IsOfClass(std::u32string_view name, char32_t letter) {
  const bool digit = letter >= '0' && letter <= '9';
  const bool lower = letter >= 'a' && letter <= 'z';
  const bool upper = letter >= 'A' && letter <= 'Z';
  const bool graph = letter > ' ' && letter < 0x7F;
  if (name == U"alpha") return lower || upper;
  if (name == U"digit") return digit;
  if (name == U"alnum") return lower || upper || digit;
  if (name == U"lower") return lower;
  if (name == U"upper") return upper;
  if (name == U"blank") return letter == ' ' || letter == '\t';
  if (name == U"space") return letter == ' ' || (letter >= '\t' && letter <= '\r');
  if (name == U"cntrl") return letter < ' ' || letter == 0x7F;
  if (name == U"graph") return graph;
  if (name == U"print") return graph || letter == ' ';
  if (name == U"punct") return graph && !lower && !upper && !digit;
  if (name == U"xdigit")
    return digit || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F');
  return false;
}

// Reads the bracket at pattern[at] and moves `at` behind it. Empty when it does not end.
std::optional<bool> BracketHolds(std::u32string_view pattern, size_t& at, char32_t letter) {
  size_t i = at + 1;
  const bool inverted = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (inverted) ++i;
  bool holds = false;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) {
      at = i + 1;
      return holds != inverted;
    }
    if (pattern.substr(i, 2) == U"[:") {
      const size_t end = pattern.find(U":]", i + 2);
      if (end == std::u32string_view::npos) return std::nullopt;
      holds = holds || IsOfClass(pattern.substr(i + 2, end - i - 2), letter);
      i = end + 2;
      continue;
    }
    const auto next = [&]() -> std::optional<char32_t> {
      if (pattern[i] == '\\') ++i;
      return i < pattern.size() ? std::make_optional(pattern[i++]) : std::nullopt;
    };
    const auto low = next();
    auto high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = next();
    }
    if (!low.has_value() || !high.has_value()) return std::nullopt;
    holds = holds || (*low <= letter && letter <= *high);
  }
  return std::nullopt;
}

// One name against one name of a pattern. Where a letter does not fit, the last star takes one
// more: an earlier one need never be tried again, so this is quadratic at most.
bool NameMatches(std::u32string_view pattern, std::u32string_view name) {
  size_t p = 0, n = 0;
  size_t star = std::u32string_view::npos, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_name = n;
      continue;
    }
    size_t after = p;
    bool fits = false;
    if (p < pattern.size() && pattern[p] == '[') {
      const auto holds = BracketHolds(pattern, after, name[n]);
      if (!holds.has_value()) return false;
      fits = *holds;
    } else if (p < pattern.size()) {
      if (pattern[after] == '\\') ++after;
      if (after == pattern.size()) return false;  // a backslash at the end
      fits = pattern[after] == name[n] || (pattern[after] == '?' && after == p);
      ++after;
    }
    if (fits) {
      p = after;
      ++n;
    } else if (star != std::u32string_view::npos) {
      p = star;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// The same for whole paths, where "**" stands for any number of names; at the end, for one or more.
bool PathMatches(const std::vector<std::u32string>& pattern,
                 const std::vector<std::u32string>& path) {
  size_t p = 0, n = 0;
  size_t stars = pattern.size(), stars_path = 0;
  while (n < path.size()) {
    if (p < pattern.size() && pattern[p] == U"**") {
      if (p + 1 == pattern.size()) return true;
      stars = ++p;
      stars_path = n;
    } else if (p < pattern.size() && NameMatches(pattern[p], path[n])) {
      ++p;
      ++n;
    } else if (stars < pattern.size()) {
      p = stars;
      n = ++stars_path;
    } else {
      return false;
    }
  }
  return p == pattern.size();
}

// The names of a pattern between its slashes; one in a bracket is of the bracket. Empty when a
// bracket does not end or a backslash has nothing to stand before: that matches nothing.
std::optional<std::vector<std::u32string>> Names(std::u32string_view pattern) {
  std::vector<std::u32string> names(1);
  for (size_t i = 0; i < pattern.size();) {
    size_t end = i + 1;
    if (pattern[i] == '[') {
      if (!BracketHolds(pattern, end = i, 0).has_value()) return std::nullopt;
    } else if (pattern[i] == '\\') {
      if (++end > pattern.size()) return std::nullopt;
      if (pattern[i + 1] == '/') ++i;
    }
    if (pattern[i] == '/') {
      names.emplace_back();
    } else {
      names.back() += pattern.substr(i, end - i);
    }
    i = end;
  }
  for (std::u32string& name : names) {
    if (name.size() > 2 && name.find_first_not_of(U'*') == name.npos) name = U"**";
  }
  return names;
}

// Without blanks at the end, but for one behind a backslash.
absl::string_view WithoutTrailingBlanks(absl::string_view line) {
  absl::ConsumeSuffix(&line, "\r");
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) {
    size_t slashes = 0;
    while (slashes + 1 < line.size() && line[line.size() - 2 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 1) break;
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

IgnoreRules IgnoreRules::Parse(absl::string_view text) {
  IgnoreRules out;
  absl::ConsumePrefix(&text, kByteOrderMark);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = WithoutTrailingBlanks(line);
    if (line.empty() || line[0] == '#') continue;
    Rule rule;
    rule.keeps = absl::ConsumePrefix(&line, "!");
    rule.folders_only = absl::ConsumeSuffix(&line, "/");
    if (line.empty()) continue;
    // Tied to the folder by any slash; else it is about names at every depth.
    const bool tied = line.find('/') != absl::string_view::npos;
    absl::ConsumePrefix(&line, "/");
    auto names = Names(Letters(line));
    if (!names.has_value()) continue;
    rule.names = *std::move(names);
    if (!tied) {
      // "**" stands for folders only beside a slash.
      if (rule.names[0] == U"**") rule.names[0] = U"*";
      rule.names.insert(rule.names.begin(), U"**");
    }
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

std::optional<bool> IgnoreRules::Verdict(absl::string_view path, bool is_folder) const {
  if (rules_.empty()) return std::nullopt;
  std::vector<std::u32string> names;
  for (const absl::string_view name : absl::StrSplit(path, '/')) names.push_back(Letters(name));
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->folders_only && !is_folder) continue;
    if (PathMatches(rule->names, names)) return !rule->keeps;
  }
  return std::nullopt;
}

}  // namespace sightline::cli
