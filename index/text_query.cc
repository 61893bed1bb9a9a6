#include "index/text_query.h"

#include <unicode/utf8.h>

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "base/function_words.h"
#include "index/text_analyzer.h"

namespace sightline::index {
namespace {

bool IsPrefix(absl::string_view word) {
  return word.find('*') == word.size() - 1 && IsLongPrefix(word.substr(0, word.size() - 1));
}

// Adds what stands outside phrases.
void AddWords(absl::string_view text, TextQuery& out) {
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at;
    if (absl::ascii_isspace(static_cast<unsigned char>(text[at]))) {
      out.words += text[at++];
      continue;
    }
    while (end < text.size() && !absl::ascii_isspace(static_cast<unsigned char>(text[end]))) ++end;
    const absl::string_view word = text.substr(at, end - at);
    if (IsPrefix(word)) {
      out.prefixes.emplace_back(word.substr(0, word.size() - 1));
    } else {
      out.words.append(word.data(), word.size());
    }
    at = end;
  }
}

void AddLine(absl::string_view line, TextQuery& out) {
  size_t done = 0;  // what stands before is in `out`
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '"') continue;
    if (at > 0 && absl::ascii_isalnum(static_cast<unsigned char>(line[at - 1]))) continue;
    const size_t end = line.find('"', at + 1);
    if (end == absl::string_view::npos) break;
    const absl::string_view phrase = absl::StripAsciiWhitespace(line.substr(at + 1, end - at - 1));
    if (!phrase.empty()) {
      AddWords(line.substr(done, at - done), out);
      out.words.append(" ").append(phrase.data(), phrase.size()).append(" ");
      out.phrases.emplace_back(phrase);
      done = end + 1;
    }
    at = end;
  }
  AddWords(line.substr(done), out);
}

// A word, or a pair of characters, that says nothing of a query's subject.
bool IsOfFunction(absl::string_view term) {
  if (IsEnglishFunctionWord(term)) return true;
  if (IsPair(term)) term.remove_prefix(1);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(term.data());
  for (int32_t at = 0; at < static_cast<int32_t>(term.size());) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(bytes, at, static_cast<int32_t>(term.size()), c);
    if (!IsFunctionCharacter(c)) return false;
  }
  return true;
}

// Words of capitals, in lower case: "US" is no "us". Of a single letter not "I", and not the first
// of a sentence.
absl::flat_hash_set<std::string> WordsOfCapitals(absl::string_view text) {
  absl::flat_hash_set<std::string> out;
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && absl::ascii_isupper(text[end])) ++end;
    const absl::string_view word = text.substr(at, end - at);
    const bool whole = end == text.size() || !absl::ascii_isalnum(text[end]);
    if (whole && (word.size() > 1 || (word.size() == 1 && word != "I" && !first))) {
      out.insert(absl::AsciiStrToLower(word));
    }
    while (end < text.size() && absl::ascii_isalnum(text[end])) ++end;
    if (end > at) {
      first = false;
    } else if (text[at] == '.' || text[at] == '?' || text[at] == '!') {
      first = true;
    }
    at = std::max(end, at + 1);
  }
  return out;
}

}  // namespace

bool IsLongPrefix(absl::string_view start) {
  return absl::c_count_if(start, [](char c) {
           return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // does not continue a character
         }) >= 2;
}

TextQuery ParseTextQuery(absl::string_view text) {
  TextQuery out;
  bool first = true;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!first) out.words += '\n';
    first = false;
    AddLine(line, out);
  }
  return out;
}

void DropFunctionWords(absl::string_view text, bool others, std::vector<std::string>& terms) {
  const absl::flat_hash_set<std::string> capitals = WordsOfCapitals(text);
  const auto goes = [&](const std::string& term) {
    return IsOfFunction(term) && !capitals.contains(term);
  };
  if (others || !std::ranges::all_of(terms, goes)) std::erase_if(terms, goes);
}

}  // namespace sightline::index
