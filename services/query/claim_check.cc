#include "services/query/claim_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utf8.h"
#include "services/query/direction.h"
#include "services/query/names.h"
#include "services/query/places.h"
#include "services/query/table_claims.h"
#include "services/query/terms.h"
#include "services/query/tokens.h"
#include "services/query/units.h"

namespace sightline::query {
namespace {

// Share of a claim's content terms below which it does not rest on the passage. Low, because a true
// paraphrase keeps its names and nouns but little else.
constexpr float kLeastOverlap = 0.2f;
// Of a Chinese claim without numbers: its terms are pairs of characters, of which a passage about
// the same thing that says something else has a few.
constexpr float kLeastOverlapOfPairs = 0.3f;

// "007.50" -> "7.5"
std::string CanonicalNumber(std::string number) {
  if (absl::StrContains(number, ".")) {
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
  }
  const size_t first = std::min(number.find_first_not_of('0'), number.find('.'));
  if (first == std::string::npos) return "0";
  number.erase(0, first);
  return number[0] == '.' ? "0" + number : number;
}

std::optional<int> MonthOf(absl::string_view word) {
  static constexpr std::array<absl::string_view, 12> kMonths = {
      "january", "february", "march",     "april",   "may",      "june",
      "july",    "august",   "september", "october", "november", "december"};
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (word == kMonths[i] || (word.size() >= 3 && word.size() <= 4 && word != "mar" &&
                               absl::StartsWith(kMonths[i], word))) {
      return static_cast<int>(i) + 1;
    }
  }
  return word == "mar" ? std::optional<int>(3) : std::nullopt;
}

std::optional<int> NumberWord(absl::string_view word) {
  // "one" is left out: it is more often a pronoun than a number.
  static constexpr std::array<absl::string_view, 11> kWords = {
      "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"};
  const auto* found = std::find(kWords.begin(), kWords.end(), word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<int>(found - kWords.begin()) + 2;
}

// What a number counts: the word, the first character of another script or the "%" behind it, or
// the sign of a currency before it; "year" for four digits without any; empty when nothing tells.
std::string KindOf(const std::string& text, const Token& token) {
  size_t at = token.end;
  if (at < text.size() && text[at] == ' ') ++at;
  size_t end = at;
  while (end < text.size() && absl::ascii_isalpha(text[end])) ++end;
  if (end > at) {
    const std::vector<std::string> unit = ContentTerms(text.substr(at, end - at));
    if (!unit.empty()) return unit.front();
  } else if (at < text.size() && text[at] == '%') {
    return "%";
  } else if (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80) {
    const absl::string_view rest = absl::string_view(text).substr(at);
    const std::string sign(rest.substr(0, Utf8PrefixLength(rest, 3)));
    if (!Terms(sign).empty() || sign == "€" || sign == "£" || sign == "¥") return sign;
  }
  for (const absl::string_view sign : {"$", "€", "£", "¥"}) {
    if (absl::EndsWith(absl::string_view(text).substr(0, token.begin), sign)) {
      return std::string(sign);
    }
  }
  return token.text.size() == 4 && (token.text[0] == '1' || token.text[0] == '2') ? "year" : "";
}

struct Measure {
  std::string number;
  std::string kind;
};

std::vector<Measure> MeasuresIn(absl::string_view text) {
  std::vector<Measure> out;
  const std::string normalised = NormalisedText(text);
  for (const Token& token : Tokenize(normalised)) {
    if (!token.is_number) continue;
    out.push_back({CanonicalNumber(token.text), KindOf(normalised, token)});
  }
  return out;
}

struct NumberInUnits {
  std::string number;
  Units units;
};

std::vector<NumberInUnits> NumbersInUnits(const std::string& normalised) {
  const absl::string_view text = normalised;
  std::vector<NumberInUnits> out;
  for (const Token& token : Tokenize(normalised)) {
    if (!token.is_number) continue;
    out.push_back({CanonicalNumber(token.text),
                   UnitsOfNumber(text.substr(0, token.begin), text.substr(token.end))});
  }
  return out;
}

// True when a number of the claim stands in the passages in another unit of its dimension, and
// nowhere in its own. Where it stands without a unit, as in a table whose head names that, it may
// be in any.
bool IsInOtherUnits(absl::string_view claim, const std::string& normalised_passages) {
  const std::vector<NumberInUnits> there = NumbersInUnits(normalised_passages);
  const std::vector<NumberInUnits> claimed = NumbersInUnits(NormalisedText(claim));
  return std::any_of(claimed.begin(), claimed.end(), [&](const NumberInUnits& wanted) {
    if (wanted.units.empty()) return false;
    bool found = false;
    for (const NumberInUnits& one : there) {
      if (one.number != wanted.number) continue;
      if (!AreOtherUnits(one.units, wanted.units)) return false;
      found = true;
    }
    return found;
  });
}

absl::flat_hash_set<std::string> WordsOf(absl::string_view text) {
  absl::flat_hash_set<std::string> out;
  for (std::string& term : ContentTerms(text)) {
    if (!absl::ascii_isdigit(term[0])) out.insert(std::move(term));
  }
  return out;
}

// True when `sentence` says of other numbers what `claim` says of those in `missing`.
bool SaysOtherwise(absl::string_view sentence, absl::string_view claim,
                   const std::set<std::string>& missing) {
  const auto words = WordsOf(claim);
  const auto said = WordsOf(sentence);
  if (words.size() < 2 || said.size() > 2 * words.size()) return false;
  if (!std::all_of(words.begin(), words.end(),
                   [&](const std::string& word) { return said.contains(word); })) {
    return false;
  }
  const std::set<std::string> claimed = NumbersIn(claim);
  const std::set<std::string> numbers = NumbersIn(sentence);
  for (const std::string& number : claimed) {
    if (!missing.contains(number) && !numbers.contains(number)) return false;
  }
  const std::vector<Measure> measures = MeasuresIn(sentence);
  for (const Measure& wanted : MeasuresIn(claim)) {
    if (!missing.contains(wanted.number)) continue;
    // Without a unit it is the same only where the sentence has no word more.
    const bool other = (!wanted.kind.empty() || said.size() == words.size()) &&
                       std::any_of(measures.begin(), measures.end(), [&](const Measure& measure) {
                         return measure.kind == wanted.kind && !claimed.contains(measure.number);
                       });
    if (!other) return false;
  }
  return true;
}

bool HasNumber(const std::set<std::string>& numbers, const std::string& wanted) {
  if (numbers.contains(wanted)) return true;
  // A month may stand as a name on one side and as a number on the other.
  constexpr absl::string_view kMonth = "month:";
  if (absl::StartsWith(wanted, kMonth)) return numbers.contains(wanted.substr(kMonth.size()));
  return numbers.contains(absl::StrCat(kMonth, wanted));
}

// Letters beyond ASCII, by the first bytes of their blocks; signs and punctuation are in others.
bool HasForeignLetter(absl::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xC3 && byte <= 0xED && byte != 0xE2;
  });
}

