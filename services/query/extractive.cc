#include "services/query/extractive.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/query/asked.h"
#include "services/query/quotes.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

// A quote counts by its own words and by those that it stands under, which say what it is about.
constexpr double kOwnShare = 0.35;
// The best by their words, whose meaning is compared, and by how much of its score a quote loses
// for each hundredth that its cosine is behind the nearest one's.
constexpr size_t kMeant = 12;
constexpr double kByMeaning = 2;
// Of the best score, what further quotes have at least: those far behind add noise, not an answer.
// Less where one has a name or number of the question that those before it lack.
constexpr double kNear = 0.8;
constexpr double kNearOfEntity = 0.4;
constexpr double kLeastScore = 0.01;
constexpr double kAll = 0.999;  // of a question, but for rounding
// Of least_coverage, what is enough of a passage where a question is about several things.
constexpr double kPartCoverage = 0.5;
// Bytes of a heading that is quoted with a row, and of a page's text that says what it is about.
constexpr size_t kLongestHeading = 120;
constexpr size_t kLongestTitle = 200;

// A quote, or two sentences the second of which goes on with the first.
struct Candidate {
  size_t hit = 0;
  size_t order = 0;  // of the last quote in its passage
  std::vector<Quote> quotes;
  TermSet terms = {};    // its own
  TermSet context = {};  // those and of what it stands under
  double score = 0;

  std::string Text() const {
    return quotes.size() == 1 ? quotes.front().text
                              : absl::StrCat(quotes.front().text, " ", quotes.back().text);
  }
  bool Overlaps(const Candidate& other) const {
    return hit == other.hit && order + 1 - quotes.size() <= other.order &&
           other.order + 1 - other.quotes.size() <= order;
  }
};

// What a row or a few words are quoted under: alone they do not say what they are about.
std::string Title(const index::Passage& passage) {
  absl::string_view heading = passage.heading;
  if (heading.size() > kLongestHeading) {
    const size_t inner = heading.rfind(" > ");
    heading = inner == absl::string_view::npos ? "" : heading.substr(inner + 3);
  }
  return heading.size() > kLongestHeading ? "" : std::string(heading);
}

// The words of short texts on the hit's page: a title or a date may be a passage of its own.
TermSet PageTerms(std::span<const Hit> hits, const index::Passage& passage) {
  TermSet out;
  if (passage.page == 0) return out;
  for (const Hit& hit : hits) {
    const index::Passage& other = hit.passage;
    if (other.document_id != passage.document_id || other.page != passage.page) continue;
    if (other.kind == index::PassageKind::kTable || other.text.size() > kLongestTitle) continue;
    out.merge(TermsOf(other.text));
  }
  return out;
}

std::vector<Candidate> Candidates(std::span<const Hit> hits, const ExtractiveOptions& options) {
  std::vector<Candidate> out;
  TermSet seen;
  std::map<std::pair<absl::string_view, int>, TermSet> pages;
  for (size_t i = 0; i < hits.size(); ++i) {
    const index::Passage& passage = hits[i].passage;
    const std::string title = Title(passage);
    const auto [place, is_new] = pages.try_emplace({passage.document_id, passage.page});
    if (is_new) place->second = PageTerms(hits, passage);
    TermSet page = TermsOf(passage.heading);
    page.insert(place->second.begin(), place->second.end());
    const auto add = [&](size_t order, std::vector<Quote> quotes) {
      Candidate candidate = {.hit = i, .order = order, .quotes = std::move(quotes)};
      // Passages overlap, so one sentence may come twice.
      if (!seen.insert(NormalisedText(candidate.Text())).second) return;
      candidate.terms = TermsOf(candidate.Text());
      candidate.context = page;
      candidate.context.insert(candidate.terms.begin(), candidate.terms.end());
      out.push_back(std::move(candidate));
    };
    std::vector<Quote> quotes = QuotesOf(passage.text, options.max_sentence_bytes);
    for (size_t order = 0; order < quotes.size(); ++order) {
      Quote& quote = quotes[order];
      if (quote.kind != Quote::Kind::kSentence && !title.empty()) {
        quote.text = absl::StrCat(title, " — ", quote.text);
      }
      add(order, {quote});
      if (quote.goes_on) add(order, {quotes[order - 1], quote});
    }
  }
  return out;
}

