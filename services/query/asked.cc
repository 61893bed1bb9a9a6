#include "services/query/asked.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/query/claim_check.h"
#include "services/query/leaning.h"
#include "services/query/names.h"
#include "services/query/terms.h"
#include "services/query/words.h"

namespace sightline::query {
namespace {

constexpr double kEntityWeight = 2;
// Of a word that stands nowhere, of what those that do weigh in the mean, where nothing is named:
// one of two must not answer ("who invented the telephone"), two of three may ("who makes the tall
// mug").
constexpr double kUnseenWeight = 1.5;
// Texts of more bytes, or of more questions, are not parted.
constexpr size_t kMostBytesParted = 1000;
constexpr size_t kMostQuestions = 4;
// Of the weight of a name's words, what must be met: a person is named in more ways than one.
constexpr double kMostOfName = 0.45;

bool HasDigit(absl::string_view text) {
  return std::ranges::any_of(text, [](char c) { return absl::ascii_isdigit(c); });
}

// 几 as a word of its own or before what is counted; not 茶几 (a tea table) or 几乎 (almost).
bool HasHowMany(const std::string& normalised) {
  return std::ranges::any_of(SplitWords(normalised), [&](const Span& span) {
    const absl::string_view word =
        absl::string_view(normalised).substr(span.begin, span.end - span.begin);
    return absl::StartsWith(word, "几") && word != "几乎" && word != "几何" && word != "几率";
  });
}

// "How many": the answer is an amount. Not "when", which "at noon" answers.
bool AsksForAmount(absl::string_view question) {
  const std::string normalised = NormalisedText(question);
  const std::string text = absl::StrCat(" ", normalised, " ");
  constexpr absl::string_view kAsking[] = {" how many ",  " how much ",   " how old ", " how tall ",
                                           " what year ", " which year ", "多少",      "哪年",
                                           "哪一年",      "多大",         "多长"};
  return HasHowMany(normalised) || std::ranges::any_of(kAsking, [&](absl::string_view words) {
           return absl::StrContains(text, words);
         });
}

bool IsOpen(absl::string_view question) {
  static const auto* const words =
      new TermSet({"what", "who", "whom", "whose", "which", "how", "where", "when", "why"});
  const std::string text = NormalisedText(question);
  for (const Span& word : SplitWords(text)) {
    if (words->contains(text.substr(word.begin, word.end - word.begin))) return true;
  }
  constexpr absl::string_view kAsking[] = {"谁", "什么", "哪", "多少", "怎么", "为何", "如何"};
  return HasHowMany(text) || std::ranges::any_of(kAsking, [&](absl::string_view asking) {
           return absl::StrContains(text, asking);
         });
}

// Amounts in words, beyond those that NumbersIn knows.
TermSet AmountsInWords(absl::string_view text) {
  static const auto* const words = new TermSet(
      {"one",      "once",      "twice",    "dozen",    "thirteen", "fourteen", "fifteen",
       "sixteen",  "seventeen", "eighteen", "nineteen", "twenty",   "thirty",   "forty",
       "fifty",    "sixty",     "seventy",  "eighty",   "ninety",   "hundred",  "hundreds",
       "thousand", "thousands", "million",  "millions", "billion",  "half",     "zero",
       "none",     "no",        "nothing",  "free",     "several",  "few",      "every",
       "all",      "both"});
  constexpr absl::string_view kCharacters[] = {
      "一个", "一件", "一台", "一只", "一张", "二", "两", "三", "四", "五", "六",
      "七",   "八",   "九",   "十",   "百",   "千", "万", "亿", "半", "零", "免费"};
  const std::string normalised = NormalisedText(text);
  TermSet out;
  for (const absl::string_view characters : kCharacters) {
    if (absl::StrContains(normalised, characters)) out.insert(std::string(characters));
  }
  for (const Span& span : SplitWords(normalised)) {
    std::string word = normalised.substr(span.begin, span.end - span.begin);
    if (words->contains(word)) out.insert(std::move(word));
  }
  return out;
}

// "X and Y", "X or Y", two questions in one. A comma within a number joins nothing.
bool JoinsThings(absl::string_view question) {
  static const auto* const words =
      new TermSet({"and", "or", "和", "与", "及", "或", "还是", "以及"});
  const std::string text = NormalisedText(question);
  const auto is_digit = [&](size_t at) {
    return at < text.size() && absl::ascii_isdigit(text[at]);
  };
  for (size_t at = text.find_first_of(",;?&"); at < text.size();
       at = text.find_first_of(",;?&", at + 1)) {
    if (at + 1 < text.size() && !(at > 0 && is_digit(at - 1) && is_digit(at + 1))) return true;
  }
  if (absl::StrContains(text, "、")) return true;
  return std::ranges::any_of(SplitWords(text), [&](const Span& word) {
    return words->contains(text.substr(word.begin, word.end - word.begin));
  });
}

// Asks for something and says of what: by a name, or by a number beside another word ("invoice 7").
bool StandsAlone(absl::string_view clause) {
  return IsOpen(clause) && (!NamesIn(clause).empty() ||
                            (!NumbersIn(clause).empty() && ContentTerms(clause).size() > 1));
}

// The text's words with a mark between, so that no term of two words is found in them.
std::string InWords(absl::string_view given) {
  const std::string text = NormalisedText(given);
  std::string out;
  for (const Span& word : SplitWords(text)) {
    absl::StrAppend(&out, text.substr(word.begin, word.end - word.begin), "|");
  }
  return out;
}

TermSet NameTerms(absl::string_view question) {
  TermSet out;
  for (const std::string& name : NamesIn(question)) {
    for (std::string& term : Terms(name)) out.insert(std::move(term));
  }
  return out;
}

}  // namespace

std::vector<std::string> QuestionsIn(absl::string_view text) {
  const std::vector<std::string> whole = {std::string(text)};
  if (text.size() > kMostBytesParted) return whole;
  constexpr absl::string_view kBetween[] = {"; and ", ", and ", " and ", "; ", "? And ", "? ",
                                            "?\n",    "\n",     "，",    "；", "？"};
  std::vector<std::string> clauses(1);
  for (size_t at = 0; at < text.size();) {
    const absl::string_view rest = text.substr(at);
    const auto* const between = std::ranges::find_if(
        kBetween, [&](absl::string_view mark) { return absl::StartsWith(rest, mark); });
    if (between != std::end(kBetween)) {
      clauses.emplace_back();
      at += between->size();
      continue;
    }
    // A list, a date, a clause about what stands before it.
    if (absl::StartsWith(rest, ", ")) return whole;
    clauses.back() += text[at++];
  }
  std::erase(clauses, "");
  if (clauses.size() < 2 || clauses.size() > kMostQuestions) return whole;
  for (size_t i = 0; i < clauses.size(); ++i) {
    if (!StandsAlone(clauses[i]) || (i > 0 && LeansOnEarlier(clauses[i], false))) return whole;
  }
  return clauses;
}

TermSet TermsOf(absl::string_view text) {
  std::vector<std::string> terms = Terms(text);
  return {std::make_move_iterator(terms.begin()), std::make_move_iterator(terms.end())};
}

Asked::Asked(absl::string_view question, const std::vector<const TermSet*>& places)
    : terms_(TermsOf(question)),
      numbers_(NumbersIn(question)),
      amounts_(AmountsInWords(question)),
      for_amount_(AsksForAmount(question)),
      open_(IsOpen(question)) {
  FindEntities(question);
  joined_ = entities_.size() > 1 && JoinsThings(question);
  TermSet entities;
  for (const auto& entity : entities_) entities.insert(entity.begin(), entity.end());
  const std::string words = InWords(question);
  const auto n = static_cast<double>(places.size());
  double seen = 0;
  int seen_terms = 0;
  std::vector<std::pair<std::string, double>> unseen;
  for (const std::string& term : ContentTerms(question)) {
    const auto with = static_cast<double>(
        std::ranges::count_if(places, [&](const TermSet* terms) { return terms->contains(term); }));
    const double rarity = std::log(1 + (n - with + 0.5) / (with + 0.5));
    const bool is_entity = entities.contains(term);
    if (with > 0 || is_entity) {
      weights_[term] = rarity * (is_entity ? kEntityWeight : 1);
    } else if (absl::StrContains(words, term)) {
      unseen.emplace_back(term, rarity);
    }  // else two neighbouring characters of two words
    if (with > 0) {
      seen += rarity;
      ++seen_terms;
    }
  }
  for (const auto& [term, rarity] : unseen) {
    const double form = entities_.empty() ? kUnseenWeight : 1;
    weights_[term] = seen_terms > 0 ? std::min(rarity, form * seen / seen_terms) : rarity;
  }
  for (const auto& [term, weight] : weights_) total_ += weight;
}

void Asked::FindEntities(absl::string_view question) {
  const TermSet names = NameTerms(question);
  bool in_name = false;
  for (const std::string& term : Terms(question)) {
    const bool is_name = names.contains(term);
    if (is_name && in_name) {
      entities_.back().push_back(term);
    } else if (is_name || HasDigit(term)) {
      entities_.push_back({term});
    }
    in_name = is_name;
  }
}

double Asked::Held(const TermSet& terms) const {
  double sum = 0;
  for (const auto& [term, weight] : weights_) {
    if (terms.contains(term)) sum += weight;
  }
  return total_ > 0 ? sum / total_ : 0;
}

bool Asked::HoldsEntity(const TermSet& terms, size_t entity) const {
  double held = 0, all = 0;
  for (const std::string& term : entities_[entity]) {
    const auto weight = weights_.find(term);
    if (weight == weights_.end()) continue;
    all += weight->second;
    if (terms.contains(term)) held += weight->second;
  }
  return held >= kMostOfName * all;
}

bool Asked::HoldsEnoughEntities(const TermSet& terms) const {
  size_t held = 0;
  for (size_t i = 0; i < entities_.size(); ++i) held += HoldsEntity(terms, i) ? 1 : 0;
  return held >= (joined_ ? std::min<size_t>(entities_.size(), 1) : entities_.size());
}

bool Asked::LacksAmount(absl::string_view text) const {
  if (!for_amount_ || joined_) return false;
  const auto is_known = [](const auto& known) {
    return [&known](const std::string& amount) { return known.contains(amount); };
  };
  return std::ranges::all_of(NumbersIn(text), is_known(numbers_)) &&
         std::ranges::all_of(AmountsInWords(text), is_known(amounts_));
}

bool Asked::SaysMore(absl::string_view text) const {
  return std::ranges::any_of(ContentTerms(text),
                             [this](const std::string& term) { return !terms_.contains(term); });
}

}  // namespace sightline::query