// True when the claim names a month ("in April") of which the passages know neither name nor
// number. Passages in other languages have their own words for it.
bool NamesMissingMonth(absl::string_view claim, absl::string_view passages) {
  if (HasForeignLetter(passages)) return false;
  static constexpr absl::string_view kBefore[] = {"in", "of", "during", "since", "until"};
  const std::vector<Token> said = Tokenize(NormalisedText(claim));
  std::set<int> there;
  for (const Token& token : Tokenize(NormalisedText(passages))) {
    if (const auto month = MonthOf(token.text); month.has_value()) there.insert(*month);
  }
  const std::set<std::string> numbers = NumbersIn(passages);
  for (size_t i = 1; i < said.size(); ++i) {
    // A word that may be one ("may", "march") is one behind these.
    if (std::ranges::find(kBefore, said[i - 1].text) == std::end(kBefore)) continue;
    const auto month = MonthOf(said[i].text);
    if (!month.has_value() || there.contains(*month)) continue;
    if (!numbers.contains(absl::StrCat(*month))) return true;
  }
  return false;
}

// True when a sentence says of another number what the claim says of one that stands only in
// sentences about something else: with names, and none of the claim's among their words.
bool IsSaidOfAnother(absl::string_view claim, const std::vector<std::string>& passages) {
  const std::set<std::string> claimed = NumbersIn(claim);
  const std::vector<std::string> names = NamesIn(claim);
  if (claimed.empty() || names.empty()) return false;
  std::set<std::string> others = claimed;  // numbers that only stand beside other names
  bool otherwise = false;
  for (const std::string& passage : passages) {
    for (const Span& span : SplitSentences(passage)) {
      const auto sentence = absl::string_view(passage).substr(span.begin, span.end - span.begin);
      const std::set<std::string> numbers = NumbersIn(sentence);
      const std::string words = NormalisedText(sentence);
      // "Since May": the first word may have its capital from the sentence.
      const std::vector<std::string> named = NamesIn(sentence);
      const bool of_another =
          std::ranges::any_of(named,
                              [&](const std::string& name) {
                                return !absl::StartsWith(absl::StripAsciiWhitespace(words), name);
                              }) &&
          std::ranges::none_of(
              names, [&](const std::string& name) { return absl::StrContains(words, name); });
      std::set<std::string> missing;
      for (const std::string& number : claimed) {
        if (!HasNumber(numbers, number)) {
          missing.insert(number);
        } else if (!of_another) {
          others.erase(number);
        }
      }
      otherwise = otherwise || (!missing.empty() && SaysOtherwise(sentence, claim, missing));
    }
  }
  return otherwise && !others.empty();
}

