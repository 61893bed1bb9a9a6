#include "ingest/media/ocr_lines.h"

#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

namespace sightline::media {
namespace {

constexpr float kSureConfidence = 85;

// Boxes of single words are too rough to go by: one may span the line.
int CharactersOf(const std::vector<OcrWord>& words, float least_confidence) {
  int count = 0;
  for (const OcrWord& word : words) {
    if (word.confidence >= least_confidence) count += CountCharacters(word.text);
  }
  return count;
}

bool BoxOf(const tesseract::ResultIterator& it, tesseract::PageIteratorLevel level, PixelBox& box) {
  return it.BoundingBox(level, &box.left, &box.top, &box.right, &box.bottom);
}

}  // namespace

std::vector<OcrLine> RecognizedLines(tesseract::TessBaseAPI& api) {
  using tesseract::RIL_PARA;
  using tesseract::RIL_TEXTLINE;
  using tesseract::RIL_WORD;
  std::vector<OcrLine> lines;
  const std::unique_ptr<tesseract::ResultIterator> it(api.GetIterator());
  if (it == nullptr) return lines;
  do {
    if (lines.empty() || it->IsAtBeginningOf(RIL_TEXTLINE)) {
      lines.emplace_back().begins_paragraph = it->IsAtBeginningOf(RIL_PARA);
      BoxOf(*it, RIL_TEXTLINE, lines.back().box);
    }
    if (it->Empty(RIL_WORD)) continue;
    OcrWord word;
    const std::unique_ptr<char[]> text(it->GetUTF8Text(RIL_WORD));
    if (text == nullptr || !BoxOf(*it, RIL_WORD, word.box)) continue;
    // A picture within the page is a word of one space.
    if (absl::string_view(text.get()).find_first_not_of(' ') == absl::string_view::npos) continue;
    word.text = text.get();
    word.confidence = it->Confidence(RIL_WORD);
    lines.back().words.push_back(std::move(word));
  } while (it->Next(RIL_WORD));
  return lines;
}

bool IsDoubtful(const OcrLine& line) {
  return 2 * CharactersOf(line.words, kLeastConfidence) < CharactersOf(line.words, 0);
}

void TakeIfSure(std::vector<OcrLine> again, OcrLine& line) {
  std::vector<OcrWord> words;
  for (OcrLine& part : again) {
    std::move(part.words.begin(), part.words.end(), std::back_inserter(words));
  }
  const int sure = CharactersOf(words, kSureConfidence);
  if (sure < kLeastCharacters || 2 * sure < CharactersOf(words, 0)) return;
  line.words = std::move(words);
}

int CountCharacters(absl::string_view text) {
  int count = 0;
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(reinterpret_cast<const uint8_t*>(text.data()), at, size, c);
    if (u_isalnum(c)) ++count;
  }
  return count;
}

}  // namespace sightline::media
