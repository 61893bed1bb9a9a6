#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/corpus.h"

// Where passages lead on: a question names a thing, a passage about that thing names another, and
// what is asked stands where that one is spoken of. Any thread.
namespace sightline::query {

inline constexpr size_t kMostLeads = 8;
inline constexpr int64_t kMostHolding = 50;  // passages that hold a word that is still a rare one

// A rare word stands in at most kMostHolding passages and a twentieth of all, or in three.
bool IsRare(int64_t holding, int64_t texts);

struct Leads {
  // Case folded, each once, as the passages bring them; at most kMostLeads. Empty: nothing to
  // follow.
  std::vector<std::string> words;
  // Of each passage: no lead is worth its place, as it holds what the question is about, or has no
  // words, of which nothing can be said. Of use where there are leads.
  std::vector<bool> kept;
};

// How often words stand in the collection, as Corpus::CountWords says it up to kMostHolding.
using WordCounter =
    std::function<absl::StatusOr<index::WordCounts>(std::span<const std::string> words)>;

// What the question is about are those of its words that are rarest in the collection, of the ones
// that the passages hold. Leads are words of the passages about it, of the sentences that say so
// where those have any, that the question lacks: rare, in more passages than are here, and written
// as names, with a capital or with letters and digits. In a script without capitals, where of Han
// and Kana pairs of characters are taken, about as rare as what the question is about. None where
// the question names something that no passage of the collection holds, as nothing is known of that
// to follow. `passages` are the words of what was found, best first; all texts are valid UTF-8.
// Errors: those of `count`.
absl::StatusOr<Leads> FindLeads(absl::string_view question, std::span<const std::string> passages,
                                const WordCounter& count);

// Those of `leads` that `text` holds, in their order.
std::vector<std::string> LeadsIn(absl::string_view text, std::span<const std::string> leads);

// The leads as a query: with blanks between, pairs of characters that overlap put together.
std::string LeadsText(std::span<const std::string> leads);

}  // namespace sightline::query
