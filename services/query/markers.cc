#include "services/query/markers.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "services/query/sentences.h"

namespace sightline::query {
namespace {

constexpr int kMaxRange = 1000;

constexpr std::array<absl::string_view, 5> kOpen = {"[", "【", "［", "〔", "〖"};
constexpr std::array<absl::string_view, 5> kClose = {"]", "】", "］", "〕", "〗"};
constexpr std::array<absl::string_view, 6> kSeparators = {",", "，", "、", ";", "；", "　"};
constexpr std::array<absl::string_view, 5> kDashes = {"-", "–", "—", "~", "－"};

template <size_t N>
bool IsOneOf(absl::string_view character, const std::array<absl::string_view, N>& set) {
  return std::find(set.begin(), set.end(), character) != set.end();
}

// 0..9, also of the full-width digits U+FF10..U+FF19; -1 for anything else.
int DigitOf(absl::string_view character) {
  if (character.size() == 1 && absl::ascii_isdigit(character[0])) return character[0] - '0';
  if (character.size() == 3 && character[0] == '\xEF' && character[1] == '\xBC') {
    const int digit = static_cast<unsigned char>(character[2]) - 0x90;
    if (digit >= 0 && digit <= 9) return digit;
  }
  return -1;
}

bool IsBlank(absl::string_view character) {
  return character.size() == 1 && absl::ascii_isspace(character[0]);
}

bool IsMarkerContent(absl::string_view character) {
  return DigitOf(character) >= 0 || IsBlank(character) || IsOneOf(character, kSeparators) ||
         IsOneOf(character, kDashes);
}

size_t CharacterLength(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(length, text.size());
}

bool HasDigit(absl::string_view content) {
  while (!content.empty()) {
    const size_t length = CharacterLength(content);
    if (DigitOf(content.substr(0, length)) >= 0) return true;
    content.remove_prefix(length);
  }
  return false;
}

// The numbers between two brackets. A number too large for an int becomes the largest one, which
// names no passage.
std::vector<int> ParseNumbers(absl::string_view content) {
  std::vector<int> out;
  int64_t number = -1;
  bool range = false;
  const auto end_number = [&] {
    if (number < 0) return;
    const int to = static_cast<int>(std::min<int64_t>(number, std::numeric_limits<int>::max()));
    if (range && !out.empty() && out.back() < to) {
      const int from = out.back();
      for (int i = 1; i < kMaxRange && from + i < to; ++i) out.push_back(from + i);
    }
    out.push_back(to);
    number = -1;
    range = false;
  };
  while (!content.empty()) {
    const size_t length = CharacterLength(content);
    const absl::string_view character = content.substr(0, length);
    content.remove_prefix(length);
    if (const int digit = DigitOf(character); digit >= 0) {
      number = std::min<int64_t>(std::max<int64_t>(number, 0) * 10 + digit,
                                 std::numeric_limits<int>::max());
    } else {
      end_number();
      if (IsOneOf(character, kDashes)) range = true;
    }
  }
  end_number();
  return out;
}

}  // namespace

std::vector<int> FirstNumbers(int count) {
  std::vector<int> out(count);
  std::iota(out.begin(), out.end(), 1);
  return out;
}

std::vector<Marker> ParseMarkers(absl::string_view text) {
  std::vector<Marker> out;
  size_t open = absl::string_view::npos;
  size_t content = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterLength(text.substr(at));
    const absl::string_view character = text.substr(at, length);
    if (IsOneOf(character, kOpen)) {
      open = at;
      content = at + length;
    } else if (open != absl::string_view::npos && IsOneOf(character, kClose)) {
      const absl::string_view inside = text.substr(content, at - content);
      if (HasDigit(inside)) out.push_back({open, at + length, ParseNumbers(inside)});
      open = absl::string_view::npos;
    } else if (!IsMarkerContent(character)) {
      open = absl::string_view::npos;
    }
    at += length;
  }
  return out;
}

