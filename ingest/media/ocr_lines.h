#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tesseract {
class TessBaseAPI;
}

namespace sightline::media {

// In pixels of the picture; right and bottom lie outside.
struct PixelBox {
  int left = 0, top = 0, right = 0, bottom = 0;
};

struct OcrWord {
  std::string text;
  float confidence = 0;  // percent
  PixelBox box;
};

struct OcrLine {
  std::vector<OcrWord> words;  // none is blank
  PixelBox box;
  bool begins_paragraph = false;
};

// Percent. Words that are there come out at 85 and more, but for a rare Chinese one now and then;
// most of what scribbles are taken for comes out below 58.
inline constexpr float kLeastConfidence = 60;

// What `api` has recognized.
std::vector<OcrLine> RecognizedLines(tesseract::TessBaseAPI& api);

// Letters and digits that a paragraph, or a line that is read again, has at least; fewer are
// specks.
inline constexpr int kLeastCharacters = 2;

// Letters and digits of `text`.
int CountCharacters(absl::string_view text);

// True when most characters of the line are in words below the least confidence. So comes out what
// is no text, and a line that one language lost to another for the sake of an odd character.
bool IsDoubtful(const OcrLine& line);

// Puts the words of `again`, which the line was read as once more, in the place of its own where
// most of their characters are beyond doubt.
void TakeIfSure(std::vector<OcrLine> again, OcrLine& line);

}  // namespace sightline::media
