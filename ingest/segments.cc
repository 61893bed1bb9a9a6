#include "ingest/segments.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace sightline::ingest {
namespace {

// Bytes on each side of the middle that are looked at for a good place to cut.
constexpr size_t kCutWindow = 256;

using Iterator = std::unique_ptr<icu::BreakIterator>;
using MakeIterator = icu::BreakIterator* (*)(const icu::Locale&, UErrorCode&);

// Building an iterator costs far more than using it, so each thread keeps its own.
absl::StatusOr<icu::BreakIterator*> Prepare(Iterator& cached, MakeIterator make,
                                            absl::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  if (cached == nullptr) cached.reset(make(icu::Locale::getRoot(), code));
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code);
  if (U_SUCCESS(code)) cached->setText(utext, code);
  utext_close(utext);
  if (U_FAILURE(code)) {
    return absl::InternalError(absl::StrCat("ICU break iterator: ", u_errorName(code)));
  }
  return cached.get();
}

absl::StatusOr<icu::BreakIterator*> Sentences(absl::string_view text) {
  thread_local Iterator cached;
  return Prepare(cached, &icu::BreakIterator::createSentenceInstance, text);
}

absl::StatusOr<icu::BreakIterator*> Lines(absl::string_view text) {
  thread_local Iterator cached;
  return Prepare(cached, &icu::BreakIterator::createLineInstance, text);
}

absl::StatusOr<icu::BreakIterator*> Characters(absl::string_view text) {
  thread_local Iterator cached;
  return Prepare(cached, &icu::BreakIterator::createCharacterInstance, text);
}

bool IsEastAsian(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC) || (c >= 0x3000 && c <= 0x30FF) ||
         (c >= 0xFF00 && c <= 0xFFEF);
}

// Written with a full stop and usually followed by more of the same sentence. Lower case.
const absl::flat_hash_set<absl::string_view>& Abbreviations() {
  static const auto* const words = new absl::flat_hash_set<absl::string_view>{
      "abb.", "abs.",  "al.",   "approx.", "art.",  "aufl.", "bd.",   "bzw.",  "ca.",  "cf.",
      "ch.",  "chap.", "col.",  "corp.",   "dept.", "dr.",   "ed.",   "eds.",  "eq.",  "eqs.",
      "est.", "fig.",  "figs.", "gen.",    "hon.",  "hr.",   "inc.",  "incl.", "jr.",  "lt.",
      "ltd.", "max.",  "mio.",  "mlle.",   "mme.",  "mr.",   "mrs.",  "ms.",   "mt.",  "nos.",
      "nr.",  "op.",   "p.",    "par.",    "ph.d.", "pp.",   "prof.", "pt.",   "ref.", "refs.",
      "rev.", "sec.",  "sect.", "sen.",    "sgt.",  "sr.",   "st.",   "str.",  "tab.", "tel.",
      "usw.", "vgl.",  "viz.",  "vol.",    "vols.", "vs."};
  return *words;
}

// "e.g.", "U.S.", "J.": letters that each carry a full stop.
bool IsDottedLetters(absl::string_view word) {
  if (word.size() < 2 || word.size() % 2 != 0) return false;
  for (size_t i = 0; i < word.size(); i += 2) {
    if (!absl::ascii_isalpha(word[i]) || word[i + 1] != '.') return false;
  }
  return true;
}

bool EndsWithAbbreviation(absl::string_view text) {
  text = absl::StripTrailingAsciiWhitespace(text);
  if (text.empty() || text.back() != '.') return false;
  const size_t space = text.find_last_of(" \t\n([\"'/");
  const absl::string_view word = space == absl::string_view::npos ? text : text.substr(space + 1);
  if (word.size() > 8) return false;
  return IsDottedLetters(word) || Abbreviations().contains(absl::AsciiStrToLower(word));
}

