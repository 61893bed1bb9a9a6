#include "services/query/sentences.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "services/query/code_point.h"

namespace sightline::query {
namespace {

// Building a break iterator costs far more than using it, so each thread keeps one.
icu::BreakIterator* SentenceIterator() {
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode code = U_ZERO_ERROR;
    return std::unique_ptr<icu::BreakIterator>(
        icu::BreakIterator::createSentenceInstance(icu::Locale::getRoot(), code));
  }();
  return iterator.get();
}

// Ends with "Dr. ", "e.g. ", "J. ": the sentence goes on.
bool EndsWithAbbreviation(absl::string_view sentence) {
  static const auto* const known = new absl::flat_hash_set<absl::string_view>{
      "al",  "approx", "art",  "ca",  "cf",  "ch",  "dept", "dr",  "ed",  "eq", "eqs",
      "est", "fig",    "figs", "inc", "jr",  "ltd", "max",  "mr",  "mrs", "ms", "nos",
      "p",   "pp",     "prof", "ref", "sec", "sr",  "st",   "tab", "vol", "vs", "no"};
  if (sentence.find('\n') != absl::string_view::npos) return false;
  sentence = absl::StripTrailingAsciiWhitespace(sentence);
  if (sentence.empty() || sentence.back() != '.') return false;
  sentence.remove_suffix(1);
  const size_t start = sentence.find_last_of(" \t([\"'");
  const absl::string_view word =
      start == absl::string_view::npos ? sentence : sentence.substr(start + 1);
  if (word.size() == 1) return absl::ascii_isalpha(word[0]);
  if (word.size() == 3 && word[1] == '.') return true;  // "e.g", "U.S"
  return known->contains(absl::AsciiStrToLower(word));
}

}  // namespace

std::vector<Span> SplitSentences(absl::string_view text) {
  std::vector<Span> out;
  if (text.empty()) return out;
  icu::BreakIterator* const iterator = SentenceIterator();
  UErrorCode code = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code);
  if (iterator != nullptr) iterator->setText(utext, code);
  utext_close(utext);
  // Without ICU's rules the text is one sentence: less sharp, still true.
  if (iterator == nullptr || U_FAILURE(code)) return {{0, text.size()}};
  size_t begin = 0;
  iterator->first();
  for (int32_t at = iterator->next(); at != icu::BreakIterator::DONE; at = iterator->next()) {
    const auto end = static_cast<size_t>(at);
    if (end < text.size() && EndsWithAbbreviation(text.substr(begin, end - begin))) continue;
    out.push_back({begin, end});
    begin = end;
  }
  return out;
}

bool HasLetterOrDigit(absl::string_view text) {
  for (int32_t at = 0; at < static_cast<int32_t>(text.size());) {
    const UChar32 c = NextCodePoint(text, at);
    if (u_isalnum(c)) return true;
  }
  return false;
}

Span Trimmed(absl::string_view text, Span span) {
  while (span.begin < span.end && absl::ascii_isspace(text[span.begin])) ++span.begin;
  while (span.end > span.begin && absl::ascii_isspace(text[span.end - 1])) --span.end;
  return span;
}

}  // namespace sightline::query
