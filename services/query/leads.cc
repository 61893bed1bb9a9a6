#include "services/query/leads.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "base/status.h"
#include "services/query/code_point.h"
#include "services/query/names.h"
#include "services/query/sentences.h"
#include "services/query/terms.h"
#include "services/query/words.h"

namespace sightline::query {
namespace {

// Of the weight of the rarest word: what the question is about (and as rare is a name in a script
// without capitals), and what a passage is kept for. Tried on 900 questions of three made-up shops:
// 0.75 follows what a question only mentions.
constexpr double kAboutShare = 0.9;
constexpr double kKeptShare = 0.7;
constexpr int64_t kFewHolding = 3;
constexpr size_t kMostCounted = 128;  // names that are looked up in the index

// By how a word is written. In a script without capitals only its rarity tells a name.
enum class Writing { kPlain, kName, kWithoutCase };

// A word as it is compared.
struct Word {
  std::string folded;
  Writing writing = Writing::kPlain;
};

Writing WritingOf(absl::string_view word) {
  bool capital = false, without_case = false, digit = false;
  int letters = 0;
  for (int32_t at = 0; at < static_cast<int32_t>(word.size());) {
    const bool first = at == 0;
    const UChar32 c = NextCodePoint(word, at);
    if (first && (u_isupper(c) || u_istitle(c))) capital = true;
    if (first && u_isalpha(c) && u_toupper(c) == u_tolower(c)) without_case = true;
    letters += u_isalpha(c) ? 1 : 0;
    digit = digit || u_isdigit(c);
  }
  if ((capital && letters > 1) || (digit && letters > 0)) return Writing::kName;
  return without_case && letters > 1 ? Writing::kWithoutCase : Writing::kPlain;
}

// The words of a sentence that carry meaning, in order: pairs of characters behind the others.
std::vector<Word> WordsOf(absl::string_view sentence) {
  std::vector<Word> out;
  for (const Span span : SplitWords(sentence)) {
    const absl::string_view word = sentence.substr(span.begin, span.end - span.begin);
    int32_t at = 0;
    if (IsCjk(NextCodePoint(word, at))) continue;
    std::string folded = NormalisedText(word);
    for (const absl::string_view possessive : {"'s", "’s"}) {
      if (absl::EndsWith(folded, possessive)) folded.resize(folded.size() - possessive.size());
    }
    if (ContentTerms(folded).empty()) continue;
    out.push_back({std::move(folded), WritingOf(word)});
  }
  for (std::string& term : ContentTerms(sentence)) {
    int32_t at = 0;
    if (!IsCjk(NextCodePoint(term, at)) || at == static_cast<int32_t>(term.size())) continue;
    out.push_back({std::move(term), Writing::kWithoutCase});
  }
  return out;
}

using Sentences = std::vector<std::vector<Word>>;

Sentences SentencesOf(absl::string_view text) {
  Sentences out;
  for (const Span span : SplitSentences(text)) {
    std::vector<Word> words = WordsOf(text.substr(span.begin, span.end - span.begin));
    if (!words.empty()) out.push_back(std::move(words));
  }
  return out;
}

template <typename Visit>
void ForEachWord(const Sentences& sentences, const Visit& visit) {
  for (const auto& sentence : sentences) {
    for (const Word& word : sentence) visit(word);
  }
}

using WordSet = absl::flat_hash_set<std::string>;

bool HoldsAny(const std::vector<Word>& sentence, const WordSet& words) {
  return absl::c_any_of(sentence, [&](const Word& word) { return words.contains(word.folded); });
}

bool HoldsAny(const Sentences& sentences, const WordSet& words) {
  return absl::c_any_of(sentences, [&](const auto& sentence) { return HoldsAny(sentence, words); });
}

// As BM25 weighs it.
double Weight(int64_t holding, int64_t texts) {
  return std::log(1.0 + (static_cast<double>(texts - holding) + 0.5) /
                            (static_cast<double>(holding) + 0.5));
}

}  // namespace

bool IsRare(int64_t holding, int64_t texts) {
  return holding <= std::clamp<int64_t>(texts / 20, kFewHolding, kMostHolding);
}

absl::StatusOr<Leads> FindLeads(absl::string_view question, std::span<const std::string> passages,
                                const WordCounter& count) {
  Leads out;
  out.kept.resize(passages.size());
  WordSet asked;
  ForEachWord(SentencesOf(question), [&](const Word& word) { asked.insert(word.folded); });
  std::vector<Sentences> found;
  absl::flat_hash_map<std::string, int64_t> here;  // passages given that hold the word
  for (const std::string& passage : passages) {
    found.push_back(SentencesOf(passage));
    absl::flat_hash_set<absl::string_view> once;
    ForEachWord(found.back(), [&](const Word& word) {
      if (once.insert(word.folded).second) ++here[word.folded];
    });
  }

  const std::vector<std::string> questions(asked.begin(), asked.end());
  SL_ASSIGN_OR_RETURN(const index::WordCounts counts, count(questions));
  const std::vector<std::string> names = NamesIn(question);
  std::vector<double> weights;  // of the question's words; 0: frequent, or not among the passages
  for (size_t i = 0; i < questions.size(); ++i) {
    const int64_t holding = counts.holding[i];
    if (holding == 0 && absl::c_linear_search(names, questions[i])) return out;
    const bool counts_here = here.contains(questions[i]) && IsRare(holding, counts.texts);
    weights.push_back(counts_here && holding > 0 ? Weight(holding, counts.texts) : 0);
  }
  const double rarest = weights.empty() ? 0 : *absl::c_max_element(weights);
  if (rarest == 0) return out;
  WordSet about, kept;
  for (size_t i = 0; i < questions.size(); ++i) {
    if (weights[i] >= kAboutShare * rarest) about.insert(questions[i]);
    if (weights[i] >= kKeptShare * rarest) kept.insert(questions[i]);
  }

  std::vector<Word> near, far;  // names of the sentences about it, and of those beside them
  WordSet seen;
  for (const bool of_sentence : {true, false}) {
    for (size_t i = 0; i < found.size(); ++i) {
      out.kept[i] = found[i].empty() || HoldsAny(found[i], kept);
      if (!HoldsAny(found[i], about)) continue;
      for (const std::vector<Word>& sentence : found[i]) {
        if (HoldsAny(sentence, about) != of_sentence) continue;
        for (const Word& word : sentence) {
          if (word.writing == Writing::kPlain || asked.contains(word.folded)) continue;
          if (seen.insert(word.folded).second) (of_sentence ? near : far).push_back(word);
        }
      }
    }
  }
  for (std::vector<Word>* const some : {&near, &far}) {
    if (some->size() > kMostCounted) some->resize(kMostCounted);
    std::vector<std::string> words;
    for (const Word& word : *some) words.push_back(word.folded);
    SL_ASSIGN_OR_RETURN(const index::WordCounts of_some, count(words));
    for (size_t i = 0; i < words.size() && out.words.size() < kMostLeads; ++i) {
      const int64_t holding = of_some.holding[i];
      if (holding <= here[words[i]] || !IsRare(holding, of_some.texts)) continue;
      // What is asked about may stand in one passage, what leads on stands in two at least.
      const double as_rare = kAboutShare * std::min(rarest, Weight(kFewHolding, of_some.texts));
      if ((*some)[i].writing == Writing::kWithoutCase && Weight(holding, of_some.texts) < as_rare) {
        continue;
      }
      out.words.push_back(std::move(words[i]));
    }
    if (!out.words.empty()) break;
  }
  return out;
}

std::vector<std::string> LeadsIn(absl::string_view text, std::span<const std::string> leads) {
  WordSet held;
  ForEachWord(SentencesOf(text), [&](const Word& word) { held.insert(word.folded); });
  std::vector<std::string> out;
  std::copy_if(leads.begin(), leads.end(), std::back_inserter(out),
               [&](const std::string& lead) { return held.contains(lead); });
  return out;
}

std::string LeadsText(std::span<const std::string> leads) {
  std::string out;
  std::string second;  // character of the pair before
  for (const std::string& lead : leads) {
    int32_t at = 0;
    const bool pair = IsCjk(NextCodePoint(lead, at));
    const absl::string_view first = absl::string_view(lead).substr(0, at);
    if (pair && first == second) {
      out += lead.substr(at);
    } else {
      if (!out.empty()) out += ' ';
      out += lead;
    }
    second = pair ? lead.substr(at) : std::string();
  }
  return out;
}

}  // namespace sightline::query