// The boundary of `it` nearest to `middle`, other than the ends of the text.
std::optional<size_t> NearestInside(icu::BreakIterator& it, size_t middle, size_t size) {
  const auto inside = [&](int32_t at) { return at > 0 && static_cast<size_t>(at) < size; };
  const int32_t after = it.isBoundary(static_cast<int32_t>(middle))
                            ? static_cast<int32_t>(middle)
                            : it.following(static_cast<int32_t>(middle));
  const int32_t before = it.preceding(static_cast<int32_t>(middle));
  if (!inside(after) && !inside(before)) return std::nullopt;
  if (!inside(after)) return before;
  if (!inside(before)) return after;
  return static_cast<size_t>(after) - middle <= middle - static_cast<size_t>(before) ? after
                                                                                     : before;
}

size_t CodePointStart(absl::string_view text, size_t at) {
  while (at > 0 && at < text.size() && U8_IS_TRAIL(static_cast<uint8_t>(text[at]))) --at;
  return at;
}

}  // namespace

std::string OnOneLine(absl::string_view text) {
  std::vector<TextLine> none;
  return OnOneLine(text, none);
}

std::string OnOneLine(absl::string_view text, std::vector<TextLine>& lines) {
  std::string out;
  std::vector<TextLine> mapped;
  auto next = lines.begin();
  out.reserve(text.size());
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  bool space = false;
  bool line_break = false;
  UChar32 last = 0;
  for (int32_t at = 0; at < size;) {
    const int32_t start = at;
    UChar32 c;
    U8_NEXT_OR_FFFD(bytes, at, size, c);
    if (c == 0xAD || c == 0xFEFF) continue;
    if (u_isUWhiteSpace(c) || u_iscntrl(c)) {
      space = true;
      line_break = line_break || c == '\n' || c == '\r';
      continue;
    }
    const bool joins = line_break && IsEastAsian(last) && IsEastAsian(c);
    if (space && !out.empty() && !joins) out += ' ';
    for (; next != lines.end() && next->begin <= static_cast<uint32_t>(start); ++next) {
      AddLine(out.size(), next->box, mapped);
    }
    out.append(text.data() + start, static_cast<size_t>(at - start));
    space = line_break = false;
    last = c;
  }
  lines = std::move(mapped);
  return out;
}

absl::StatusOr<std::vector<absl::string_view>> SplitSentences(absl::string_view text) {
  SL_ASSIGN_OR_RETURN(icu::BreakIterator * it, Sentences(text));
  std::vector<absl::string_view> out;
  size_t start = 0;
  it->first();
  for (int32_t end = it->next(); end != icu::BreakIterator::DONE; end = it->next()) {
    const auto stop = static_cast<size_t>(end);
    const absl::string_view sentence = text.substr(start, stop - start);
    if (stop < text.size() && EndsWithAbbreviation(sentence)) continue;
    out.push_back(sentence);
    start = stop;
  }
  return out;
}

absl::StatusOr<size_t> BreakNearMiddle(absl::string_view text) {
  const size_t half = text.size() / 2;
  const size_t start = half > kCutWindow ? CodePointStart(text, half - kCutWindow) : 0;
  const size_t end = CodePointStart(text, std::min(text.size(), half + kCutWindow));
  const absl::string_view window = text.substr(start, end - start);
  const size_t middle = CodePointStart(window, half - start);
  SL_ASSIGN_OR_RETURN(icu::BreakIterator * lines, Lines(window));
  if (const auto at = NearestInside(*lines, middle, window.size())) return start + *at;
  SL_ASSIGN_OR_RETURN(icu::BreakIterator * characters, Characters(window));
  if (const auto at = NearestInside(*characters, middle, window.size())) return start + *at;
  const size_t first = CodePointStart(text, half);
  if (first > 0) return first;
  // The first code point reaches over the middle: cut behind it, unless nothing is behind.
  size_t next = std::min<size_t>(half + 1, text.size());
  while (next < text.size() && U8_IS_TRAIL(static_cast<uint8_t>(text[next]))) ++next;
  return next < text.size() ? next : 0;
}

}  // namespace sightline::ingest
