#include "ingest/media/subtitles.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sightline::media {
namespace {

using absl::string_view;

constexpr double kMaxHours = 1000;
constexpr double kRollingSeconds = 0.25;  // between a caption and the one that shows it again
constexpr std::pair<string_view, string_view> kEntities[] = {
    {"&amp;", "&"},   {"&lt;", "<"},  {"&gt;", ">"}, {"&nbsp;", " "},
    {"&quot;", "\""}, {"&#39;", "'"}, {"&lrm;", ""}, {"&rlm;", ""}};

// "01:02:03,500" or "02:03.500", in seconds.
std::optional<double> ParseTime(string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t point = text.find_first_of(",.");
  double seconds = 0;
  if (point != string_view::npos) {
    int thousandths = 0;
    const string_view digits = text.substr(point + 1);
    if (digits.size() != 3 || !absl::SimpleAtoi(digits, &thousandths) || thousandths < 0) {
      return std::nullopt;
    }
    seconds = thousandths / 1000.0;
    text = text.substr(0, point);
  }
  const std::vector<string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  double whole = 0;
  for (string_view part : parts) {
    int value = 0;
    const bool good = !part.empty() && part.size() <= 4 &&
                      absl::ascii_isdigit(static_cast<unsigned char>(part[0])) &&
                      absl::SimpleAtoi(part, &value);
    if (!good) return std::nullopt;
    whole = whole * 60 + value;
  }
  if (whole > kMaxHours * 3600) return std::nullopt;
  return whole + seconds;
}

// "00:00:01,000 --> 00:00:02,500", with or without settings behind it.
std::optional<TimeSpan> ParseTiming(string_view line) {
  const size_t arrow = line.find("-->");
  if (arrow == string_view::npos) return std::nullopt;
  string_view end = absl::StripLeadingAsciiWhitespace(line.substr(arrow + 3));
  end = end.substr(0, end.find_first_of(" \t"));
  const auto from = ParseTime(line.substr(0, arrow));
  const auto to = ParseTime(end);
  if (!from.has_value() || !to.has_value() || *to < *from) return std::nullopt;
  return TimeSpan{*from, *to};
}

bool IsNumber(string_view line) {
  return !line.empty() && line.find_first_not_of("0123456789") == string_view::npos;
}

// Finds marks in one line, from its beginning on.
class MarkFinder {
 public:
  // The end of a mark that begins at `rest`: "<i>", "</font>", "<00:00:01.000>", "{\an8}"; else 0.
  size_t MarkEnd(string_view rest) {
    if (rest.size() < 3) return 0;
    const auto second = static_cast<unsigned char>(rest[1]);
    if (rest[0] == '<' && (absl::ascii_isalnum(second) || second == '/')) {
      return EndAt(rest, '>', tags_end_);
    }
    return rest[0] == '{' && second == '\\' ? EndAt(rest, '}', codes_end_) : 0;
  }

 private:
  // A line of a million "<a" without an end is looked through once.
  static size_t EndAt(string_view rest, char mark, bool& none_left) {
    if (none_left) return 0;
    const size_t end = rest.find(mark);
    none_left = end == string_view::npos;
    return none_left ? 0 : end + 1;
  }

  bool tags_end_ = false;  // no ">" is left in the line
  bool codes_end_ = false;
};

std::string WithoutMarks(string_view line) {
  std::string out;
  MarkFinder marks;
  while (!line.empty()) {
    if (const size_t end = marks.MarkEnd(line); end > 0) {
      line.remove_prefix(end);
      continue;
    }
    bool entity = false;
    for (const auto& [name, character] : kEntities) {
      if (entity || line[0] != '&' || !absl::ConsumePrefix(&line, name)) continue;
      out.append(character.data(), character.size());
      entity = true;
    }
    if (entity) continue;
    out += line[0];
    line.remove_prefix(1);
  }
  return std::string(absl::StripAsciiWhitespace(out));
}

class CueReader {
 public:
  explicit CueReader(BlockSink& sink) : sink_(sink) {}

  void Begin(const TimeSpan& time) {
    End();
    time_ = time;
  }

  void AddLine(string_view line) {
    if (!time_.has_value()) return;
    std::string words = WithoutMarks(line);
    if (words.empty()) return;
    const bool rolls = words == last_line_ && time_->start <= last_end_ + kRollingSeconds;
    if (rolls && text_.empty()) return;
    if (!text_.empty()) text_ += '\n';
    text_ += words;
    newest_line_ = std::move(words);
  }

  void End() {
    if (!time_.has_value()) return;
    if (!text_.empty()) {
      sink_.Add(TextBlock{.text = text_, .box = std::nullopt, .time = time_});
      last_line_ = std::move(newest_line_);
    }
    last_end_ = time_->end;
    text_.clear();
    newest_line_.clear();
    time_.reset();
  }

 private:
  BlockSink& sink_;
  std::optional<TimeSpan> time_;  // of the cue that is being read
  std::string text_;
  std::string newest_line_;
  std::string last_line_;  // of the cue before
  double last_end_ = 0;
};

string_view TakeLine(string_view& text) {
  const size_t end = text.find('\n');
  const string_view line = text.substr(0, end);
  text.remove_prefix(end == string_view::npos ? text.size() : end + 1);
  return absl::StripTrailingAsciiWhitespace(line);
}

}  // namespace

std::optional<SubtitleFormat> SubtitlesOf(string_view text) {
  constexpr string_view kMark = "WEBVTT";
  if (absl::StartsWith(text, kMark) &&
      (text.size() == kMark.size() ||
       absl::ascii_isspace(static_cast<unsigned char>(text[kMark.size()])))) {
    return SubtitleFormat::kWebVtt;
  }
  text = absl::StripLeadingAsciiWhitespace(text);
  string_view line = TakeLine(text);
  if (IsNumber(line)) line = TakeLine(text);
  if (ParseTiming(line).has_value()) return SubtitleFormat::kSubRip;
  return std::nullopt;
}

void ReadSubtitles(string_view text, BlockSink& sink) {
  CueReader cues(sink);
  while (!text.empty()) {
    const string_view line = TakeLine(text);
    if (const auto time = ParseTiming(line)) {
      cues.Begin(*time);
    } else if (line.empty()) {
      cues.End();
    } else {
      cues.AddLine(line);
    }
  }
  cues.End();
}

}  // namespace sightline::media
