#include "cli/eval_answer.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/ascii.h"

namespace sightline::cli {
namespace {

// Length of the marker that `text` begins with, or 0. The server writes no other forms.
size_t MarkerLength(absl::string_view text) {
  if (text.empty() || text[0] != '[') return 0;
  size_t end = 1;
  while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
  return end > 1 && end < text.size() && text[end] == ']' ? end + 1 : 0;
}

bool Holds(const std::vector<std::string>& documents, const std::string& document) {
  return std::find(documents.begin(), documents.end(), document) != documents.end();
}

}  // namespace

std::string PlainAnswer(absl::string_view answer) {
  std::string out;
  bool blank = false;
  for (size_t at = 0; at < answer.size();) {
    if (const size_t marker = MarkerLength(answer.substr(at)); marker > 0) {
      at += marker;
      blank = false;
      continue;
    }
    const char c = answer[at++];
    if (absl::ascii_isspace(c)) {
      blank = true;
      continue;
    }
    if (blank && !out.empty()) out += ' ';
    blank = false;
    out += c;
  }
  return out;
}

bool Names(absl::string_view plain_answer, absl::string_view gold) {
  const std::string text = absl::AsciiStrToLower(plain_answer);
  const std::string wanted = absl::AsciiStrToLower(PlainAnswer(gold));
  if (wanted.empty()) return false;
  const auto is_word = [&](size_t at) { return at < text.size() && absl::ascii_isalnum(text[at]); };
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    const bool cut =
        (at > 0 && is_word(at - 1) && is_word(at)) || (is_word(end - 1) && is_word(end));
    if (!cut) return true;
  }
  return false;
}

CitationCount& CitationCount::operator+=(const CitationCount& other) {
  citations += other.citations;
  right += other.right;
  pairs += other.pairs;
  cited += other.cited;
  return *this;
}

CitationCount CountCitations(const v1::AnswerResponse& answer, const GoldCitations& gold) {
  std::map<int, std::set<std::string>> by_sentence;  // by where the sentence starts
  std::set<std::string> anywhere;
  for (const v1::Citation& citation : answer.citations()) {
    const std::string& document = citation.hit().passage().document_id();
    by_sentence[citation.start()].insert(document);
    anywhere.insert(document);
  }
  const bool matched = by_sentence.size() == gold.size();
  CitationCount count;
  for (const v1::Citation& citation : answer.citations()) {
    const std::string& document = citation.hit().passage().document_id();
    const auto place = std::distance(by_sentence.begin(), by_sentence.find(citation.start()));
    ++count.citations;
    count.right += matched ? Holds(gold[static_cast<size_t>(place)], document)
                           : std::any_of(gold.begin(), gold.end(), [&](const auto& documents) {
                               return Holds(documents, document);
                             });
  }
  auto sentence = by_sentence.begin();
  for (const std::vector<std::string>& documents : gold) {
    const std::set<std::string>& cited = matched ? sentence->second : anywhere;
    for (const std::string& document : documents) {
      ++count.pairs;
      count.cited += cited.contains(document) ? 1 : 0;
    }
    if (matched) ++sentence;
  }
  return count;
}

}  // namespace sightline::cli
