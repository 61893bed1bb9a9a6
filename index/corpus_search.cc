#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/allowed_passages.h"
#include "index/corpus_impl.h"
#include "index/fusion.h"
#include "index/key_codec.h"
#include "index/patch_search.h"
#include "index/phrase_filter.h"
#include "index/prefix_terms.h"
#include "index/prepared_document.h"
#include "index/text_query.h"
#include "index/text_search.h"
#include "index/vector_search.h"

namespace sightline::index {
namespace {

constexpr int kMaxHits = 1000;
constexpr int kMaxCandidates = 10'000;
constexpr size_t kMaxQueryBytes = 64 << 10;

struct Stages {
  bool dense = false;
  bool lexical = false;
};

absl::StatusOr<Stages> ChooseStages(const SearchQuery& query) {
  const Stages stages = {query.mode != FusionMode::kLexical && !query.vector.empty(),
                         query.mode != FusionMode::kDense && !query.text.empty()};
  if (stages.dense || stages.lexical) return stages;
  return absl::InvalidArgumentError(
      query.mode == FusionMode::kDense     ? "query: dense search needs a vector"
      : query.mode == FusionMode::kLexical ? "query: lexical search needs a text"
                                           : "query: needs a vector, a text or both");
}

absl::Status CheckQuery(const SearchQuery& query, const Stages& stages, int dimension) {
  if (query.k < 1 || query.k > kMaxHits) {
    return absl::InvalidArgumentError(
        absl::StrCat("query: k is ", query.k, ", expected 1 to ", kMaxHits));
  }
  if (query.patch_top < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("query: patch_top is ", query.patch_top, ", expected 0 or more"));
  }
  if (query.dense_weight.has_value() && !(*query.dense_weight >= 0 && *query.dense_weight <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("query: dense_weight is ", *query.dense_weight, ", expected 0 to 1"));
  }
  for (const std::vector<float>& word : query.patch_words) {
    SL_RETURN_IF_ERROR(Annotate(CheckUnitVector(word, dimension), "query: word"));
  }
  if (query.candidates < 0 || query.candidates > kMaxCandidates) {
    return absl::InvalidArgumentError(absl::StrCat("query: candidates is ", query.candidates,
                                                   ", expected 0 to ", kMaxCandidates));
  }
  if (stages.dense) {
    SL_RETURN_IF_ERROR(Annotate(CheckUnitVector(query.vector, dimension), "query"));
  }
  if (query.text.size() > kMaxQueryBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "query: text has ", query.text.size(), " bytes, at most ", kMaxQueryBytes, " are allowed"));
  }
  if (!IsValidUtf8(query.text)) {
    return absl::InvalidArgumentError("query: text is not well-formed UTF-8");
  }
  return absl::OkStatus();
}

// Milliseconds since `start`, which moves to now.
double Lap(absl::Time& start) {
  const absl::Time now = absl::Now();
  const double ms = absl::ToDoubleMilliseconds(now - start);
  start = now;
  return ms;
}

// Of a hybrid search by weights: what the lists lack of each other, and how their scores compare.
absl::StatusOr<std::vector<FusedPassage>> RankByScore(const Store& store, const View& view,
                                                      const SearchQuery& query,
                                                      const SearchTerms& terms,
                                                      std::span<const ScoredPassage> dense,
                                                      std::span<const ScoredPassage> lexical) {
  std::vector<ScoredPassage> more_dense;
  for (const ScoredPassage& hit : lexical) {
    const auto cosine = CosineOf(view, query.vector, hit.number);
    if (cosine.has_value()) more_dense.push_back({hit.number, *cosine});
  }
  PassageSet found_dense;
  for (const ScoredPassage& hit : dense) found_dense.Insert(hit.number);
  SL_ASSIGN_OR_RETURN(
      const std::vector<ScoredPassage> more_lexical,
      SearchText(store, view, terms, found_dense, std::max(1, static_cast<int>(found_dense.size())),
                 query.deadline));
  SL_ASSIGN_OR_RETURN(const float ceiling, TextCeiling(store, view, terms, query.deadline));
  const ScoreScales scales = {*query.dense_weight, ChanceCosine(view, query.vector), ceiling};
  return FuseByScore(dense, lexical, more_dense, more_lexical, scales,
                     [&](uint32_t number) { return view.passages.length(number) == 0; });
}

