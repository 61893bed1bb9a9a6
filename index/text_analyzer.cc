#include "index/text_analyzer.h"

#include <unicode/brkiter.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>
#include <unicode/uversion.h>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"

namespace sightline::index {
namespace {

constexpr char kPairMark = '\x01';

absl::Status FromIcu(UErrorCode code, absl::string_view where) {
  return absl::InternalError(absl::StrCat("text analyzer: ", where, ": ", u_errorName(code)));
}

// By the scripts a letter is used with, not its own: the long-vowel mark is common to two.
bool IsUnspaced(UChar32 c) {
  if (!u_isUAlphabetic(c)) return false;
  return uscript_hasScript(c, USCRIPT_HAN) || uscript_hasScript(c, USCRIPT_HIRAGANA) ||
         uscript_hasScript(c, USCRIPT_KATAKANA) || uscript_hasScript(c, USCRIPT_HANGUL);
}

absl::StatusOr<std::string> Fold(absl::string_view text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folder = icu::Normalizer2::getNFKCCasefoldInstance(error);
  if (U_FAILURE(error)) return FromIcu(error, "case folding");
  std::string out;
  out.reserve(text.size());
  icu::StringByteSink<std::string> sink(&out);
  folder->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink,
                        nullptr, error);
  if (U_FAILURE(error)) return FromIcu(error, "normalisation");
  return out;
}

void AddTerm(absl::string_view term, std::vector<std::string>& terms) {
  terms.emplace_back(term.substr(0, Utf8PrefixLength(term, kMaxTermBytes)));
}

// Neighbouring characters of each run of unspaced script in `text`.
void AddPairs(const std::string& text, std::vector<std::string>& terms) {
  const auto size = static_cast<int32_t>(text.size());
  int32_t before = -1;  // where the character before stands, when it is of a run
  for (int32_t i = 0; i < size;) {
    const int32_t start = i;
    UChar32 c;
    U8_NEXT_OR_FFFD(text.data(), i, size, c);
    if (c < 0x1100 || !IsUnspaced(c)) {
      before = -1;
      continue;
    }
    if (before >= 0)
      terms.push_back(
          absl::StrCat(absl::string_view(&kPairMark, 1), text.substr(before, i - before)));
    before = start;
  }
}

// The characters of unspaced script that `word` has, and what stands between them.
void AddUnits(absl::string_view word, std::vector<std::string>& units) {
  const auto size = static_cast<int32_t>(word.size());
  int32_t done = 0;
  for (int32_t i = 0; i < size;) {
    const int32_t start = i;
    UChar32 c;
    U8_NEXT_OR_FFFD(word.data(), i, size, c);
    if (c < 0x1100 || !IsUnspaced(c)) continue;
    if (start > done) AddTerm(word.substr(done, start - done), units);
    units.emplace_back(word.substr(start, i - start));
    done = i;
  }
  if (done < size) AddTerm(word.substr(done), units);
}

}  // namespace

bool HasUnspaced(absl::string_view term) {
  const auto size = static_cast<int32_t>(term.size());
  for (int32_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT_OR_FFFD(term.data(), i, size, c);
    if (c >= 0x1100 && IsUnspaced(c)) return true;
  }
  return false;
}

// A word iterator; it holds a place in a text, so each call works on its own copy.
class TextAnalyzer::Breaker {
 public:
  explicit Breaker(std::unique_ptr<icu::BreakIterator> words) : words_(std::move(words)) {}
  std::unique_ptr<icu::BreakIterator> Copy() const {
    return std::unique_ptr<icu::BreakIterator>(words_->clone());
  }

 private:
  const std::unique_ptr<icu::BreakIterator> words_;
};

TextAnalyzer::TextAnalyzer(std::unique_ptr<const Breaker> prototype, std::string version)
    : prototype_(std::move(prototype)), version_(std::move(version)) {}
TextAnalyzer::~TextAnalyzer() = default;

absl::StatusOr<std::unique_ptr<TextAnalyzer>> TextAnalyzer::Create() {
  UErrorCode error = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> words(
      icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
  if (U_FAILURE(error)) return FromIcu(error, "word rules");
  return std::unique_ptr<TextAnalyzer>(new TextAnalyzer(
      std::make_unique<const Breaker>(std::move(words)), absl::StrCat("2 icu ", U_ICU_VERSION)));
}

absl::Status TextAnalyzer::ForEachWord(
    const std::string& folded, absl::FunctionRef<void(absl::string_view word)> visit) const {
  const std::unique_ptr<icu::BreakIterator> words = prototype_->Copy();
  UErrorCode error = U_ZERO_ERROR;
  UText* view = utext_openUTF8(nullptr, folded.data(), static_cast<int64_t>(folded.size()), &error);
  if (view == nullptr || words == nullptr || U_FAILURE(error)) return FromIcu(error, "text");
  words->setText(view, error);
  const absl::string_view whole = folded;
  for (int32_t start = words->first(), end = words->next(); U_SUCCESS(error) && end != UBRK_DONE;
       start = end, end = words->next()) {
    // Rule status tells words from the blanks and marks between them.
    if (words->getRuleStatus() >= UBRK_WORD_NONE_LIMIT) visit(whole.substr(start, end - start));
  }
  utext_close(view);
  return U_FAILURE(error) ? FromIcu(error, "word rules") : absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TextAnalyzer::Terms(absl::string_view text) const {
  std::vector<std::string> terms;
  if (text.empty()) return terms;
  auto folded = Fold(text);
  if (!folded.ok()) return folded.status();
  const absl::Status cut =
      ForEachWord(*folded, [&](absl::string_view word) { AddTerm(word, terms); });
  if (!cut.ok()) return cut;
  AddPairs(*folded, terms);
  return terms;
}

absl::StatusOr<std::vector<std::string>> TextAnalyzer::PhraseUnits(absl::string_view text) const {
  std::vector<std::string> units;
  if (text.empty()) return units;
  auto folded = Fold(text);
  if (!folded.ok()) return folded.status();
  const absl::Status cut =
      ForEachWord(*folded, [&](absl::string_view word) { AddUnits(word, units); });
  if (!cut.ok()) return cut;
  return units;
}

}  // namespace sightline::index
