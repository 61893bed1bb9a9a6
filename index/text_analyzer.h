#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

inline constexpr size_t kMaxTermBytes = 64;

// True for a term that is a pair of characters, not a word.
inline bool IsPair(absl::string_view term) { return !term.empty() && term.front() == '\x01'; }

// True when characters of Han, Kana or Hangul are in `term`.
bool HasUnspaced(absl::string_view term);

// Cuts a text into the terms that text search compares.
//
// The text is brought to NFKC with case folding, then cut at Unicode word borders (ICU, with its
// dictionaries for scripts written without spaces); punctuation and blanks are dropped. Runs of
// Han, Kana or Hangul also give their pairs of neighbouring characters, so that a query finds a
// word even where the dictionary cuts the two texts differently; pairs carry a leading byte 0x01
// and never equal a word.
//
// Immutable; any thread.
class TextAnalyzer {
 public:
  // kInternal: ICU's data is not there.
  static absl::StatusOr<std::unique_ptr<TextAnalyzer>> Create();
  ~TextAnalyzer();

  // In order of the text, repeats kept. Ill-formed UTF-8 is read as U+FFFD. A term longer than 64
  // bytes is cut there.
  absl::StatusOr<std::vector<std::string>> Terms(absl::string_view text) const;

  // The words alone, in order, as phrases are compared by; but every character of Han, Kana and
  // Hangul is one of its own, so that it does not matter where a dictionary cuts.
  absl::StatusOr<std::vector<std::string>> PhraseUnits(absl::string_view text) const;

  // Changes whenever the same text may give other terms: a new ICU, new rules here.
  const std::string& version() const { return version_; }

 private:
  class Breaker;
  absl::Status ForEachWord(const std::string& folded,
                           absl::FunctionRef<void(absl::string_view word)> visit) const;
  TextAnalyzer(std::unique_ptr<const Breaker> prototype, std::string version);
  const std::unique_ptr<const Breaker> prototype_;
  const std::string version_;
};

}  // namespace sightline::index
