#include "services/query/grounded_writer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/text_line.h"
#include "base/utf8.h"
#include "services/query/code_point.h"
#include "services/query/entailment.h"
#include "services/query/prompt.h"

namespace sightline::query {
namespace {

constexpr size_t kSnippetBytes = 300;

bool HasLetter(absl::string_view text) {
  for (int32_t at = 0; at < static_cast<int32_t>(text.size());) {
    const UChar32 c = NextCodePoint(text, at);
    if (u_isalpha(c)) return true;
  }
  return false;
}

// Length of the markers at the start of `text`, with the white space around them; 0 when it starts
// with something else.
size_t LeadingMarkers(absl::string_view text) {
  size_t end = 0;
  for (const Marker& marker : ParseMarkers(text)) {
    const absl::string_view between = text.substr(end, marker.begin - end);
    if (!absl::StripAsciiWhitespace(between).empty()) break;
    end = marker.end;
  }
  if (end == 0) return 0;
  while (end < text.size() && absl::ascii_isspace(text[end])) ++end;
  return end;
}

// Moves ends that fall inside a marker behind it: after a full stop the Unicode rules take the
// opening bracket alone into the sentence ("long.[" "2]").
std::vector<Span> WithWholeMarkers(absl::string_view text, std::vector<Span> sentences) {
  const std::vector<Marker> markers = ParseMarkers(text);
  std::vector<Span> out;
  size_t begin = 0;
  for (const Span& sentence : sentences) {
    size_t end = sentence.end;
    for (const Marker& marker : markers) {
      if (marker.begin < end && end < marker.end) {
        end = marker.end;
        while (end < text.size() && absl::ascii_isspace(text[end])) ++end;
      }
    }
    if (end <= begin) continue;
    out.push_back({begin, end});
    begin = end;
  }
  return out;
}

GroundingOptions WithNumbers(GroundingOptions options, int passages) {
  if (options.numbers.empty()) options.numbers = FirstNumbers(passages);
  options.numbers.resize(passages);
  return options;
}

}  // namespace

void RestOn(const index::Passage& passage, Span words, Citation& citation) {
  const absl::string_view text =
      absl::string_view(passage.text).substr(words.begin, words.end - words.begin);
  citation.snippet = std::string(text.substr(0, Utf8PrefixLength(text, kSnippetBytes)));
  citation.region = BoxAround(passage.lines, words.begin, words.begin + citation.snippet.size());
}

void RestOn(const index::Passage& passage, absl::string_view claim, Citation& citation) {
  const std::optional<Span> sentence = ClosestSentence(claim, passage.text);
  RestOn(passage, sentence.value_or(Span{0, passage.text.size()}), citation);
  if (!sentence.has_value()) citation.region.reset();
}

std::vector<Span> SplitAnswer(absl::string_view text) {
  std::vector<Span> out;
  for (Span sentence : WithWholeMarkers(text, SplitSentences(text))) {
    if (!out.empty()) {
      const absl::string_view words = text.substr(sentence.begin, sentence.end - sentence.begin);
      const size_t markers = LeadingMarkers(words);
      // A marker that opens a line belongs to that line.
      const bool same_line =
          text.substr(out.back().begin, sentence.begin - out.back().begin).find('\n') ==
          absl::string_view::npos;
      if (markers > 0 && same_line) {
        sentence.begin += markers;
        out.back().end = sentence.begin;
      } else if (!HasLetterOrDigit(words)) {
        out.back().end = sentence.end;
        continue;
      }
      if (sentence.begin == sentence.end) continue;
    }
    out.push_back(sentence);
  }
  return out;
}

GroundedWriter::GroundedWriter(std::span<const Hit> hits, int passages, GroundingOptions options,
                               const AnswerSink& sink)
    : hits_(hits),
      options_(
          WithNumbers(std::move(options), std::min<int>(passages, static_cast<int>(hits.size())))),
      sink_(sink),
      filter_(options_.numbers) {}

bool GroundedWriter::Write(absl::string_view raw) { return Take(filter_.Push(raw)); }

bool GroundedWriter::Finish() {
  if (!Take(filter_.Finish())) return false;
  return SettleSentences(/*all=*/true);
}

bool GroundedWriter::Take(absl::string_view text) {
  if (stopped_) return false;
  if (text.empty()) return true;
  unsettled_.append(text.data(), text.size());
  if (options_.policy == VerdictPolicy::kFlag) {
    text_.append(text.data(), text.size());
    if (!sink_.on_text(text)) stopped_ = true;
  }
  return !stopped_ && SettleSentences(/*all=*/false);
}

bool GroundedWriter::SettleSentences(bool all) {
  const std::vector<Span> sentences = SplitAnswer(unsettled_);
  size_t settled = 0;
  for (size_t i = 0; i < sentences.size() && !stopped_; ++i) {
    if (!all) {
      // Settled when a later sentence has begun with a letter: what stands between could still be a
      // marker of this one, and the Unicode rules look ahead to the next letter.
      if (i + 1 == sentences.size()) break;
      if (!HasLetter(WithoutMarkers(absl::string_view(unsettled_).substr(sentences[i].end)))) break;
    }
    const Span& sentence = sentences[i];
    if (!Settle(absl::string_view(unsettled_).substr(sentence.begin, sentence.end - sentence.begin),
                unsettled_.size() - sentence.begin)) {
      stopped_ = true;
    }
    settled = sentences[i].end;
  }
  unsettled_.erase(0, settled);
  return !stopped_;
}

GroundedWriter::Judged GroundedWriter::JudgeSentence(absl::string_view words) const {
  Judged out;
  out.words = std::string(words);
  for (const Marker& marker : ParseMarkers(words)) {
    for (const int number : marker.numbers) {
      if (std::find(out.cited.begin(), out.cited.end(), number) != out.cited.end()) continue;
      out.cited.push_back(number);
      out.passages.push_back(&hits_[number - 1].passage);
    }
  }
  out.claim = WithoutMarkers(words);
  out.states_something = HasLetterOrDigit(out.claim);
  if (out.cited.empty()) {
    out.verdict = Verdict::kUnsupported;
  } else if (options_.judge != nullptr && out.states_something) {
    out.verdict = options_.judge(out.claim, out.passages);
  } else {
    out.verdict = JudgeClaim(out.claim, out.passages, nullptr, {});
  }
  return out;
}

bool GroundedWriter::Rewrite(Judged& sentence) {
  const std::string white(
      sentence.words.substr(Trimmed(sentence.words, {0, sentence.words.size()}).end));
  const std::string refused = sentence.words;
  for (int attempt = 0; attempt < kMaxTries && rewrites_ < kMaxRewrites; ++attempt) {
    ++rewrites_;
    const absl::StatusOr<std::string> raw =
        options_.rewrite(text_, absl::StripAsciiWhitespace(refused), attempt);
    if (!raw.ok()) {
      status_ = raw.status();
      return false;
    }
    MarkerFilter filter(options_.numbers);
    std::string text = filter.Push(*raw);
    text += filter.Finish();
    // One sentence stands for one: what else was written was not asked for.
    for (const Span& span : SplitAnswer(text)) {
      Judged anew = JudgeSentence(text.substr(span.begin, span.end - span.begin));
      if (!anew.states_something) continue;
      if (anew.fails()) break;
      anew.words = std::string(absl::StripAsciiWhitespace(anew.words)) + white;
      sentence = std::move(anew);
      return true;
    }
  }
  return false;
}

// `tail`: bytes from the sentence's begin to the end of unsettled_.
bool GroundedWriter::Settle(absl::string_view words, size_t tail) {
  Judged sentence = JudgeSentence(words);
  if (options_.policy != VerdictPolicy::kFlag) {
    if (sentence.fails()) {
      const bool again = options_.policy == VerdictPolicy::kRegenerate &&
                         options_.rewrite != nullptr && !IsAbstention(words);
      if (!again || !Rewrite(sentence)) {
        if (!status_.ok()) return false;
        ++dropped_;
        return true;
      }
      ++rewritten_;
    }
    if (!LeaveWhole(sentence.words)) return false;
  }
  if (sentence.cited.empty() && !sentence.states_something) return true;
  // With kFlag the sentence left earlier; unsettled_ is the tail of text_ in either case.
  const Span trimmed = Trimmed(sentence.words, {0, sentence.words.size()});
  const size_t base = text_.size() - (options_.policy == VerdictPolicy::kFlag ? tail : trimmed.end);
  const size_t start = base + trimmed.begin;
  const size_t end = base + std::max(trimmed.begin, EndWithoutMarkers(sentence.words));
  sentences_.push_back({start, end, sentence.cited, sentence.verdict});
  if (sentence.cited.empty()) ++uncited_;
  for (size_t i = 0; i < sentence.cited.size(); ++i) {
    Citation citation;
    citation.marker = sentence.cited[i];
    citation.start = start;
    citation.end = end;
    citation.hit = static_cast<size_t>(sentence.cited[i] - 1);
    RestOn(*sentence.passages[i], sentence.claim, citation);
    citation.verdict = sentence.verdict;
    citation.support = Overlap(sentence.claim, FactsOf(*sentence.passages[i]));
    if (options_.locate != nullptr && !citation.region.has_value() && sentence.states_something) {
      const std::string said = DropMarkers(sentence.words);
      citation.region =
          options_.locate(std::string(absl::StripAsciiWhitespace(said)), *sentence.passages[i]);
    }
    citations_.push_back(citation);
    if (!sink_.on_citation(citation)) return false;
  }
  return true;
}

bool GroundedWriter::LeaveWhole(absl::string_view sentence) {
  const size_t end = Trimmed(sentence, {0, sentence.size()}).end;
  std::string piece = text_.empty() ? "" : gap_;
  piece.append(sentence.data(), end);
  gap_ = std::string(sentence.substr(end));
  text_ += piece;
  return sink_.on_text(piece);
}

}  // namespace sightline::query