std::string WithoutMarkers(absl::string_view text) {
  std::string out;
  size_t at = 0;
  for (const Marker& marker : ParseMarkers(text)) {
    out.append(text.data() + at, marker.begin - at);
    at = marker.end;
  }
  out.append(text.data() + at, text.size() - at);
  return out;
}

size_t EndWithoutMarkers(absl::string_view text) {
  const std::vector<Marker> markers = ParseMarkers(text);
  size_t end = Trimmed(text, {0, text.size()}).end;
  for (auto marker = markers.rbegin(); marker != markers.rend() && marker->end == end; ++marker) {
    end = Trimmed(text, {0, marker->begin}).end;
  }
  return end;
}

MarkerFilter::MarkerFilter(int passages) : MarkerFilter(FirstNumbers(passages)) {}

std::string MarkerFilter::Push(absl::string_view piece) {
  bytes_.append(piece.data(), piece.size());
  const size_t complete = CompleteUtf8Length(bytes_);
  const std::string ready = ToValidUtf8(absl::string_view(bytes_).substr(0, complete));
  bytes_.erase(0, complete);
  std::string out;
  for (absl::string_view rest = ready; !rest.empty();) {
    const size_t length = CharacterLength(rest);
    Take(rest.substr(0, length), out);
    rest.remove_prefix(length);
  }
  return out;
}

std::string MarkerFilter::Finish() {
  std::string out;
  if (!bytes_.empty()) Take("\xEF\xBF\xBD", out);  // a character that was cut off for good
  bytes_.clear();
  if (!frames_.empty()) {
    // Trailing white space inside the last bracket is trailing white space of the text.
    std::string& content = frames_.back().content;
    content = std::string(absl::StripTrailingAsciiWhitespace(content));
    FlushFrames(out);
  }
  blanks_.clear();
  return out;
}

void MarkerFilter::Take(absl::string_view character, std::string& out) {
  if (IsOneOf(character, kOpen)) {
    frames_.push_back({std::exchange(blanks_, ""), std::string(character), ""});
  } else if (frames_.empty()) {
    if (IsBlank(character)) {
      blanks_.append(character.data(), character.size());
    } else {
      Emit(character, out);
    }
  } else if (IsMarkerContent(character)) {
    frames_.back().content.append(character.data(), character.size());
  } else if (IsOneOf(character, kClose)) {
    Close(character, out);
  } else {
    FlushFrames(out);
    Emit(character, out);
  }
}

void MarkerFilter::Close(absl::string_view bracket, std::string& out) {
  if (!HasDigit(frames_.back().content)) {
    FlushFrames(out);
    Emit(bracket, out);
    return;
  }
  std::string legal;
  std::set<int> seen;
  for (const int number : ParseNumbers(frames_.back().content)) {
    if (number < 1 || number > static_cast<int>(numbers_.size())) continue;
    const int name = numbers_[number - 1];
    if (name != 0 && seen.insert(name).second) absl::StrAppend(&legal, "[", name, "]");
  }
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (!legal.empty()) {
    // Brackets that still wait cannot become markers any more: a marker stands inside them.
    FlushFrames(out);
    blanks_ += frame.blanks;
    Emit(legal, out);
    return;
  }
  // The marker goes. An open bracket before it goes on waiting, so that what follows cannot close
  // it into a marker unseen. A line break before it stays.
  if (frames_.empty() && absl::StrContains(frame.blanks, "\n")) blanks_ += frame.blanks;
}

void MarkerFilter::FlushFrames(std::string& out) {
  std::vector<Frame> frames = std::move(frames_);
  frames_.clear();
  for (const Frame& frame : frames) {
    blanks_ += frame.blanks;
    Emit(absl::StrCat(frame.bracket, frame.content), out);
  }
}

void MarkerFilter::Emit(absl::string_view text, std::string& out) {
  if (emitted_) out += blanks_;
  blanks_.clear();
  out.append(text.data(), text.size());
  emitted_ = true;
}

std::string DropMarkers(absl::string_view text) {
  MarkerFilter filter(0);
  std::string out = filter.Push(text);
  out += filter.Finish();
  return out;
}

}  // namespace sightline::query