std::vector<FusedPassage> RankByPlace(const Stages& stages, const PassageTable& passages,
                                      std::span<const ScoredPassage> dense,
                                      std::span<const ScoredPassage> lexical) {
  std::vector<FusedPassage> ranked =
      FuseByRank(dense, lexical, [&](uint32_t number) { return passages.length(number) == 0; });
  if (stages.dense && stages.lexical) return ranked;
  // One stage alone orders by its own score.
  for (FusedPassage& passage : ranked) {
    passage.dense_part = passage.dense.value_or(0);
    passage.lexical_part = passage.lexical.value_or(0);
    passage.score = passage.dense.has_value() ? *passage.dense : *passage.lexical;
  }
  // Of the two ranks one is 0.
  std::sort(ranked.begin(), ranked.end(), [](const FusedPassage& a, const FusedPassage& b) {
    return a.dense_rank + a.lexical_rank < b.dense_rank + b.lexical_rank;
  });
  return ranked;
}

// What word search goes by.
struct Words {
  SearchTerms terms;
  std::vector<std::string> phrases;
};

absl::StatusOr<Words> ReadWords(const Store& store, const View& view, const TextAnalyzer& analyzer,
                                const SearchQuery& query) {
  TextQuery text = query.text_syntax ? ParseTextQuery(query.text) : TextQuery{query.text};
  Words out = {.terms = {}, .phrases = std::move(text.phrases)};
  for (const std::string& prefix : text.prefixes) {
    // Of several words, as of a-b*, the last is the prefix.
    SL_ASSIGN_OR_RETURN(std::vector<std::string> words, analyzer.Terms(prefix));
    std::erase_if(words, [](const std::string& term) { return IsPair(term); });
    if (words.empty() || !IsLongPrefix(words.back())) {
      absl::StrAppend(&text.words, " ", prefix);
      continue;
    }
    SL_ASSIGN_OR_RETURN(out.terms.alternatives.emplace_back(),
                        ExpandPrefix(store, view, words.back(), query.deadline));
    words.pop_back();
    absl::StrAppend(&text.words, " ", absl::StrJoin(words, " "));
  }
  SL_ASSIGN_OR_RETURN(out.terms.words, analyzer.Terms(text.words));
  // Passages are looked through for a phrase in the order of its words, all of them.
  if (out.phrases.empty())
    DropFunctionWords(text.words, !out.terms.alternatives.empty(), out.terms.words);
  return out;
}

std::vector<std::string> AllTerms(const SearchTerms& terms) {
  std::vector<std::string> out = terms.words;
  for (const auto& words : terms.alternatives) out.insert(out.end(), words.begin(), words.end());
  return out;
}

absl::StatusOr<HitExplanation> Explain(const PassageAnalyzer& analyzer, const FusedPassage& found,
                                       const std::vector<std::string>& terms,
                                       const Passage& passage) {
  HitExplanation out = {
      found.dense_rank, found.lexical_rank, found.dense_part, found.lexical_part, {}};
  if (terms.empty()) return out;
  SL_ASSIGN_OR_RETURN(const TermCounts counts, analyzer.Count(passage));
  for (const std::string& term : terms) {
    // Pairs of characters only back up the words that hold them.
    if (IsPair(term)) continue;
    const auto at = std::lower_bound(counts.begin(), counts.end(), std::make_pair(term, 0u));
    const bool holds = at != counts.end() && at->first == term;
    if (holds && !absl::c_linear_search(out.matched_terms, term)) out.matched_terms.push_back(term);
  }
  return out;
}

}  // namespace

