#include "services/query/terms.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/function_words.h"
#include "base/utf8.h"
#include "services/query/code_point.h"

namespace sightline::query {
namespace {

bool IsWordPart(UChar32 c) {
  return u_isalnum(c) || u_charType(c) == U_NON_SPACING_MARK ||
         u_charType(c) == U_COMBINING_SPACING_MARK;
}

bool IsAscii(absl::string_view text) {
  return std::ranges::all_of(text, [](char c) { return absl::ascii_isascii(c); });
}

std::string CaseFolded(absl::string_view text) {
  // Of ASCII it is no more than lower case, and asking ICU about every letter costs far more.
  if (IsAscii(text)) return absl::AsciiStrToLower(text);
  const std::string valid = ToValidUtf8(text);
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKCCasefoldInstance(code);
  if (U_FAILURE(code)) return valid;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<int32_t>(valid.size()));
  normalizer->normalizeUTF8(0, icu::StringPiece(valid.data(), static_cast<int32_t>(valid.size())),
                            sink, nullptr, code);
  return U_FAILURE(code) ? valid : out;
}

// Cuts the commonest English endings, so that "invoices" meets "invoice". Both sides of a
// comparison go through it, so what matters is that forms meet, not that the stem is a word.
std::string Stem(std::string word) {
  for (const char c : word) {
    if (c < 'a' || c > 'z') return word;
  }
  const auto cut = [&](absl::string_view ending, size_t least) {
    if (word.size() < least + ending.size() || !absl::EndsWith(word, ending)) return false;
    word.resize(word.size() - ending.size());
    return true;
  };
  if (cut("ies", 2)) {
    word += 'y';
  } else if (!absl::EndsWith(word, "ss") && !absl::EndsWith(word, "us")) {
    cut("s", 3);
  }
  if (!cut("ing", 4)) cut("ed", 4);
  if (word.size() > 4 && word.back() == 'e') word.pop_back();
  return word;
}

// The function words, and as Terms gives them.
const absl::flat_hash_set<std::string>& StopWords() {
  static const auto* const words = [] {
    auto* set = new absl::flat_hash_set<std::string>;
    for (const absl::string_view word : EnglishFunctionWords()) {
      set->insert(Stem(std::string(word)));
      set->insert(std::string(word));
    }
    return set;
  }();
  return *words;
}

bool IsStopTerm(const std::string& term) {
  int32_t at = 0;
  while (at < static_cast<int32_t>(term.size())) {
    const UChar32 c = NextCodePoint(term, at);
    if (IsFunctionCharacter(c)) return true;
  }
  return StopWords().contains(term);
}

// "1,000" is one number: a comma between digits belongs to it, and so does a point.
bool JoinsDigits(absl::string_view text, int32_t at, UChar32 before, UChar32 c) {
  if ((c != '.' && c != ',') || !u_isdigit(before)) return false;
  if (at >= static_cast<int32_t>(text.size())) return false;
  return u_isdigit(NextCodePoint(text, at));
}

// NormalisedText of ASCII alone, byte by byte.
std::string NormalisedAscii(absl::string_view text) {
  std::string out(text.size(), '\0');
  size_t end = 0;
  bool space = false;
  for (const char c : text) {
    if (c <= ' ' || c == 0x7F) {
      space = end > 0;
      continue;
    }
    if (space) out[end++] = ' ';
    space = false;
    out[end++] = absl::ascii_tolower(c);
  }
  out.resize(end);
  return out;
}

}  // namespace

bool IsCjk(int32_t code_point) {
  UErrorCode code = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(code_point, &code);
  return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA;
}

std::string NormalisedText(absl::string_view text) {
  if (IsAscii(text)) return NormalisedAscii(text);
  const std::string folded = CaseFolded(text);
  std::string out;
  out.reserve(folded.size());
  bool space = false;
  for (int32_t at = 0; at < static_cast<int32_t>(folded.size());) {
    const int32_t start = at;
    const UChar32 c = NextCodePoint(folded, at);
    if (u_isUWhiteSpace(c) || u_iscntrl(c)) {
      space = !out.empty();
      continue;
    }
    if (space) out += ' ';
    space = false;
    out.append(folded, start, at - start);
  }
  return out;
}

std::vector<std::string> Terms(absl::string_view text) {
  const std::string folded = CaseFolded(text);
  std::vector<std::string> out;
  std::string word;
  std::string previous_cjk;  // the character before, when it was Han or Kana
  bool paired = false;       // previous_cjk is already part of a pair
  UChar32 before = 0;
  const auto end_word = [&] {
    if (!word.empty()) out.push_back(Stem(std::move(word)));
    word.clear();
  };
  const auto end_cjk = [&] {
    if (!previous_cjk.empty() && !paired) out.push_back(previous_cjk);
    previous_cjk.clear();
    paired = false;
  };
  for (int32_t at = 0; at < static_cast<int32_t>(folded.size());) {
    const int32_t start = at;
    const UChar32 c = NextCodePoint(folded, at);
    if (IsCjk(c)) {
      end_word();
      const std::string character = folded.substr(start, at - start);
      if (!previous_cjk.empty()) {
        out.push_back(previous_cjk + character);
        paired = true;
      }
      previous_cjk = character;
    } else if (IsWordPart(c)) {
      end_cjk();
      word.append(folded, start, at - start);
    } else if (!word.empty() && JoinsDigits(folded, at, before, c)) {
      if (c == '.') word += '.';
    } else {
      end_word();
      end_cjk();
    }
    before = c;
  }
  end_word();
  end_cjk();
  return out;
}

std::vector<std::string> ContentTerms(absl::string_view text) {
  std::vector<std::string> out;
  absl::flat_hash_set<std::string> seen;
  for (std::string& term : Terms(text)) {
    if (!IsStopTerm(term) && seen.insert(term).second) out.push_back(std::move(term));
  }
  return out;
}

bool IsMostlyCjk(absl::string_view text) {
  int cjk = 0;
  int other = 0;
  for (int32_t at = 0; at < static_cast<int32_t>(text.size());) {
    const UChar32 c = NextCodePoint(text, at);
    if (IsCjk(c)) {
      ++cjk;
    } else if (u_isalpha(c)) {
      ++other;
    }
  }
  // A Chinese character stands for about as much as a short word, hence two letters each.
  return 2 * cjk > other;
}

}  // namespace sightline::query
