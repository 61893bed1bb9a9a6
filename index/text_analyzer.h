#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

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

  // Changes whenever the same text may give other terms: a new ICU, new rules here.
  const std::string& version() const { return version_; }

 private:
  class Breaker;
  TextAnalyzer(std::unique_ptr<const Breaker> prototype, std::string version);
  const std::unique_ptr<const Breaker> prototype_;
  const std::string version_;
};

}  // namespace sightline::index
