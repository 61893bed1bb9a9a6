#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/query/sentences.h"

// Cheap, exact checks of a sentence against the passages it cites. Pure functions; any thread.
namespace sightline::query {

enum class Verdict { kUnchecked, kSupported, kUnsupported, kContradicted };

// The claim does not rest on its passages: kUnsupported or kContradicted.
inline bool Fails(Verdict verdict) {
  return verdict == Verdict::kUnsupported || verdict == Verdict::kContradicted;
}

// Values of a text in one form: "1,000.50" is "1000.5", "March" beside a number is "month:3",
// number words two to twelve are digits. Marker numbers are left to the caller to cut out.
std::set<std::string> NumbersIn(absl::string_view text);

// What stands between quotation marks ("…", “…”, 「…」, 『…』, «…»), normalised, two characters or
// more.
std::vector<std::string> QuotesIn(absl::string_view text);

// Share of the claim's content terms that occur in `passage`, [0, 1]; 0 when the claim has none.
float Overlap(absl::string_view claim, absl::string_view passage);

// Judges `claim` (without markers) by the words of the passages it cites, taken together:
// kUnsupported: a number, date, month, name (names.h, places.h) or quoted string of the claim
// occurs in
//   none of them, a Chinese noun is qualified otherwise there (places.h), a number occurs in
//   another unit of its dimension alone (units.h), or claim and passages share almost no words
//   though they are in one script;
// kContradicted: as kUnsupported for a number, and a sentence of a passage says the same of another
//   number: it holds every other word and number of the claim, at least half of its own words are
//   the claim's, and where the claim has a number it has one with the same unit, or a year for a
//   year; or a table has that value in another row than the claim's (table_claims.h);
//   or a sentence says so while the claim's number stands only in sentences that name others; or
//   the claim says that something rose or fell against its own values (direction.h);
// kSupported: all of them occur, and the wording is near, or (across scripts) there was something
// to check; kUnchecked: there are no words to compare with.
Verdict CheckClaim(absl::string_view claim, const std::vector<std::string>& passages);

// The sentence of `passage` that shares most words and numbers with `claim`; nothing when none
// shares anything.
std::optional<Span> ClosestSentence(absl::string_view claim, absl::string_view passage);

}  // namespace sightline::query
