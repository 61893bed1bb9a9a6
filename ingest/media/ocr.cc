#include "ingest/media/ocr.h"

#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>
#include <tesseract/resultiterator.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ingest/media/block_sink.h"
#include "ingest/media/ocr_languages.h"
#include "ingest/media/picture.h"
#include "ingest/media/text_lines.h"

namespace sightline::media {
namespace {

// Percent. Words that are there come out at 85 and more, but for a rare Chinese one now and then;
// most of what scribbles are taken for comes out below 58.
constexpr float kLeastConfidence = 60;
constexpr int kLeastCharacters = 2;  // letters and digits of a paragraph; fewer are specks
constexpr double kPartOfTime = 0.8;  // of a request's; the rest is for decoding and the answer

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

// A paragraph as its words come, in pixels.
struct Paragraph {
  std::string text;
  std::string line;
  int left = INT32_MAX, top = INT32_MAX, right = 0, bottom = 0;

  void AddWord(absl::string_view word) {
    if (!line.empty() && NeedsSpace(line, word)) line += ' ';
    line.append(word.data(), word.size());
  }
  void EndLine() {
    if (!line.empty()) AppendLine(text, line);
    line.clear();
  }
};

void Store(Paragraph& paragraph, int width, int height, BlockSink& sink) {
  paragraph.EndLine();
  if (CountCharacters(paragraph.text) >= kLeastCharacters) {
    const auto fraction = [](int value, int whole) {
      return std::clamp(static_cast<float>(value) / static_cast<float>(whole), 0.0f, 1.0f);
    };
    const Box box = {fraction(paragraph.left, width), fraction(paragraph.top, height),
                     fraction(paragraph.right, width), fraction(paragraph.bottom, height)};
    const bool has_area = box.x0 < box.x1 && box.y0 < box.y1;
    sink.Add(BlockKind::kParagraph, paragraph.text, 0,
             has_area ? std::optional<Box>(box) : std::nullopt);
  }
  paragraph = Paragraph();
}

void Collect(tesseract::ResultIterator& it, int width, int height, BlockSink& sink) {
  using tesseract::RIL_PARA;
  using tesseract::RIL_TEXTLINE;
  using tesseract::RIL_WORD;
  Paragraph paragraph;
  do {
    if (it.IsAtBeginningOf(RIL_PARA)) Store(paragraph, width, height, sink);
    if (it.IsAtBeginningOf(RIL_TEXTLINE)) paragraph.EndLine();
    if (it.Empty(RIL_WORD) || it.Confidence(RIL_WORD) < kLeastConfidence) continue;
    const std::unique_ptr<char[]> word(it.GetUTF8Text(RIL_WORD));
    int left = 0, top = 0, right = 0, bottom = 0;
    if (word == nullptr || !it.BoundingBox(RIL_WORD, &left, &top, &right, &bottom)) continue;
    // A picture within the page is a word of one space.
    if (absl::string_view(word.get()).find_first_not_of(' ') == absl::string_view::npos) continue;
    paragraph.AddWord(word.get());
    paragraph.left = std::min(paragraph.left, left);
    paragraph.top = std::min(paragraph.top, top);
    paragraph.right = std::max(paragraph.right, right);
    paragraph.bottom = std::max(paragraph.bottom, bottom);
  } while (it.Next(RIL_WORD));
  Store(paragraph, width, height, sink);
}

}  // namespace

struct WordReader::Engine {
  tesseract::TessBaseAPI api;
};

WordReader::WordReader(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
WordReader::~WordReader() = default;

std::unique_ptr<WordReader> WordReader::Start(const std::string& languages) {
  auto engine = std::make_unique<Engine>();
  if (engine->api.Init(kOcrDataFolder, languages.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
    return nullptr;
  }
  engine->api.SetPageSegMode(tesseract::PSM_AUTO);
  return std::unique_ptr<WordReader>(new WordReader(std::move(engine)));
}

Reply WordReader::Read(const Setup& setup, const Request& request, absl::string_view bytes) {
  std::vector<uint8_t> gray;
  Reply picture = DecodeForReading(setup, bytes, gray);
  if (picture.reason != Reason::kNone) return picture;
  tesseract::TessBaseAPI& api = engine_->api;
  api.SetImage(gray.data(), picture.width, picture.height, 1, picture.width);
  tesseract::ETEXT_DESC monitor;
  monitor.set_deadline_msecs(static_cast<int32_t>(
      std::clamp<double>(static_cast<double>(request.timeout_ms) * kPartOfTime, 1, INT32_MAX)));
  const bool done = api.Recognize(&monitor) == 0;
  BlockSink sink(setup.limits.max_text_bytes);
  if (done) {
    const std::unique_ptr<tesseract::ResultIterator> it(api.GetIterator());
    if (it != nullptr) Collect(*it, picture.width, picture.height, sink);
  }
  // What it learned of this picture's letters must not colour the next one's.
  api.Clear();
  api.ClearAdaptiveClassifier();
  if (!done) return Failure(Reason::kTimeout);
  if (sink.overflowed()) return Failure(Reason::kTooMuchText, 0, setup.limits.max_text_bytes);
  Reply reply;
  reply.blocks = sink.Take();
  return reply;
}

}  // namespace sightline::media