// Drops "1. " or "2) " at the start: the number of a list item states nothing.
absl::string_view WithoutListNumber(absl::string_view claim) {
  claim = absl::StripLeadingAsciiWhitespace(claim);
  size_t at = 0;
  while (at < claim.size() && absl::ascii_isdigit(claim[at])) ++at;
  if (at == 0 || at > 2 || at + 1 >= claim.size()) return claim;
  if ((claim[at] != '.' && claim[at] != ')') || claim[at + 1] != ' ') return claim;
  return claim.substr(at + 2);
}

}  // namespace

std::set<std::string> NumbersIn(absl::string_view text) {
  std::set<std::string> out;
  const std::vector<Token> tokens = Tokenize(NormalisedText(text));
  const auto is_number = [&](size_t i) { return i < tokens.size() && tokens[i].is_number; };
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is_number) {
      out.insert(CanonicalNumber(tokens[i].text));
    } else if (const auto word = NumberWord(tokens[i].text); word.has_value()) {
      out.insert(absl::StrCat(*word));
    } else if (is_number(i + 1) || (i > 0 && is_number(i - 1))) {
      // Only beside a number: "may" and "march" are mostly not months.
      const auto month = MonthOf(tokens[i].text);
      if (month.has_value()) out.insert(absl::StrCat("month:", *month));
    }
  }
  return out;
}

std::vector<std::string> QuotesIn(absl::string_view text) {
  static constexpr std::pair<absl::string_view, absl::string_view> kQuotes[] = {
      {"\"", "\""}, {"“", "”"}, {"„", "“"}, {"「", "」"}, {"『", "』"}, {"«", "»"}};
  std::vector<std::string> out;
  for (const auto& [open, close] : kQuotes) {
    for (size_t at = text.find(open); at != absl::string_view::npos; at = text.find(open, at)) {
      const size_t begin = at + open.size();
      const size_t end = text.find(close, begin);
      if (end == absl::string_view::npos) break;
      std::string quote = NormalisedText(text.substr(begin, end - begin));
      // The comma or full stop that typesetters put inside the marks is not part of the quote.
      while (!quote.empty() && (quote.back() == '.' || quote.back() == ',')) quote.pop_back();
      if (quote.size() >= 2) out.push_back(std::move(quote));
      at = end + close.size();
    }
  }
  return out;
}

