#include "ingest/media/ocr.h"

#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "ingest/media/block_sink.h"
#include "ingest/media/ocr_languages.h"
#include "ingest/media/ocr_lines.h"
#include "ingest/media/picture.h"
#include "ingest/media/text_lines.h"

namespace sightline::media {
namespace {

constexpr double kPartOfTime = 0.8;  // of a request's; the rest is for decoding and the answer

// Fractions of the picture; nothing where no area is left.
std::optional<Box> BoxOf(const PixelBox& pixels, int width, int height) {
  const auto fraction = [](int value, int whole) {
    return std::clamp(static_cast<float>(value) / static_cast<float>(whole), 0.0f, 1.0f);
  };
  const Box box = {fraction(pixels.left, width), fraction(pixels.top, height),
                   fraction(pixels.right, width), fraction(pixels.bottom, height)};
  return IsBox(box) ? std::optional<Box>(box) : std::nullopt;
}

// A paragraph as its words come.
class Paragraph {
 public:
  Paragraph(int width, int height) : width_(width), height_(height) {}  // of the picture

  void AddWord(const OcrWord& word) {
    if (!line_.empty() && NeedsSpace(line_, word.text)) line_ += ' ';
    line_ += word.text;
    const int count = CountCharacters(word.text);
    characters_ += count;
    sureness_ += static_cast<double>(word.confidence) * count;
    pixels_.left = std::min(pixels_.left, word.box.left);
    pixels_.top = std::min(pixels_.top, word.box.top);
    pixels_.right = std::max(pixels_.right, word.box.right);
    pixels_.bottom = std::max(pixels_.bottom, word.box.bottom);
  }

  void EndLine() {
    if (line_.empty()) return;
    const std::optional<Box> box = BoxOf(pixels_, width_, height_);
    AddLine(AppendLine(block_.text, line_), box, block_.lines);
    if (box.has_value()) block_.box = block_.box.has_value() ? Around(*block_.box, *box) : box;
    line_.clear();
    pixels_ = kNoPixels;
  }

  // Puts it away, and begins the next.
  void End(BlockSink& sink) {
    EndLine();
    const int characters = std::exchange(characters_, 0);
    const double sureness = std::exchange(sureness_, 0);
    TextBlock block = std::exchange(block_, TextBlock());
    if (characters < kLeastCharacters) return;
    const double mean = sureness / characters;
    block.confidence = static_cast<float>(std::clamp(mean / 100, 0.0, 1.0));
    sink.Add(std::move(block));
  }

 private:
  static constexpr PixelBox kNoPixels = {INT32_MAX, INT32_MAX, 0, 0};

  const int width_;
  const int height_;
  TextBlock block_;
  std::string line_;
  PixelBox pixels_ = kNoPixels;  // of line_
  int characters_ = 0;
  double sureness_ = 0;  // of each character, added up, in percent
};

void Collect(const std::vector<OcrLine>& lines, int width, int height, BlockSink& sink) {
  Paragraph paragraph(width, height);
  for (const OcrLine& line : lines) {
    if (line.begins_paragraph) paragraph.End(sink);
    paragraph.EndLine();
    for (const OcrWord& word : line.words) {
      if (word.confidence >= kLeastConfidence) paragraph.AddWord(word);
    }
  }
  paragraph.End(sink);
}

// Recognizes what `api` was given last. False when that was not done by `deadline`.
bool Recognize(tesseract::TessBaseAPI& api, absl::Time deadline) {
  tesseract::ETEXT_DESC monitor;
  monitor.set_deadline_msecs(static_cast<int32_t>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(deadline - absl::Now()), 1, INT32_MAX)));
  return api.Recognize(&monitor) == 0;
}

// What it learned of this picture's letters must not colour the next one's.
void Forget(tesseract::TessBaseAPI& api) {
  api.Clear();
  api.ClearAdaptiveClassifier();
}

bool Init(tesseract::TessBaseAPI& api, const std::string& languages, tesseract::PageSegMode mode) {
  if (api.Init(kOcrDataFolder, languages.c_str(), tesseract::OEM_LSTM_ONLY) != 0) return false;
  api.SetPageSegMode(mode);
  return true;
}

}  // namespace

struct WordReader::Engine {
  tesseract::TessBaseAPI api;  // of all languages
  // Of each language alone, where there are several. Together they settle on one for every line,
  // and now and then on the wrong one: all of a Chinese line is lost to English for one odd
  // character.
  std::vector<std::unique_ptr<tesseract::TessBaseAPI>> alone;

  // Reads doubtful lines of the picture with one language at a time, as long as there is time.
  void ReadAgain(const std::vector<uint8_t>& gray, int width, int height, absl::Time deadline,
                 std::vector<OcrLine>& lines) {
    for (const auto& language : alone) {
      bool given = false;
      for (OcrLine& line : lines) {
        if (!IsDoubtful(line) || line.box.right <= line.box.left) continue;
        if (absl::Now() >= deadline) break;
        if (!given) language->SetImage(gray.data(), width, height, 1, width);
        given = true;
        // Close to an edge it reads worse.
        const int margin = (line.box.bottom - line.box.top) / 2;
        const int left = std::max(0, line.box.left - margin);
        const int top = std::max(0, line.box.top - margin);
        language->SetRectangle(left, top, std::min(width, line.box.right + margin) - left,
                               std::min(height, line.box.bottom + margin) - top);
        if (Recognize(*language, deadline)) TakeIfSure(RecognizedLines(*language), line);
      }
      if (given) Forget(*language);
    }
  }
};

WordReader::WordReader(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
WordReader::~WordReader() = default;

std::unique_ptr<WordReader> WordReader::Start(const std::string& languages) {
  auto engine = std::make_unique<Engine>();
  if (!Init(engine->api, languages, tesseract::PSM_AUTO)) return nullptr;
  const std::vector<std::string> names = absl::StrSplit(languages, '+');
  for (size_t i = 0; names.size() > 1 && i < names.size(); ++i) {
    auto& language = engine->alone.emplace_back(std::make_unique<tesseract::TessBaseAPI>());
    if (!Init(*language, names[i], tesseract::PSM_SINGLE_LINE)) return nullptr;
  }
  return std::unique_ptr<WordReader>(new WordReader(std::move(engine)));
}

Reply WordReader::Read(const Setup& setup, const Request& request, absl::string_view bytes) {
  const absl::Time deadline = absl::Now() + absl::Milliseconds(request.timeout_ms) * kPartOfTime;
  std::vector<uint8_t> gray;
  Reply picture = DecodeForReading(setup, bytes, gray);
  if (picture.reason != Reason::kNone) return picture;
  tesseract::TessBaseAPI& api = engine_->api;
  api.SetImage(gray.data(), picture.width, picture.height, 1, picture.width);
  const bool done = Recognize(api, deadline);
  std::vector<OcrLine> lines;
  if (done) lines = RecognizedLines(api);
  Forget(api);
  if (!done) return Failure(Reason::kTimeout);
  engine_->ReadAgain(gray, picture.width, picture.height, deadline, lines);
  BlockSink sink(setup.limits.max_text_bytes);
  Collect(lines, picture.width, picture.height, sink);
  if (sink.overflowed()) return Failure(Reason::kTooMuchText, 0, setup.limits.max_text_bytes);
  Reply reply;
  reply.blocks = sink.Take();
  return reply;
}

}  // namespace sightline::media
