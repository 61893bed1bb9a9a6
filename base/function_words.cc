#include "base/function_words.h"

#include "absl/container/flat_hash_set.h"

namespace sightline {
namespace {

constexpr absl::string_view kEnglish[] = {
    "a",      "about", "all",   "also",  "am",    "an",    "and",   "any",   "are",    "as",
    "at",     "be",    "been",  "but",   "by",    "can",   "could", "did",   "do",     "does",
    "for",    "from",  "get",   "give",  "had",   "has",   "have",  "he",    "her",    "his",
    "how",    "i",     "if",    "in",    "into",  "is",    "it",    "its",   "many",   "me",
    "much",   "my",    "no",    "not",   "of",    "on",    "or",    "our",   "please", "she",
    "should", "show",  "so",    "some",  "tell",  "than",  "that",  "the",   "their",  "them",
    "then",   "there", "these", "they",  "this",  "those", "to",    "us",    "was",    "we",
    "were",   "what",  "when",  "where", "which", "who",   "whom",  "whose", "why",    "will",
    "with",   "would", "you",   "your",  "s",     "t"};

constexpr char32_t kCharacters[] =
    U"的了是在有和与及吗呢吧么什哪谁几怎如何为请问我你他她它们这那些个多少被把对从到以就也都很之其"
    U"或而はがをにのとでも";

}  // namespace

std::span<const absl::string_view> EnglishFunctionWords() { return kEnglish; }

bool IsEnglishFunctionWord(absl::string_view word) {
  static const auto* const words =
      new absl::flat_hash_set<absl::string_view>(std::begin(kEnglish), std::end(kEnglish));
  return words->contains(word);
}

bool IsFunctionCharacter(int32_t code_point) {
  static const auto* const characters =
      new absl::flat_hash_set<char32_t>(std::begin(kCharacters), std::end(kCharacters) - 1);
  return characters->contains(static_cast<char32_t>(code_point));
}

}  // namespace sightline
