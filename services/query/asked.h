#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace sightline::query {

using TermSet = absl::flat_hash_set<std::string>;

TermSet TermsOf(absl::string_view text);

// The questions in `text`, which may be up to four in one: "Who makes the Luje chair, and how much
// does the Tovdar lamp cost?". It is parted only where each clause asks for itself and names
// something of its own; else it is one, as is one of over 1,000 bytes.
std::vector<std::string> QuestionsIn(absl::string_view text);

// What a question asks for, told by its words: which terms must be met, and how much each says.
// Built once; any thread then.
class Asked {
 public:
  // `places`: the terms of each place that an answer may stand at, which tell the rare terms from
  // the common ones.
  Asked(absl::string_view question, const std::vector<const TermSet*>& places);

  // The share of the question that `terms` hold, [0, 1]: by rarity (BM25's), names and numbers
  // counting twice. A name or number that stands nowhere counts as much as it is rare. Another word
  // may stand there in another form ("makes", "made"): it counts as those that do stand there, or,
  // where the question names nothing, half as much again.
  double Held(const TermSet& terms) const;

  // Names and numbers that the question is about: words with capitals beside each other are one
  // ("Orsen Forge"), each number is one.
  size_t entities() const { return entities_.size(); }
  bool HoldsEntity(const TermSet& terms, size_t entity) const;
  // Where all that the question is about belongs together each of them, where it is joined by "and"
  // or "or" at least one; true where there is none.
  bool HoldsEnoughEntities(const TermSet& terms) const;
  // True when what the question is about may stand at several places.
  bool is_joined() const { return joined_; }

  // True where an amount is asked for ("how many"), and nothing else with it, and `text` has none
  // that the question lacks.
  bool LacksAmount(absl::string_view text) const;
  // True for "who", "what", "how many": not yes or no, and not a few words to look for.
  bool is_open() const { return open_; }
  // True when `text` has a word that the question lacks: a title says what is asked about, not what
  // is asked.
  bool SaysMore(absl::string_view text) const;

 private:
  void FindEntities(absl::string_view question);

  std::map<std::string, double> weights_;  // in order, so that sums are the same each time
  double total_ = 0;
  TermSet terms_;  // all of the question
  std::vector<std::vector<std::string>> entities_;
  std::set<std::string> numbers_;
  TermSet amounts_;  // in words
  bool for_amount_ = false;
  bool open_ = false;
  bool joined_ = false;
};

}  // namespace sightline::query
