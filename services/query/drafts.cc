#include "services/query/drafts.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

// What the passage is known to be about: its facts, and its source as a prompt's head names it.
std::string AboutOf(const index::Passage& passage) {
  const std::string facts = FactsOf(passage);
  return facts.empty() ? "" : absl::StrCat(facts, "\n", passage.source);
}

// True where the claim names something and `about` has none of these names, letter for letter:
// names that are alike are what drafts take for one another. MissingName knows where capitals tell
// nothing.
bool IsAboutSomethingElse(const std::string& claim, const std::string& about) {
  const std::vector<std::string> names = NamesIn(claim);
  if (names.empty() || about.empty() || IsMostlyCjk(claim) != IsMostlyCjk(about)) return false;
  const std::string there = NormalisedText(about);
  return std::ranges::none_of(
             names, [&](const std::string& name) { return absl::StrContains(there, name); }) &&
         !MissingName(claim, about).empty();
}

// Of photos and figures a caption may be all that is known, and the name be seen.
bool MayShowMoreThanItsWords(const index::Passage& passage) {
  return IsPicture(passage.kind) && passage.kind != index::PassageKind::kPage &&
         !passage.text.empty();
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
    if (MayShowMoreThanItsWords(passage)) continue;
    const absl::StatusOr<index::Passage> known = ReadOut(passage, by.front()->claim, read, limits);
    if (!known.ok()) {
      edge::NoteMakeshift(limits);
      continue;
    }
    const std::string about = AboutOf(*known);
    if (std::ranges::all_of(by, [&](const Sentence* sentence) {
          return IsAboutSomethingElse(sentence->claim, about);
        })) {
      out.foreign.push_back(number);
      continue;
    }
    const std::string facts = FactsOf(*known);
    const auto says_otherwise = [&](const Sentence* sentence) {
      return sentence->cited.size() == 1 &&
             Fails(CheckReadClaim(sentence->claim, {facts}, !facts.empty()));
    };
    if (IsUnread(passage) && std::ranges::any_of(by, says_otherwise)) {
      out.misread.push_back({.number = number, .words = known->text});
    }
  }
  return out;
}

}  // namespace sightline::query