void AppendQuote(const Quote& quote, size_t place, const Hit& hit, double support,
                 ExtractiveAnswer& answer) {
  if (!answer.text.empty()) answer.text += ' ';
  Citation citation;
  citation.marker = static_cast<int>(place) + 1;
  citation.hit = place;
  citation.start = answer.text.size();
  citation.end = citation.start + quote.text.size();
  RestOn(hit.passage, quote.span, citation);
  citation.verdict = Verdict::kSupported;
  citation.support = static_cast<float>(support);
  absl::StrAppend(&answer.text, quote.text, " [", citation.marker, "]");
  answer.citations.push_back(std::move(citation));
}

// Has the best by their words ordered by their meaning too, and leaves the others out; the best of
// each thing that is asked about is among them. As it was where the meaning is not known.
void SortByMeaning(const Asked& asked, const QueryContent& question, std::span<const Hit> hits,
                   const QuoteMeaning& meaning, std::vector<Candidate>& candidates) {
  if (candidates.size() < 2) return;
  std::vector<Candidate*> meant;
  for (size_t i = 0; i < candidates.size() && i < kMeant; ++i) meant.push_back(&candidates[i]);
  for (size_t entity = 0; entity < asked.entities(); ++entity) {
    const auto best = std::ranges::find_if(candidates, [&](const Candidate& candidate) {
      return asked.HoldsEntity(candidate.context, entity);
    });
    if (best != candidates.end() && best - candidates.begin() >= std::ssize(meant)) {
      meant.push_back(&*best);
    }
  }
  std::vector<std::string> texts;
  for (const Candidate* candidate : meant) {
    const index::Passage& passage = hits[candidate->hit].passage;
    const bool titled = candidate->quotes.front().kind != Quote::Kind::kSentence;
    texts.push_back(titled || passage.heading.empty()
                        ? candidate->Text()
                        : absl::StrCat(passage.heading, "\n", candidate->Text()));
  }
  const std::vector<float> cosines = meaning(question, texts);
  if (cosines.size() != meant.size()) return;
  const float nearest = *std::ranges::max_element(cosines);
  std::vector<Candidate> kept;
  for (size_t i = 0; i < meant.size(); ++i) {
    meant[i]->score *= std::max(0.0, 1 - kByMeaning * (nearest - cosines[i]));
    kept.push_back(*meant[i]);
  }
  candidates = std::move(kept);
  std::ranges::stable_sort(candidates, std::greater(), &Candidate::score);
}

// Leaves those that may answer, with their scores.
void Judge(const Asked& asked, std::span<const Hit> hits, const ExtractiveOptions& options,
           std::vector<Candidate>& candidates) {
  std::vector<double> coverage(hits.size(), 0);
  for (const Candidate& candidate : candidates) {
    double& most = coverage[candidate.hit];
    most = std::max(most, asked.Held(candidate.context));
  }
  for (size_t i = 0; i < hits.size(); ++i) {
    coverage[i] = std::max(coverage[i], asked.Held(TermsOf(PassageWords(hits[i].passage))));
  }
  const double least = options.least_coverage * (asked.is_joined() ? kPartCoverage : 1);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    if (coverage[candidate.hit] < least || asked.Held(candidate.context) == 0) return true;
    if (!asked.HoldsEnoughEntities(candidate.context)) return true;
    const std::string text = candidate.Text();
    if (asked.LacksAmount(text)) return true;
    if (asked.SaysMore(text)) return false;
    // A sentence that says all of the question answers "which number is 7?", as far as that goes.
    const bool is_words = candidate.quotes.back().kind == Quote::Kind::kFragment;
    return is_words || (asked.is_open() && asked.Held(candidate.terms) < kAll);
  });
  for (Candidate& candidate : candidates) {
    const double held =
        kOwnShare * asked.Held(candidate.terms) + (1 - kOwnShare) * asked.Held(candidate.context);
    // Long ones hold more by chance; the passage around a quote and its rank break ties.
    const double length = 1 + 0.02 * static_cast<double>(candidate.terms.size());
    const double ties = 0.1 * coverage[candidate.hit] - 0.005 * static_cast<double>(candidate.hit);
    candidate.score = std::max(kLeastScore, held / length + ties);
  }
  std::ranges::stable_sort(candidates, std::greater(), &Candidate::score);
}

