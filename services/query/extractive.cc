#include "services/query/extractive.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "services/query/markers.h"
#include "services/query/sentences.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

using TermSet = absl::flat_hash_set<std::string>;

TermSet TermsOf(absl::string_view text) {
  std::vector<std::string> terms = Terms(text);
  return TermSet(terms.begin(), terms.end());
}

struct Candidate {
  size_t hit = 0;
  size_t order = 0;  // of the sentence in its passage
  Span span;         // its bytes there
  std::string text;
  TermSet terms;
  double score = 0;
};

// The sentence as it may leave: no bracketed numbers, no line breaks, not too long.
std::string Quotable(absl::string_view sentence, size_t max_bytes) {
  std::string out;
  for (const char c : DropMarkers(sentence)) out += absl::ascii_isspace(c) ? ' ' : c;
  absl::RemoveExtraAsciiWhitespace(&out);
  if (out.size() > max_bytes) {
    out.resize(Utf8PrefixLength(out, max_bytes));
    const size_t space = out.rfind(' ');
    if (space != std::string::npos && space > max_bytes / 2) out.resize(space);
    out += " …";
  }
  return out;
}

std::vector<Candidate> Candidates(std::span<const Hit> hits, const ExtractiveOptions& options) {
  std::vector<Candidate> out;
  TermSet seen;
  const size_t passages = std::min(hits.size(), static_cast<size_t>(options.max_passages));
  for (size_t i = 0; i < passages; ++i) {
    const std::string& text = hits[i].passage.text;
    size_t order = 0;
    for (const Span& span : SplitSentences(text)) {
      Candidate candidate;
      candidate.hit = i;
      candidate.order = order++;
      candidate.span = Trimmed(text, span);
      candidate.text = Quotable(absl::string_view(text).substr(span.begin, span.end - span.begin),
                                options.max_sentence_bytes);
      // Passages overlap, so one sentence may come twice.
      if (candidate.text.empty() || !seen.insert(NormalisedText(candidate.text)).second) continue;
      candidate.terms = TermsOf(candidate.text);
      out.push_back(std::move(candidate));
    }
  }
  return out;
}

// Weight of each of the question's terms: rare among the candidates counts more.
absl::flat_hash_map<std::string, double> Weights(const std::vector<std::string>& terms,
                                                 const std::vector<Candidate>& candidates) {
  absl::flat_hash_map<std::string, double> out;
  const auto n = static_cast<double>(candidates.size());
  for (const std::string& term : terms) {
    const auto with = static_cast<double>(
        std::count_if(candidates.begin(), candidates.end(),
                      [&](const Candidate& candidate) { return candidate.terms.contains(term); }));
    out[term] = std::log(1 + (n - with + 0.5) / (with + 0.5));  // BM25's
  }
  return out;
}

double WeightIn(const absl::flat_hash_map<std::string, double>& weights, const TermSet& terms) {
  double sum = 0;
  for (const auto& [term, weight] : weights) {
    if (terms.contains(term)) sum += weight;
  }
  return sum;
}

void AppendSentence(const Candidate& candidate, const Hit& hit, double support, Verdict verdict,
                    ExtractiveAnswer& answer) {
  if (!answer.text.empty()) answer.text += ' ';
  Citation citation;
  citation.marker = static_cast<int>(candidate.hit) + 1;
  citation.hit = candidate.hit;
  citation.start = answer.text.size();
  citation.end = citation.start + candidate.text.size();
  RestOn(hit.passage, candidate.span, citation);
  citation.verdict = verdict;
  citation.support = static_cast<float>(support);
  absl::StrAppend(&answer.text, candidate.text, " [", citation.marker, "]");
  answer.citations.push_back(std::move(citation));
}

// For a question of pictures alone: what the best hits begin with.
ExtractiveAnswer QuoteBeginnings(std::span<const Hit> hits, std::vector<Candidate> candidates,
                                 const ExtractiveOptions& options) {
  ExtractiveAnswer answer;
  int quoted = 0;
  size_t last_hit = hits.size();
  for (const Candidate& candidate : candidates) {
    if (candidate.hit == last_hit || quoted >= std::min(2, options.max_sentences)) continue;
    last_hit = candidate.hit;
    ++quoted;
    AppendSentence(candidate, hits[candidate.hit], 1, Verdict::kSupported, answer);
  }
  return answer;
}

}  // namespace

ExtractiveAnswer Extract(const QueryContent& question, std::span<const Hit> hits,
                         const ExtractiveOptions& options) {
  std::vector<Candidate> candidates = Candidates(hits, options);
  const std::vector<std::string> terms = ContentTerms(question.JoinedText());
  if (terms.empty()) {
    if (question.images.empty() || options.dense_untrained) return {};
    return QuoteBeginnings(hits, std::move(candidates), options);
  }
  const auto weights = Weights(terms, candidates);
  double total = 0;
  for (const auto& [term, weight] : weights) total += weight;

  std::vector<double> coverage(hits.size(), 0);
  for (size_t i = 0; i < hits.size(); ++i) {
    coverage[i] = WeightIn(weights, TermsOf(PassageWords(hits[i].passage))) / total;
  }
  std::erase_if(candidates, [&](Candidate& candidate) {
    if (coverage[candidate.hit] < options.least_coverage) return true;
    const double held = WeightIn(weights, candidate.terms) / total;
    // Long sentences hold more by chance; the passage around a sentence and its rank break ties.
    const double length = 1 + 0.02 * static_cast<double>(candidate.terms.size());
    candidate.score =
        held / length + 0.1 * coverage[candidate.hit] - 0.005 * static_cast<double>(candidate.hit);
    return held == 0;
  });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });

  std::vector<Candidate> chosen;
  for (Candidate& candidate : candidates) {
    if (static_cast<int>(chosen.size()) >= options.max_sentences) break;
    // Sentences far behind the best add noise, not an answer.
    if (!chosen.empty() && candidate.score < 0.6 * chosen.front().score) break;
    chosen.push_back(std::move(candidate));
  }
  // The best first; what follows from the same passage in reading order.
  if (chosen.size() > 2) {
    std::stable_sort(chosen.begin() + 1, chosen.end(), [](const Candidate& a, const Candidate& b) {
      return std::pair(a.hit, a.order) < std::pair(b.hit, b.order);
    });
  }
  ExtractiveAnswer answer;
  for (const Candidate& candidate : chosen) {
    AppendSentence(candidate, hits[candidate.hit], coverage[candidate.hit], Verdict::kSupported,
                   answer);
  }
  return answer;
}

}  // namespace sightline::query
