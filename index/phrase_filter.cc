#include "index/phrase_filter.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/records.h"
#include "index/term_list.h"

namespace sightline::index {
namespace {

using Units = std::vector<std::string>;

// Terms that a text with the phrase has in any case. Where a dictionary cuts a run of characters
// depends on what stands around it, so of those only the pairs are sure.
absl::StatusOr<Units> SureTerms(const TextAnalyzer& analyzer, const std::string& phrase) {
  SL_ASSIGN_OR_RETURN(Units terms, analyzer.Terms(phrase));
  std::erase_if(terms, [](const std::string& term) { return !IsPair(term) && HasUnspaced(term); });
  return terms;
}

PassageSet Holding(const TermList& list, const PassageSet& within) {
  PassageSet out;
  for (const TermList::Part& part : list.parts()) {
    const PassageSet::Block* allowed = within.block_at(part.bucket);
    if (allowed == nullptr) continue;
    auto block = std::make_shared<PassageSet::Block>();
    block->fill(0);
    list.ForEach(part, ~uint64_t{0}, *allowed, [&](uint32_t place, uint32_t) {
      (*block)[place / 64] |= uint64_t{1} << (place % 64);
    });
    out.SetBlock(part.bucket, std::move(block));
  }
  return out;
}

bool HoldsPhrase(const Units& text, const Units& phrase) {
  return std::search(text.begin(), text.end(), phrase.begin(), phrase.end()) != text.end();
}

// Whether `phrase` stands at `at` of a text in small letters, between its words nothing that
// belongs to a word.
bool StandsAt(absl::string_view text, size_t at, const Units& phrase) {
  for (const std::string& unit : phrase) {
    while (at < text.size() && !absl::ascii_isalnum(static_cast<unsigned char>(text[at])) &&
           text.compare(at, unit.size(), unit) != 0) {
      ++at;
    }
    if (text.compare(at, unit.size(), unit) != 0) return false;
    at += unit.size();
  }
  return true;
}

// False where the text cannot hold the phrase, found without cutting it into words, which takes a
// hundred times longer. In ASCII, folding is small letters, and every letter and digit is part of a
// word.
bool MayHold(absl::string_view text, const Units& phrase) {
  const bool cut =
      absl::c_any_of(phrase, [](const std::string& unit) { return unit.size() >= kMaxTermBytes; });
  if (cut || !absl::c_all_of(text, [](char c) { return absl::ascii_isascii(c); })) return true;
  const std::string small = absl::AsciiStrToLower(text);
  for (size_t at = small.find(phrase.front()); at != std::string::npos;
       at = small.find(phrase.front(), at + 1)) {
    if (StandsAt(small, at, phrase)) return true;
  }
  return false;
}

absl::StatusOr<bool> HoldsAll(const TextAnalyzer& analyzer, const Passage& passage,
                              const std::vector<Units>& phrases) {
  const bool may_hold = absl::c_all_of(phrases, [&](const Units& phrase) {
    return MayHold(passage.text, phrase) || MayHold(passage.heading, phrase);
  });
  if (!may_hold) return false;
  SL_ASSIGN_OR_RETURN(const Units text, analyzer.PhraseUnits(passage.text));
  SL_ASSIGN_OR_RETURN(const Units heading, analyzer.PhraseUnits(passage.heading));
  return absl::c_all_of(phrases, [&](const Units& phrase) {
    return HoldsPhrase(text, phrase) || HoldsPhrase(heading, phrase);
  });
}

}  // namespace

absl::StatusOr<PhrasePassages> FindPhrases(const Store& store, const View& view,
                                           const TextAnalyzer& analyzer,
                                           const std::vector<std::string>& phrases,
                                           const SearchTerms& terms, const PassageSet& allowed,
                                           absl::Time deadline) {
  PhrasePassages out;
  std::vector<Units> wanted;
  std::set<std::string> sure;
  for (const std::string& phrase : phrases) {
    SL_ASSIGN_OR_RETURN(wanted.emplace_back(), analyzer.PhraseUnits(phrase));
    if (wanted.back().empty()) return out;
    SL_ASSIGN_OR_RETURN(const Units of_phrase, SureTerms(analyzer, phrase));
    sure.insert(of_phrase.begin(), of_phrase.end());
  }
  PassageSet candidates = allowed;
  for (const std::string& term : sure) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(const TermList list, TermList::Read(store, view, term));
    candidates = Holding(list, candidates);
  }
  std::vector<uint32_t> numbers;
  if (candidates.size() > kMaxPhrasePassages) {
    out.cut = true;
    SL_ASSIGN_OR_RETURN(const auto best,
                        SearchText(store, view, terms, candidates, kMaxPhrasePassages, deadline));
    for (const ScoredPassage& passage : best) numbers.push_back(passage.number);
    std::sort(numbers.begin(), numbers.end());
  } else {
    candidates.ForEach([&](uint32_t number) { numbers.push_back(number); });
  }
  for (const uint32_t number : numbers) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
    SL_ASSIGN_OR_RETURN(const auto value,
                        store.Get(PassageKey(view.record.id, number), view.moment.get()));
    if (!value.has_value()) continue;
    SL_ASSIGN_OR_RETURN(const Passage passage, DecodePassage(*value));
    SL_ASSIGN_OR_RETURN(const bool holds, HoldsAll(analyzer, passage, wanted));
    if (holds) out.passages.Insert(number);
  }
  return out;
}

}  // namespace sightline::index
