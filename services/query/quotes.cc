#include "services/query/quotes.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utf8.h"
#include "services/query/markers.h"
#include "services/query/table_rows.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr size_t kLongestFragment = 80;    // bytes of a line that may stand with others
constexpr size_t kLongestFragments = 240;  // of those that stand together

bool IsClosing(UChar32 c) {
  const int8_t type = u_charType(c);
  return c == '"' || c == '\'' || type == U_END_PUNCTUATION || type == U_FINAL_PUNCTUATION;
}

bool EndsSentence(absl::string_view text) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  for (auto at = static_cast<int32_t>(text.size()); at > 0;) {
    UChar32 c = 0;
    U8_PREV(bytes, 0, at, c);
    if (IsClosing(c)) continue;
    return c == U'…' || u_hasBinaryProperty(c, UCHAR_S_TERM);
  }
  return false;
}

// `words` as they may leave: no bracketed numbers, no line breaks, not too long.
std::string Quotable(absl::string_view words, size_t max_bytes) {
  std::string out;
  for (const char c : DropMarkers(words)) out += absl::ascii_isspace(c) ? ' ' : c;
  absl::RemoveExtraAsciiWhitespace(&out);
  if (out.size() > max_bytes) {
    out.resize(Utf8PrefixLength(out, max_bytes));
    const size_t space = out.rfind(' ');
    if (space != std::string::npos && space > max_bytes / 2) out.resize(space);
    out += " …";
  }
  return out;
}

// A row in words.
std::string RowText(const std::vector<std::string>& heads, const std::vector<std::string>& cells) {
  const bool cjk = IsMostlyCjk(absl::StrCat(absl::StrJoin(heads, ""), absl::StrJoin(cells, "")));
  const absl::string_view colon = cjk ? "：" : ": ";
  std::vector<std::string> parts;
  const bool named = std::ranges::any_of(heads, [](const auto& head) { return !head.empty(); });
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].empty()) continue;
    const bool has_head = i < heads.size() && !heads[i].empty();
    parts.push_back(has_head ? absl::StrCat(heads[i], colon, cells[i]) : cells[i]);
  }
  if (!named && parts.size() == 2) return absl::StrJoin(parts, colon);
  return absl::StrJoin(parts, cjk ? "，" : ", ");
}

class Quotes {
 public:
  Quotes(absl::string_view text, size_t max_bytes) : text_(text), max_bytes_(max_bytes) {
    std::vector<Span> lines;
    for (size_t begin = 0; begin < text.size();) {
      size_t end = text.find('\n', begin);
      if (end == absl::string_view::npos) end = text.size();
      lines.push_back(Trimmed(text, {begin, end}));
      begin = end + 1;
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      AddLine(lines[i], i + 1 < lines.size() && IsTableRule(WordsOf(lines[i + 1])));
    }
    EndFragments();
  }

  std::vector<Quote> Take() && { return std::move(quotes_); }

 private:
  absl::string_view WordsOf(Span span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }

  void AddLine(Span line, bool is_head) {
    if (IsTableLine(WordsOf(line))) {
      EndFragments();
      AddRow(line, is_head);
      return;
    }
    in_table_ = false;
    bool goes_on = false;
    for (Span sentence : SplitSentences(WordsOf(line))) {
      sentence = Trimmed(text_, {line.begin + sentence.begin, line.begin + sentence.end});
      const absl::string_view words = WordsOf(sentence);
      if (!HasLetterOrDigit(words)) continue;
      if (EndsSentence(words)) {
        EndFragments();
        Add(sentence, Quotable(words, max_bytes_), Quote::Kind::kSentence, goes_on);
        goes_on = true;
      } else {
        AddFragment(sentence);
        goes_on = false;
      }
    }
  }

  // A piece of a long table may have no head.
  void AddRow(Span line, bool is_head) {
    std::vector<std::string> cells = TableCells(WordsOf(line));
    if (!in_table_) heads_.clear();
    if (!in_table_ && is_head) {
      heads_ = std::move(cells);
    } else if (!cells.empty()) {
      Add(line, Quotable(RowText(heads_, cells), max_bytes_), Quote::Kind::kRow);
    }
    in_table_ = true;
  }

  void AddFragment(Span span) {
    const size_t bytes = span.end - span.begin;
    if (!fragments_.empty() &&
        (bytes > kLongestFragment || span.end - fragments_.front().begin > kLongestFragments)) {
      EndFragments();
    }
    fragments_.push_back(span);
    if (bytes > kLongestFragment) EndFragments();
  }

  void EndFragments() {
    if (fragments_.empty()) return;
    std::vector<absl::string_view> words;
    for (const Span span : fragments_) words.push_back(WordsOf(span));
    // Words as many as these say something, mark or not.
    const bool is_long = words.front().size() > kLongestFragment;
    Add({fragments_.front().begin, fragments_.back().end},
        Quotable(absl::StrJoin(words, " · "), max_bytes_),
        is_long ? Quote::Kind::kSentence : Quote::Kind::kFragment);
    fragments_.clear();
  }

  void Add(Span span, std::string words, Quote::Kind kind, bool goes_on = false) {
    if (!words.empty()) quotes_.push_back({span, std::move(words), kind, goes_on});
  }

  const absl::string_view text_;
  const size_t max_bytes_;
  std::vector<Quote> quotes_;
  bool in_table_ = false;
  std::vector<std::string> heads_;  // of the table
  std::vector<Span> fragments_;     // that stand together
};

}  // namespace

std::vector<Quote> QuotesOf(absl::string_view text, size_t max_bytes) {
  return Quotes(text, max_bytes).Take();
}

}  // namespace sightline::query
