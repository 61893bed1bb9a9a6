#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// A marker is digits in brackets that names a passage: "[1]". A writer may also produce lists "[1,
// 2]", ranges "[1-3]", full-width forms "【1】", "［１］" and white space inside; all of them are
// read as markers.

// A marker found in a text.
struct Marker {
  size_t begin = 0;  // bytes [begin, end)
  size_t end = 0;
  std::vector<int> numbers;  // at least one; of a range all, up to 1000
};

// All markers of a finished text, in order.
std::vector<Marker> ParseMarkers(absl::string_view text);

// `text` with every marker cut out; the blanks before one stay.
std::string WithoutMarkers(absl::string_view text);

// The end of `text` without the markers and white space at its end.
size_t EndWithoutMarkers(absl::string_view text);

// 1 to `count`.
std::vector<int> FirstNumbers(int count);

// Passes a stream of text on, such that no marker naming anything but the given passages ever comes
// out, however the text is cut into pieces. Legal markers come out in the form "[1][2]"; a
// marker without a legal number goes, with the blanks before it. What may yet become a marker,
// white space and parts of characters are held back. Removing a marker never builds a new one from
// what stands around it. White space at the start and end of the whole text is left out. Not
// thread-safe.
class MarkerFilter {
 public:
  // Markers of passages 1..`passages` come out.
  explicit MarkerFilter(int passages);
  // A marker of passage n comes out as one of numbers[n - 1]; where that is 0, or n has none, it
  // goes.
  explicit MarkerFilter(std::vector<int> numbers) : numbers_(std::move(numbers)) {}

  // The text that may leave now: valid UTF-8 in whole characters; ill-formed input becomes U+FFFD.
  std::string Push(absl::string_view piece);

  // What was held back and is no marker. The filter is used up.
  std::string Finish();

 private:
  // An open bracket that waits for its fate, with what followed it.
  struct Frame {
    std::string blanks;   // white space before the bracket
    std::string bracket;  // as written
    std::string content;  // digits, separators, white space
  };

  void Take(absl::string_view character, std::string& out);
  void Close(absl::string_view bracket, std::string& out);
  void FlushFrames(std::string& out);
  void Emit(absl::string_view text, std::string& out);

  const std::vector<int> numbers_;
  std::string bytes_;   // the start of a character
  std::string blanks_;  // white space that nothing followed yet
  std::vector<Frame> frames_;
  bool emitted_ = false;
};

// A finished text without its markers and the blanks before them.
std::string DropMarkers(absl::string_view text);

}  // namespace sightline::query
