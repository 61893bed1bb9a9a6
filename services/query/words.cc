#include "services/query/words.h"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <memory>

namespace sightline::query {
namespace {

// Building a break iterator costs far more than using it, so each thread keeps one.
icu::BreakIterator* WordIterator() {
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode code = U_ZERO_ERROR;
    return std::unique_ptr<icu::BreakIterator>(
        icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), code));
  }();
  return iterator.get();
}

}  // namespace

std::vector<Span> SplitWords(absl::string_view text) {
  std::vector<Span> out;
  icu::BreakIterator* const iterator = WordIterator();
  if (text.empty() || iterator == nullptr) return out;
  UErrorCode code = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code);
  iterator->setText(utext, code);
  utext_close(utext);
  if (U_FAILURE(code)) return out;
  size_t begin = 0;
  iterator->first();
  for (int32_t at = iterator->next(); at != icu::BreakIterator::DONE; at = iterator->next()) {
    const auto end = static_cast<size_t>(at);
    if (iterator->getRuleStatus() >= UBRK_WORD_NONE_LIMIT) out.push_back({begin, end});
    begin = end;
  }
  return out;
}

}  // namespace sightline::query
