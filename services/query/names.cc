#include "services/query/names.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/query/code_point.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr size_t kLeastStem = 4;       // bytes that two forms of a name share at least
constexpr size_t kLongestAcronym = 6;  // letters
constexpr int kGermanWords = 2;        // so many make a text German

bool HasCjk(absl::string_view text) {
  for (int32_t at = 0; at < static_cast<int32_t>(text.size());) {
    const UChar32 c = NextCodePoint(text, at);
    if (IsCjk(c)) return true;
  }
  return false;
}

struct Word {
  std::string folded;
  bool capital = false;  // its first letter is one
  bool all_capitals = false;
  bool starts_sentence = false;
  bool follows = false;  // nothing but a blank is between it and the word before
  bool in_cjk = false;   // beside Han or Kana
};

bool EndsSentence(UChar32 c) {
  switch (c) {
    case '.':
    case '!':
    case '?':
    case ':':
    case ';':
    case '\n':
    case '|':
    case '#':
    case U'。':
    case U'！':
    case U'？':
    case U'：':
    case U'；': return true;
    default: return false;
  }
}

bool IsTitle(const std::string& word) {
  return word == "mr" || word == "mrs" || word == "ms" || word == "dr" || word == "prof";
}

bool IsNoName(const std::string& word) {
  static const auto* const words = new absl::flat_hash_set<std::string>{
      "sir",       "monday",   "tuesday",  "wednesday", "thursday", "friday", "saturday", "sunday",
      "january",   "february", "march",    "april",     "may",      "june",   "july",     "august",
      "september", "october",  "november", "december",  "jan",      "feb",    "mar",      "apr",
      "jun",       "jul",      "aug",      "sep",       "sept",     "oct",    "nov",      "dec",
      "passage",   "passages", "document", "documents", "page",     "pages",  "figure",   "table",
      "section",   "source",   "sources"};
  return IsTitle(word) || words->contains(word);
}

std::vector<Word> WordsIn(absl::string_view text) {
  const auto size = static_cast<int32_t>(text.size());
  std::vector<Word> words;
  bool in_word = false, starts = true, only_blank = false, cjk_before = false;
  int32_t begin = 0;
  const auto end_word = [&](int32_t end) {
    if (!in_word) return;
    in_word = false;
    words.back().folded = NormalisedText(text.substr(begin, end - begin));
    only_blank = true;
    starts = false;
    cjk_before = false;
  };
  for (int32_t at = 0; at < size;) {
    const int32_t start = at;
    const UChar32 c = NextCodePoint(text, at);
    if (IsCjk(c)) {
      end_word(start);
      // Words right before it, too.
      if (!words.empty() && only_blank) words.back().in_cjk = true;
      cjk_before = true;
      only_blank = starts = false;
    } else if (u_isalpha(c) || (in_word && u_isalnum(c))) {
      if (!in_word) {
        in_word = true;
        begin = start;
        Word& word = words.emplace_back();
        word.capital = word.all_capitals = u_isupper(c) || u_istitle(c);
        word.starts_sentence = starts;
        word.follows = only_blank;
        word.in_cjk = cjk_before;
      } else if (u_isalpha(c) && !u_isupper(c)) {
        words.back().all_capitals = false;
      }
    } else {
      end_word(start);
      if (!u_isUWhiteSpace(c)) only_blank = cjk_before = false;
      if (EndsSentence(c) && !(c == '.' && !words.empty() && IsTitle(words.back().folded))) {
        starts = true;
      }
      // What opens a sentence, as a quotation mark, leaves its first word the first.
    }
  }
  end_word(size);
  return words;
}

bool IsName(const std::vector<Word>& words, size_t i) {
  const Word& word = words[i];
  if (!word.capital || word.folded.size() < 2 || IsNoName(word.folded)) return false;
  if (ContentTerms(word.folded).empty()) return false;
  if (word.in_cjk || !word.starts_sentence) return true;
  return i + 1 < words.size() && words[i + 1].capital && words[i + 1].follows;
}

bool CapitalisesNouns(const std::vector<Word>& words) {
  static const auto* const german = new absl::flat_hash_set<std::string>{
      "der", "die", "das",   "und",  "ist",   "ein", "eine", "den", "dem", "des",
      "von", "mit", "nicht", "wird", "wurde", "im",  "zu",   "auf", "für"};
  return std::count_if(words.begin(), words.end(), [](const Word& word) {
           return german->contains(word.folded);
         }) >= kGermanWords;
}

bool SameStem(const std::string& a, const std::string& b) {
  size_t shared = 0;
  while (shared < a.size() && shared < b.size() && a[shared] == b[shared]) ++shared;
  if (shared < kLeastStem) return false;
  if (shared == b.size() || shared == a.size()) return true;
  const absl::string_view ending = absl::string_view(a).substr(shared);
  for (const absl::string_view people : {"an", "ian", "n", "ese", "ish", "i", "ch", "ic"}) {
    if (ending == people) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> NamesIn(absl::string_view text) {
  std::vector<std::string> out;
  const std::vector<Word> words = WordsIn(text);
  for (size_t i = 0; i < words.size(); ++i) {
    if (IsName(words, i)) out.push_back(words[i].folded);
  }
  return out;
}

std::string MissingName(absl::string_view claim, absl::string_view passages) {
  if (!HasCjk(claim) && HasCjk(passages)) return "";
  const std::vector<Word> said = WordsIn(claim);
  const std::vector<Word> there = WordsIn(passages);
  if (CapitalisesNouns(said) || CapitalisesNouns(there)) return "";
  absl::flat_hash_set<std::string> known;
  std::string initials;
  for (const Word& word : there) {
    known.insert(word.folded);
    initials += word.folded[0];
  }
  for (size_t i = 0; i < said.size(); ++i) {
    const std::string& name = said[i].folded;
    if (!IsName(said, i) || known.contains(name)) continue;
    const bool acronym =
        said[i].all_capitals && name.size() <= kLongestAcronym && absl::StrContains(initials, name);
    const bool inflected = std::any_of(
        known.begin(), known.end(), [&](const std::string& word) { return SameStem(name, word); });
    if (!acronym && !inflected) return name;
  }
  return "";
}

}  // namespace sightline::query
