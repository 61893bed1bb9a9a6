#include "services/query/drafts.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "services/query/claim_check.h"
#include "services/query/grounded_writer.h"
#include "services/query/markers.h"
#include "services/query/names.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

struct Sentence {
  std::string claim;  // without its markers
  std::vector<int> cited;
};

std::vector<Sentence> CitingSentences(const std::string& draft, int passages) {
  std::vector<Sentence> out;
  for (const Span& span : SplitAnswer(draft)) {
    const auto words = absl::string_view(draft).substr(span.begin, span.end - span.begin);
    Sentence sentence = {.claim = WithoutMarkers(words), .cited = {}};
    for (const Marker& marker : ParseMarkers(words)) {
      for (const int number : marker.numbers) {
        if (number < 1 || number > passages) continue;
        if (std::ranges::find(sentence.cited, number) == sentence.cited.end()) {
          sentence.cited.push_back(number);
        }
      }
    }
    if (!sentence.cited.empty()) out.push_back(std::move(sentence));
  }
  return out;
}

// True where the claim names something and `words` name none of it, letter for letter: names that
// are alike are what drafts take for one another, and a draft too many costs little.
bool IsAboutSomethingElse(const std::string& claim, const std::string& words) {
  const std::vector<std::string> names = NamesIn(claim);
  if (names.empty() || words.empty() || IsMostlyCjk(claim) != IsMostlyCjk(words)) return false;
  const std::string there = NormalisedText(words);
  return std::ranges::none_of(
      names, [&](const std::string& name) { return absl::StrContains(there, name); });
}

}  // namespace

DraftCheck CheckDraft(const std::string& draft, std::span<const Hit> hits, const PictureWords& read,
                      const edge::CallLimits& limits) {
  std::map<int, std::vector<const Sentence*>> citing;  // by passage
  const std::vector<Sentence> sentences = CitingSentences(draft, static_cast<int>(hits.size()));
  for (const Sentence& sentence : sentences) {
    for (const int number : sentence.cited) citing[number].push_back(&sentence);
  }
  DraftCheck out;
  for (const auto& [number, by] : citing) {
    out.cited.push_back(number);
    const index::Passage& passage = hits[number - 1].passage;
    const std::string& claim = by.front()->claim;
    const absl::StatusOr<std::string> words = ReadFactsOf(passage, claim, read, limits);
    if (!words.ok()) {
      edge::NoteMakeshift(limits);
      continue;
    }
    if (std::ranges::all_of(by, [&](const Sentence* sentence) {
          return IsAboutSomethingElse(sentence->claim, *words);
        })) {
      out.foreign.push_back(number);
      continue;
    }
    if (IsUnread(passage) && std::ranges::any_of(by, [&](const Sentence* sentence) {
          return sentence->cited.size() == 1 && Fails(CheckClaim(sentence->claim, {*words}));
        })) {
      out.misread.push_back({.number = number, .words = *words});
    }
  }
  return out;
}

}  // namespace sightline::query