absl::StatusOr<SearchResult> Corpus::Impl::Search(const SearchQuery& query) const {
  SL_ASSIGN_OR_RETURN(const OpenCollectionPtr collection, Find(query.collection));
  if (!collection->damage.ok()) return collection->damage;
  const std::shared_ptr<const View> view = collection->view();
  SL_ASSIGN_OR_RETURN(const Stages stages, ChooseStages(query));
  SL_RETURN_IF_ERROR(CheckQuery(query, stages, view->record.collection.dimension));
  SL_ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(query.filter));
  SL_ASSIGN_OR_RETURN(PassageSet allowed,
                      AllowedPassages(*view, filter, query.time, query.deadline));
  SL_RETURN_IF_ERROR(LeaveOut(*view, query, allowed));
  const int n =
      query.candidates == 0 ? std::max(100, 4 * query.k) : std::max(query.candidates, query.k);
  SearchResult result;
  VectorSearchResult dense;
  absl::flat_hash_map<uint32_t, float> patches;  // scores by passage
  std::vector<ScoredPassage> lexical;
  Words words;
  absl::Time clock = absl::Now();
  if (stages.lexical) {
    SL_ASSIGN_OR_RETURN(words, ReadWords(*store_, *view, analyzer_->text(), query));
    // Both stages keep to the phrases.
    if (!words.phrases.empty()) {
      SL_ASSIGN_OR_RETURN(PhrasePassages found,
                          FindPhrases(*store_, *view, analyzer_->text(), words.phrases, words.terms,
                                      allowed, query.deadline));
      allowed = std::move(found.passages);
      result.phrases_cut = found.cut;
    }
    result.lexical_ms = Lap(clock);
  }
  if (stages.dense) {
    const VectorSearchOptions options = {options_.exact_below, options_.hnsw_search_beam};
    SL_ASSIGN_OR_RETURN(dense,
                        SearchVectors(*view, query.vector, allowed, n, options, query.deadline));
    result.exact = dense.exact;
    if (!dense.exact) {
      result.recall = collection->recall->value().value_or(*dense.recall);
      if (shadow_scans_.wants()) {
        shadow_scans_.Offer({view, query.vector, allowed, dense.hits, collection->recall});
      }
    }
    result.dense_ms = Lap(clock);
    if (!query.patch_words.empty() && view->record.collection.patches != PatchCodes::kNone) {
      SL_ASSIGN_OR_RETURN(patches, RescoreByPatches(*store_, *view, query.patch_words,
                                                    static_cast<size_t>(query.patch_top),
                                                    query.deadline, dense.hits));
      result.patches_ms = Lap(clock);
    }
  }
  if (stages.lexical) {
    SL_ASSIGN_OR_RETURN(lexical,
                        SearchText(*store_, *view, words.terms, allowed, n, query.deadline));
    result.lexical_ms += Lap(clock);
  }
  result.cut = std::max(dense.hits.size(), lexical.size()) >= static_cast<size_t>(n);
  std::vector<FusedPassage> ranked;
  if (stages.dense && stages.lexical && query.dense_weight.has_value()) {
    SL_ASSIGN_OR_RETURN(ranked,
                        RankByScore(*store_, *view, query, words.terms, dense.hits, lexical));
  } else {
    ranked = RankByPlace(stages, view->passages, dense.hits, lexical);
  }
  const std::vector<std::string> terms = AllTerms(words.terms);
  DocumentCache documents;
  absl::flat_hash_map<uint32_t, int> taken;  // hits by document
  for (const FusedPassage& found : ranked) {
    if (result.hits.size() == static_cast<size_t>(query.k)) break;
    int& of_document = taken[view->passages.document(found.number)];
    if (query.per_document > 0 && of_document == query.per_document) continue;
    SL_ASSIGN_OR_RETURN(auto passage, ReadHit(*view, found.number, documents));
    // An index entry whose passage the store does not have is passed over, and the next takes its
    // place.
    if (!passage.has_value()) continue;
    ++of_document;
    Hit hit = {*std::move(passage), found.score, found.dense, found.lexical, {}, {}};
    if (const auto scored = patches.find(found.number); scored != patches.end()) {
      hit.patches = scored->second;
      hit.dense.reset();  // that of its place, which it may not have had
    }
    if (query.explain) {
      SL_ASSIGN_OR_RETURN(hit.explanation, Explain(*analyzer_, found, terms, hit.passage));
    }
    if (stages.dense && !hit.dense.has_value()) {
      hit.dense = CosineOf(*view, query.vector, found.number);
    }
    result.hits.push_back(std::move(hit));
  }
  result.fuse_ms = Lap(clock);
  return result;
}

absl::StatusOr<WordCounts> Corpus::Impl::CountWords(const std::string& collection,
                                                    std::span<const std::string> words,
                                                    int64_t most, absl::Time deadline) const {
  SL_ASSIGN_OR_RETURN(const std::shared_ptr<const View> view, FindView(collection));
  WordCounts out = {.texts = view->counters.texts, .holding = {}};
  SL_ASSIGN_OR_RETURN(out.holding,
                      CountHolding(*store_, *view, analyzer_->text(), words, most, deadline));
  return out;
}

absl::Status Corpus::Impl::LeaveOut(const View& view, const SearchQuery& query,
                                    PassageSet& allowed) const {
  for (const uint64_t id : query.without_passages) {
    if (CollectionOf(id) == view.record.id) allowed.Remove(NumberOf(id), 1);
  }
  for (const std::string& id : query.without_documents) {
    SL_ASSIGN_OR_RETURN(const auto document, FindDocument(view, id));
    if (!document.has_value()) continue;
    allowed.Remove(document->first_passage, static_cast<uint32_t>(document->passages.size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Passage>> Corpus::Impl::ReadHit(const View& view, uint32_t number,
                                                             DocumentCache& documents) const {
  const uint32_t document_number = view.passages.document(number);
  auto it = documents.find(document_number);
  if (it == documents.end()) {
    const DocumentEntry* entry = view.documents.at(document_number);
    if (entry == nullptr) return std::optional<Passage>();
    SL_ASSIGN_OR_RETURN(auto record, FindDocument(view, entry->id));
    if (!record.has_value()) return std::optional<Passage>();
    it = documents.emplace(document_number, *std::move(record)).first;
  }
  return ReadPassage(view, number, it->second);
}

}  // namespace sightline::index