// What is quoted, the best first. `candidates` are in order.
std::vector<Candidate> Choose(const Asked& asked, std::vector<Candidate> candidates,
                              const ExtractiveOptions& options) {
  std::vector<Candidate> chosen;
  if (candidates.empty()) return chosen;
  const double best = candidates.front().score;
  int sentences = 0;
  // False: it stays.
  const auto take = [&](Candidate& candidate) {
    const bool overlaps = std::ranges::any_of(
        chosen, [&](const Candidate& other) { return candidate.Overlaps(other); });
    const int with = sentences + static_cast<int>(candidate.quotes.size());
    if (candidate.quotes.empty() || overlaps || with > options.max_sentences) return false;
    sentences = with;
    chosen.push_back(std::exchange(candidate, {.hit = candidate.hit, .quotes = {}}));
    return true;
  };
  take(candidates.front());
  for (size_t entity = 0; entity < asked.entities(); ++entity) {
    const auto holds = [&](const Candidate& c) { return asked.HoldsEntity(c.context, entity); };
    if (std::ranges::any_of(chosen, holds)) continue;
    for (Candidate& candidate : candidates) {
      if (candidate.score >= kNearOfEntity * best && holds(candidate) && take(candidate)) break;
    }
  }
  for (Candidate& candidate : candidates) {
    if (candidate.score >= kNear * best) take(candidate);
  }
  return chosen;
}

// What of `candidates` answers one question, each with its support as the score; empty = nothing.
std::vector<Candidate> QuotesFor(const QueryContent& question, std::span<const Hit> hits,
                                 std::vector<Candidate> candidates,
                                 const ExtractiveOptions& options, const QuoteMeaning& meaning) {
  std::vector<const TermSet*> places;
  for (const Candidate& candidate : candidates) places.push_back(&candidate.context);
  const Asked asked(question.JoinedText(), places);
  Judge(asked, hits, options, candidates);
  if (meaning != nullptr) SortByMeaning(asked, question, hits, meaning, candidates);
  std::vector<Candidate> chosen = Choose(asked, std::move(candidates), options);
  TermSet held;
  for (Candidate& candidate : chosen) {
    held.insert(candidate.context.begin(), candidate.context.end());
    candidate.score = asked.Held(candidate.context);
  }
  if (asked.Held(held) < options.least_coverage) chosen.clear();
  return chosen;
}

// For a question of pictures alone: what the best hits begin with.
ExtractiveAnswer QuoteBeginnings(std::span<const Hit> hits,
                                 const std::vector<Candidate>& candidates,
                                 const ExtractiveOptions& options) {
  ExtractiveAnswer answer;
  int quoted = 0;
  size_t last_hit = hits.size();
  for (const Candidate& candidate : candidates) {
    if (candidate.hit == last_hit || quoted >= std::min(2, options.max_sentences)) continue;
    last_hit = candidate.hit;
    ++quoted;
    AppendQuote(candidate.quotes.front(), candidate.hit, hits[candidate.hit], 1, answer);
  }
  return answer;
}

}  // namespace

ExtractiveAnswer Extract(const QueryContent& question, std::span<const Hit> hits,
                         const ExtractiveOptions& options, const QuoteMeaning& meaning) {
  hits = hits.first(std::min(hits.size(), static_cast<size_t>(options.max_passages)));
  std::vector<Candidate> candidates = Candidates(hits, options);
  const std::string text = question.JoinedText();
  if (ContentTerms(text).empty()) {
    if (question.images.empty() || options.dense_untrained) return {};
    return QuoteBeginnings(hits, candidates, options);
  }
  ExtractiveAnswer answer;
  using Place = std::pair<size_t, size_t>;  // hit, place of the quote in its passage
  std::set<Place> given;
  std::optional<Place> last;
  const std::vector<std::string> questions = QuestionsIn(text);
  for (const std::string& each : questions) {
    QueryContent asked = question;
    if (questions.size() > 1) asked.texts = {each};
    for (const Candidate& candidate : QuotesFor(asked, hits, candidates, options, meaning)) {
      const Place end = {candidate.hit, candidate.order};
      // One passage may answer two questions.
      if (given.contains(end)) continue;
      Place place = {candidate.hit, candidate.order + 1 - candidate.quotes.size()};
      for (const Quote& quote : candidate.quotes) {
        // What goes on from a sentence is not parted from it, unless that was just said.
        if (place != last) {
          AppendQuote(quote, candidate.hit, hits[candidate.hit], candidate.score, answer);
          given.insert(place);
          last = place;
        }
        ++place.second;
      }
    }
  }
  return answer;
}

}  // namespace sightline::query