float Overlap(absl::string_view claim, absl::string_view passage) {
  const std::vector<std::string> wanted = ContentTerms(claim);
  if (wanted.empty()) return 0;
  const std::vector<std::string> terms = Terms(passage);
  const absl::flat_hash_set<std::string> there(terms.begin(), terms.end());
  const auto found = std::count_if(wanted.begin(), wanted.end(),
                                   [&](const std::string& term) { return there.contains(term); });
  return static_cast<float>(found) / static_cast<float>(wanted.size());
}

Verdict CheckClaim(absl::string_view claim, const std::vector<std::string>& passages) {
  if (ContradictsItself(claim)) return Verdict::kContradicted;
  const std::string words = absl::StrJoin(passages, "\n");
  if (absl::StripAsciiWhitespace(words).empty()) return Verdict::kUnchecked;
  claim = WithoutListNumber(claim);

  const std::set<std::string> numbers = NumbersIn(words);
  const std::set<std::string> wanted = NumbersIn(claim);
  std::set<std::string> missing;
  for (const std::string& number : wanted) {
    if (!HasNumber(numbers, number)) missing.insert(number);
  }
  if (!missing.empty()) {
    for (const std::string& passage : passages) {
      for (const Span& span : SplitSentences(passage)) {
        const auto sentence = absl::string_view(passage).substr(span.begin, span.end - span.begin);
        if (SaysOtherwise(sentence, claim, missing)) return Verdict::kContradicted;
      }
    }
    return Verdict::kUnsupported;
  }
  if (NamesMissingMonth(claim, words)) return Verdict::kUnsupported;
  const std::string normalised = NormalisedText(words);
  const std::vector<std::string> quotes = QuotesIn(claim);
  for (const std::string& quote : quotes) {
    if (!absl::StrContains(normalised, quote)) return Verdict::kUnsupported;
  }
  if (IsInOtherUnits(claim, normalised)) return Verdict::kUnsupported;
  if (!MissingName(claim, words).empty()) return Verdict::kUnsupported;
  if (!MissingPlace(claim, words).empty() || !OtherQualifier(claim, words).empty() ||
      !OtherValue(claim, words).empty()) {
    return Verdict::kUnsupported;
  }
  if (ContradictsTable(claim, passages) || IsSaidOfAnother(claim, passages)) {
    return Verdict::kContradicted;
  }
  const bool in_pairs = IsMostlyCjk(claim) && IsMostlyCjk(words) && wanted.empty();
  if (Overlap(claim, words) >= (in_pairs ? kLeastOverlapOfPairs : kLeastOverlap)) {
    return Verdict::kSupported;
  }
  if (IsMostlyCjk(claim) == IsMostlyCjk(words)) return Verdict::kUnsupported;
  return wanted.empty() && quotes.empty() ? Verdict::kUnchecked : Verdict::kSupported;
}

std::optional<Span> ClosestSentence(absl::string_view claim, absl::string_view passage) {
  // A number that is written otherwise, 1250 for 1,250.00, is no common word.
  const std::set<std::string> numbers = NumbersIn(claim);
  std::optional<Span> best;
  float best_shared = 0;
  for (const Span& span : SplitSentences(passage)) {
    const Span trimmed = Trimmed(passage, span);
    const absl::string_view sentence = passage.substr(trimmed.begin, trimmed.end - trimmed.begin);
    float shared = Overlap(claim, sentence);
    if (!numbers.empty()) {
      const std::set<std::string> there = NumbersIn(sentence);
      const auto found = std::count_if(numbers.begin(), numbers.end(),
                                       [&](const std::string& one) { return there.contains(one); });
      shared += static_cast<float>(found) / static_cast<float>(numbers.size());
    }
    if (shared > best_shared) {
      best_shared = shared;
      best = trimmed;
    }
  }
  return best;
}

}  // namespace sightline::query
