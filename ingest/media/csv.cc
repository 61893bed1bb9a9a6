#include "ingest/media/csv.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "ingest/media/markdown_table.h"

namespace sightline::media {
namespace {

using Row = std::vector<std::string>;

constexpr size_t kRowsLookedAt = 64;
constexpr size_t kFewestPlainRows = 3;
constexpr size_t kLongestPlainField = 60;  // bytes, on average

// Takes rows off a text, one after the other. A quote that is never closed ends with the text.
class CsvReader {
 public:
  CsvReader(absl::string_view text, char delimiter) : rest_(text), delimiter_(delimiter) {}

  // False at the end of the text.
  bool Next(Row& row) {
    row.clear();
    if (rest_.empty()) return false;
    while (true) {
      row.push_back(Field());
      if (!absl::ConsumePrefix(&rest_, absl::string_view(&delimiter_, 1))) break;
    }
    absl::ConsumePrefix(&rest_, "\r");
    absl::ConsumePrefix(&rest_, "\n");
    return true;
  }

 private:
  std::string Field() {
    std::string out;
    if (absl::ConsumePrefix(&rest_, "\"")) out = Quoted();
    size_t end = 0;
    while (end < rest_.size() && rest_[end] != delimiter_ && rest_[end] != '\n' &&
           rest_[end] != '\r') {
      ++end;
    }
    out.append(rest_.data(), end);
    rest_.remove_prefix(end);
    return out;
  }

  // Up to and with the closing quote; two quotes stand for one.
  std::string Quoted() {
    std::string out;
    while (true) {
      const size_t quote = std::min(rest_.find('"'), rest_.size());
      out.append(rest_.data(), quote);
      rest_.remove_prefix(std::min(quote + 1, rest_.size()));
      if (!absl::ConsumePrefix(&rest_, "\"")) return out;
      out.push_back('"');
    }
  }

  absl::string_view rest_;
  const char delimiter_;
};

bool IsBlank(const Row& row) {
  return std::all_of(row.begin(), row.end(), [](const std::string& field) {
    return absl::StripAsciiWhitespace(field).empty();
  });
}

struct Shape {
  size_t rows = 0;
  size_t fields = 0;   // of most rows
  size_t regular = 0;  // rows of that many
  size_t bytes = 0;
};

Shape ShapeOf(absl::string_view text, char delimiter) {
  CsvReader reader(text, delimiter);
  std::map<size_t, size_t> rows_of_width;
  Shape shape;
  Row row;
  while (shape.rows < kRowsLookedAt && reader.Next(row)) {
    if (IsBlank(row)) continue;
    ++shape.rows;
    ++rows_of_width[row.size()];
    for (const std::string& field : row) shape.bytes += field.size();
  }
  for (const auto& [fields, rows] : rows_of_width) {
    if (rows >= shape.regular) {
      shape.fields = fields;
      shape.regular = rows;
    }
  }
  return shape;
}

// "sep=;", with which spreadsheets name the delimiter.
std::optional<char> TakeSeparatorLine(absl::string_view& text) {
  if (text.size() < 5 || !absl::StartsWith(text, "sep=")) return std::nullopt;
  const char delimiter = text[4];
  if (absl::ascii_isspace(static_cast<unsigned char>(delimiter)) && delimiter != '\t') {
    return std::nullopt;
  }
  const size_t end = text.find('\n');
  if (absl::StripAsciiWhitespace(text.substr(5, std::min(end, text.size()) - 5)) != "") {
    return std::nullopt;
  }
  text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  return delimiter;
}

}  // namespace

char GuessDelimiter(absl::string_view text) {
  char best = ',';
  Shape best_shape;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const Shape shape = ShapeOf(text, delimiter);
    if (shape.fields < 2) continue;
    const size_t rows = std::max<size_t>(1, shape.rows);
    const size_t best_rows = std::max<size_t>(1, best_shape.rows);
    const size_t share = shape.regular * best_rows;
    const size_t best_share = best_shape.regular * rows;
    if (share > best_share || (share == best_share && shape.fields > best_shape.fields)) {
      best = delimiter;
      best_shape = shape;
    }
  }
  return best;
}

std::optional<char> DelimiterOfPlainTable(absl::string_view text) {
  const char delimiter = GuessDelimiter(text);
  if (delimiter == '|') return std::nullopt;  // tables drawn in prose
  const Shape shape = ShapeOf(text, delimiter);
  const size_t fewest_fields = delimiter == '\t' ? 2 : 3;
  if (shape.rows < kFewestPlainRows || shape.regular != shape.rows) return std::nullopt;
  if (shape.fields < fewest_fields) return std::nullopt;
  if (shape.bytes > shape.rows * shape.fields * kLongestPlainField) return std::nullopt;
  return delimiter;
}

void ReadCsv(absl::string_view text, char delimiter, BlockSink& sink) {
  if (const auto named = TakeSeparatorLine(text)) delimiter = *named;
  CsvReader reader(text, delimiter);
  MarkdownTable table;
  table.Start();
  Row row;
  while (reader.Next(row)) {
    if (IsBlank(row)) continue;
    table.StartRow();
    for (const std::string& field : row) table.AddCell(field);
  }
  sink.Add(BlockKind::kTable, table.Finish());
}

}  // namespace sightline::media
