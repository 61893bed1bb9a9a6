#include "services/query/retriever.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/utf8.h"
#include "index/near_pictures.h"
#include "index/text_query.h"
#include "services/edge/error_details.h"
#include "services/query/leads.h"
#include "services/query/sentences.h"
#include "services/query/terms.h"
#include "services/query/words.h"

namespace sightline::query {
namespace {

constexpr int kMaxK = 1000;
constexpr int kMaxCandidates = 10'000;
constexpr int kMaxGroup = 100;
constexpr int kMaxNeighbours = 5;
constexpr size_t kMostPatchWords = 32;  // that patches are compared with
// Of what a stored document shows the reranker.
constexpr size_t kMostPassagesShown = 16;
constexpr size_t kMostBytesShown = 4096;
constexpr size_t kMostBytesFollowed = 4096;  // of a question and of a passage, in a second look
constexpr int kLookedThrough = 40;           // hits of a second look, for those that hold a lead

// An error that the same work may not have later.
bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ||
         absl::IsDeadlineExceeded(status);
}

class Stopwatch {
 public:
  double Milliseconds() const { return absl::ToDoubleMilliseconds(absl::Now() - start_); }

 private:
  const absl::Time start_ = absl::Now();
};

absl::Status Check(const RetrieveRequest& request) {
  if (request.k < 1 || request.k > kMaxK) {
    return edge::InvalidField("k", absl::StrCat("expected 1..", kMaxK, ", got ", request.k),
                              "out_of_range");
  }
  if (request.candidates < 0 || request.candidates > kMaxCandidates) {
    return edge::InvalidField(
        "candidates", absl::StrCat("expected 0..", kMaxCandidates, ", got ", request.candidates),
        "out_of_range");
  }
  if (request.group_size < 1 || request.group_size > kMaxGroup) {
    return edge::InvalidField("group_size",
                              absl::StrCat("expected 1..", kMaxGroup, ", got ", request.group_size),
                              "out_of_range");
  }
  if (request.group_size > 1 && !request.group_by_document) {
    return edge::InvalidField("group_size", "needs group_by_document", "out_of_range");
  }
  if (request.k * request.group_size > kMaxK) {
    return edge::InvalidField("group_size",
                              absl::StrCat("k times group_size is at most ", kMaxK, ", got ",
                                           request.k * request.group_size),
                              "out_of_range");
  }
  if (request.neighbours < 0 || request.neighbours > kMaxNeighbours) {
    return edge::InvalidField(
        "neighbours", absl::StrCat("expected 0..", kMaxNeighbours, ", got ", request.neighbours),
        "out_of_range");
  }
  if (request.time.from > request.time.to) {
    return edge::InvalidField("time_to", "lies before time_from", "out_of_range");
  }
  if (request.mode == index::FusionMode::kLexical && request.content.texts.empty()) {
    return edge::InvalidField("query", "a lexical search needs text", "no_text");
  }
  return absl::OkStatus();
}

// What a part's stored thing lacks, said as an error of the part.
absl::Status StoredPartError(const absl::Status& status, const QueryPart& part) {
  const bool is_passage = part.passage_id.has_value();
  const char* type = is_passage ? "passage" : "document";
  const std::string id = is_passage ? absl::StrCat(*part.passage_id) : part.document_id;
  absl::Status out = edge::WithResource(edge::WithField(status, part.field), type, id);
  if (absl::IsNotFound(status)) return edge::WithReason(out, absl::StrCat("no_", type));
  return absl::IsFailedPrecondition(status) ? edge::WithReason(out, "no_vector") : out;
}

// The normalised sum. kInvalidArgument: next to nothing is left of the parts.
absl::StatusOr<std::vector<float>> WeightedSum(
    std::span<const std::pair<float, std::vector<float>>> weighted, int dimension) {
  constexpr double kLeastShare = 1e-3;  // of the weights; rounding is far below
  std::vector<double> sum(dimension);
  double weights = 0;
  for (const auto& [weight, vector] : weighted) {
    weights += std::abs(weight);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(weight) * vector[i];
  }
  double squares = 0;
  for (const double value : sum) squares += value * value;
  const double length = std::sqrt(squares);
  if (length < kLeastShare * weights) {
    return edge::InvalidField("query", "the weighted parts cancel each other out", "zero_vector");
  }
  std::vector<float> out(sum.size());
  for (size_t i = 0; i < sum.size(); ++i) out[i] = static_cast<float>(sum[i] / length);
  return out;
}

// Words say all of the query: only then does a picture that shows them show what is asked for.
bool IsWordsAlone(const QueryContent& content) {
  return content.images.empty() && std::ranges::all_of(content.parts, [](const QueryPart& part) {
           return part.weight == 0 || (part.weight > 0 && !part.text.empty());
         });
}

Hit FromIndex(index::Hit hit) {
  Hit out = {.passage = std::move(hit.passage),
             .score = hit.score,
             .dense = hit.dense,
             .lexical = hit.lexical,
             .patches = hit.patches};
  if (hit.explanation.has_value()) {
    out.reason = HitReason{.stages = *std::move(hit.explanation), .fused_score = hit.score};
  }
  return out;
}

// Of `hits`, best first: those that would be returned, then the best of the others up to `wanted`.
void KeepForRerank(const RetrieveRequest& request, int wanted, std::vector<Hit>& hits) {
  std::vector<bool> kept(hits.size());
  int count = 0;
  if (request.group_by_document) {
    for (const size_t place : GroupByDocument(hits, request.k, request.group_size)) {
      kept[place] = true;
      ++count;
    }
  }
  for (size_t i = 0; i < hits.size() && count < wanted; ++i) {
    if (!kept[i]) ++count;
    kept[i] = true;
  }
  std::vector<Hit> out;
  for (size_t i = 0; i < hits.size(); ++i) {
    if (kept[i]) out.push_back(std::move(hits[i]));
  }
  hits = std::move(out);
}

// Natural logarithm of p / (1 - p), p kept 1e-6 away from 0 and 1: one sure word weighs 13.8.
double LogOdds(float score) {
  constexpr double kLeast = 1e-6;
  const double p = std::clamp(static_cast<double>(score), kLeast, 1 - kLeast);
  return std::log(p / (1 - p));
}

// Scores hits by the encoder and the reranker together: a contrastive encoder's cosine is, but for
// a factor, the logarithm of how likely the hit is (van den Oord and others, "Representation
// Learning with Contrastive Predictive Coding", 2018), and so are the reranker's log-odds; what one
// says weakly the other decides. A hit that only words found is as similar as the least of the
// others; where all are, the reranker's scores stay.
void AddSimilarity(double weight, std::vector<Hit>& hits) {
  std::optional<float> least;
  for (const Hit& hit : hits) {
    if (hit.dense.has_value()) least = std::min(least.value_or(*hit.dense), *hit.dense);
  }
  if (!least.has_value()) return;
  for (Hit& hit : hits) {
    hit.score = static_cast<float>(hit.dense.value_or(*least) + weight * LogOdds(*hit.rerank));
  }
}

std::vector<Hit> Grouped(std::vector<Hit> hits, int documents, int group_size) {
  const std::vector<size_t> places = GroupByDocument(hits, documents, group_size);
  std::vector<bool> kept(hits.size());
  std::vector<Hit> out;
  absl::flat_hash_map<std::string, size_t> first;  // places in `out`, by document
  for (const size_t place : places) {
    kept[place] = true;
    const auto [at, is_new] = first.emplace(hits[place].passage.document_id, out.size());
    if (hits[place].reason.has_value()) {
      hits[place].reason->group_rank = static_cast<int>(out.size() - at->second) + 1;
    }
    out.push_back(std::move(hits[place]));
  }
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto at = kept[i] ? first.end() : first.find(hits[i].passage.document_id);
    if (at == first.end() || !out[at->second].reason.has_value()) continue;
    out[at->second].reason->left_out.push_back(hits[i].passage.id);
  }
  return out;
}

absl::Status AddNeighbours(const index::Corpus& corpus, int n, Hit& hit) {
  auto passages = corpus.Neighbours(hit.passage.id, n);
  if (absl::IsNotFound(passages.status())) return absl::OkStatus();  // deleted meanwhile
  if (!passages.ok()) return passages.status();
  for (index::Passage& passage : *passages) {
    const auto offset = static_cast<int64_t>(passage.id) - static_cast<int64_t>(hit.passage.id);
    hit.neighbours.push_back({static_cast<int>(offset), std::move(passage)});
  }
  return absl::OkStatus();
}

// What two hits must share to be one thing to the reader. Empty: nothing.
std::string Likeness(const index::Passage& passage) {
  if (IsPicture(passage.kind) && !passage.blob_hash.empty()) return "picture " + passage.blob_hash;
  const std::string text = NormalisedText(passage.text);
  return text.empty() ? std::string() : "text " + text;
}

}  // namespace

std::vector<Hit> WithoutDuplicates(std::vector<Hit> hits) {
  absl::flat_hash_map<std::string, size_t> seen;  // places in `out`
  std::vector<Hit> out;
  for (Hit& hit : hits) {
    const std::string likeness = Likeness(hit.passage);
    const auto [at, is_new] = seen.emplace(likeness, out.size());
    if (likeness.empty() || is_new) {
      out.push_back(std::move(hit));
    } else if (auto& reason = out[at->second].reason; reason.has_value()) {
      reason->duplicates.push_back(hit.passage.id);
    }
  }
  return out;
}

std::vector<size_t> GroupByDocument(std::span<const Hit> hits, int documents, int group_size) {
  absl::flat_hash_map<absl::string_view, size_t> groups;  // places in `members`
  std::vector<std::vector<size_t>> members;
  for (size_t i = 0; i < hits.size(); ++i) {
    const auto [at, is_new] = groups.emplace(hits[i].passage.document_id, members.size());
    if (is_new) members.emplace_back();
    std::vector<size_t>& group = members[at->second];
    if (group.size() < static_cast<size_t>(group_size)) group.push_back(i);
  }
  if (members.size() > static_cast<size_t>(documents)) members.resize(documents);
  std::vector<size_t> out;
  for (const auto& group : members) out.insert(out.end(), group.begin(), group.end());
  return out;
}

Retriever::Retriever(const RetrieverOptions& options, const index::Corpus& corpus,
                     model::Encoder& encoder, model::Reranker* reranker, PassagePicture picture,
                     cache::EmbeddingCache* embeddings)
    : options_(options),
      corpus_(corpus),
      encoder_(encoder),
      reranker_(reranker),
      picture_(std::move(picture)),
      embeddings_(embeddings) {}

absl::StatusOr<Retrieved> Retriever::Retrieve(const RetrieveRequest& request,
                                              const edge::CallLimits& limits) const {
  const Stopwatch whole;
  SL_RETURN_IF_ERROR(Check(request));
  if (request.rerank && reranker_ == nullptr) {
    return edge::WithReason(
        edge::WithField(absl::FailedPreconditionError(
                            "rerank: this server has no reranker; its model folder holds none"),
                        "rerank"),
        "no_reranker");
  }
  const int hits_wanted = request.k * request.group_size;
  if (request.rerank && hits_wanted > options_.max_rerank) {
    return edge::InvalidField(
        request.group_by_document ? "group_size" : "k",
        absl::StrCat("at most ", options_.max_rerank, " hits with rerank, got ", hits_wanted),
        "out_of_range");
  }
  auto collection = corpus_.GetCollection(request.collection);
  if (!collection.ok()) {
    return edge::WithResource(collection.status(), "collection", request.collection);
  }

  Retrieved out;
  out.warnings = request.content.warnings;
  index::SearchQuery query;
  query.collection = request.collection;
  query.mode = request.mode;
  query.dense_weight = request.dense_weight;
  query.filter = request.filter;
  query.time = request.time;
  query.explain = request.explain;
  query.text_syntax = request.text_syntax;
  query.deadline = limits.deadline;
  query.patch_top = options_.patch_top;
  query.text = request.mode == index::FusionMode::kDense ? "" : request.content.JoinedText();
  SL_RETURN_IF_ERROR(LeaveOutStored(request, query));
  if (request.mode == index::FusionMode::kLexical) {
    if (!request.content.parts.empty()) {
      out.warnings.push_back(
          "a lexical search goes by the texts with a weight above 0 alone; other parts and the "
          "weights were not used");
    }
  } else {
    const Stopwatch watch;
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "encoding the query"));
    SL_ASSIGN_OR_RETURN(query.vector, QueryVector(request, *collection, limits));
    out.encode_ms = watch.Milliseconds();
    if (encoder_.info().untrained) {
      out.dense_untrained = true;
      out.warnings.push_back("the encoder's weights are untrained: dense scores carry no meaning");
    }
    if (collection->patches != index::PatchCodes::kNone && !request.no_patches &&
        IsWordsAlone(request.content)) {
      const Stopwatch patches_watch;
      SL_ASSIGN_OR_RETURN(query.patch_words, PatchWords(request, *collection, limits));
      out.patches_ms = patches_watch.Milliseconds();
    }
  }
  const int rerank_top = request.candidates > 0 ? std::min(request.candidates, options_.rerank_top)
                                                : options_.rerank_top;
  const int wanted = request.rerank ? std::max(hits_wanted, rerank_top) : hits_wanted;
  SL_RETURN_IF_ERROR(Find(request, wanted, query, limits, out));
  if (out.phrases_cut) {
    out.warnings.push_back(absl::StrCat("the words of a phrase stand in many passages: the ",
                                        index::kMaxPhrasePassages,
                                        " best by the words alone were looked through for it"));
  }
  if (request.rerank && !out.hits.empty()) {
    const Stopwatch watch;
    KeepForRerank(request, wanted, out.hits);
    SL_RETURN_IF_ERROR(Rerank(request, limits, out.hits));
    out.rerank_ms = watch.Milliseconds();
    if (reranker_->info().untrained) {
      out.warnings.push_back(
          "the reranker's weights are untrained: rerank scores carry no meaning");
    }
  }
  if (request.group_by_document) {
    out.hits = Grouped(std::move(out.hits), request.k, request.group_size);
  } else if (out.hits.size() > static_cast<size_t>(request.k)) {
    out.hits.resize(request.k);
  }
  if (request.second_look > 0 && !request.group_by_document) {
    const Stopwatch watch;
    const absl::Duration searched = absl::Milliseconds(whole.Milliseconds());
    SL_RETURN_IF_ERROR(LookAgainInTime(request, query, *collection, searched, limits, out));
    out.second_look_ms = watch.Milliseconds();
  }
  if (request.neighbours > 0) {
    for (Hit& hit : out.hits) {
      SL_RETURN_IF_ERROR(AddNeighbours(corpus_, request.neighbours, hit));
    }
  }
  return out;
}

absl::Status Retriever::Find(const RetrieveRequest& request, int wanted, index::SearchQuery query,
                             const edge::CallLimits& limits, Retrieved& out) const {
  // Some more than asked for, so that enough are left when duplicates have gone.
  query.k = std::min(kMaxK, wanted + std::max(10, request.collapse ? 2 * wanted : wanted / 2));
  query.candidates = request.candidates;
  if (request.group_by_document) {
    // A document's passages may take all the places, and all of those may show the same.
    query.per_document = 2 * request.group_size + 8;
    query.k = std::min(kMaxK, std::max(query.k, request.k * query.per_document));
  }
  for (;;) {
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "the search"));
    auto found = corpus_.Search(query);
    if (!found.ok()) return found.status();
    out.exact = found->exact;
    out.recall = found->recall;
    out.phrases_cut = found->phrases_cut;
    out.dense_ms += found->dense_ms;
    out.patches_ms += found->patches_ms;
    out.lexical_ms += found->lexical_ms;
    out.fuse_ms += found->fuse_ms;
    out.hits.clear();
    for (index::Hit& hit : found->hits) out.hits.push_back(FromIndex(std::move(hit)));
    for (size_t i = 0; request.explain && i < out.hits.size(); ++i) {
      out.hits[i].reason->fused_rank = static_cast<int>(i) + 1;
    }
    out.hits = WithoutDuplicates(std::move(out.hits));
    if (request.collapse) SL_RETURN_IF_ERROR(Collapse(request, out.hits));
    if (!request.group_by_document || !found->cut) return absl::OkStatus();
    if (GroupByDocument(out.hits, request.k, 1).size() == static_cast<size_t>(request.k)) {
      return absl::OkStatus();
    }
    // The stages' lists end before k documents stand in them: longer ones, unless the caller said.
    const int looked_at = std::max({query.candidates, 4 * query.k, 100});
    if (request.candidates > 0 || looked_at >= kMaxCandidates) {
      out.warnings.push_back(
          "fewer documents than k stand among the candidates, though there may be more");
      return absl::OkStatus();
    }
    query.candidates = std::min(kMaxCandidates, 4 * looked_at);
  }
}

absl::Status Retriever::LookAgainInTime(const RetrieveRequest& request,
                                        const index::SearchQuery& first,
                                        const index::Collection& collection,
                                        absl::Duration searched, const edge::CallLimits& limits,
                                        Retrieved& out) const {
  const absl::Duration left = limits.deadline - absl::Now();
  if (left < searched) {
    edge::NoteMakeshift(limits);
    return absl::OkStatus();
  }
  edge::CallLimits half = limits;
  half.deadline = absl::Now() + left / 2;
  const absl::Status looked = LookAgain(request, first, collection, half, out);
  if (MayPass(looked) && absl::Now() < limits.deadline) {
    edge::NoteMakeshift(limits);
    return absl::OkStatus();
  }
  // The question and what it leads to may be longer than the encoder reads.
  return absl::IsInvalidArgument(looked) ? absl::OkStatus() : looked;
}

absl::Status Retriever::LookAgain(const RetrieveRequest& request, const index::SearchQuery& first,
                                  const index::Collection& collection,
                                  const edge::CallLimits& limits, Retrieved& out) const {
  const auto places = static_cast<size_t>(std::min(request.second_look, request.k));
  const size_t most = std::min<size_t>(kSecondPlaces, places / 4);
  const std::string question = request.content.JoinedText();
  if (most == 0 || out.hits.empty() || question.empty() || question.size() > kMostBytesFollowed) {
    return absl::OkStatus();
  }
  // Words alone stand for neither stored and unwanted parts nor what every hit must hold.
  if (!request.content.parts.empty()) return absl::OkStatus();
  if (request.text_syntax && !index::ParseTextQuery(question).phrases.empty()) {
    return absl::OkStatus();
  }
  const std::span<Hit> best(out.hits.data(), std::min(places, out.hits.size()));
  std::vector<std::string> passages;
  for (const Hit& hit : best) {
    std::string words = ToValidUtf8(PassageWords(hit.passage));
    words.resize(Utf8PrefixLength(words, kMostBytesFollowed));
    passages.push_back(std::move(words));
  }
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "the second look"));
  SL_ASSIGN_OR_RETURN(
      const Leads leads, FindLeads(question, passages, [&](std::span<const std::string> words) {
        return corpus_.CountWords(request.collection, words, kMostHolding, limits.deadline);
      }));
  if (leads.words.empty()) return absl::OkStatus();

  index::SearchQuery query = first;
  query.text = absl::StrCat(question, "\n", LeadsText(leads.words));
  SL_ASSIGN_OR_RETURN(Followed followed,
                      Follow(request, std::move(query), leads.words, best, collection, limits));
  std::vector<Hit>& found = followed.hits;

  // Empty places first, then those of the last hits that are not about what is asked.
  std::vector<bool> goes(best.size());
  size_t room = std::min(most, places - best.size());
  for (size_t i = best.size(); i > places - most && room < found.size(); --i) {
    goes[i - 1] = !leads.kept[i - 1];
    room += goes[i - 1] ? 1 : 0;
  }
  if (found.size() > room) found.resize(room);
  if (found.empty()) return absl::OkStatus();
  if (!followed.exact) out.recall = out.exact ? followed.recall : out.recall;
  out.exact = out.exact && followed.exact;
  absl::flat_hash_set<uint64_t> taken;
  for (const Hit& hit : found) taken.insert(hit.passage.id);
  std::vector<Hit> hits, behind;
  for (size_t i = 0; i < out.hits.size(); ++i) {
    if (i < goes.size() && !goes[i]) {
      hits.push_back(std::move(out.hits[i]));
    } else if (!taken.contains(out.hits[i].passage.id)) {
      behind.push_back(std::move(out.hits[i]));
    }
  }
  std::ranges::move(found, std::back_inserter(hits));
  std::ranges::move(behind, std::back_inserter(hits));
  if (hits.size() > static_cast<size_t>(request.k)) hits.resize(request.k);
  out.hits = std::move(hits);
  return absl::OkStatus();
}

absl::StatusOr<Retriever::Followed> Retriever::Follow(const RetrieveRequest& request,
                                                      index::SearchQuery query,
                                                      const std::vector<std::string>& leads,
                                                      std::span<Hit> best,
                                                      const index::Collection& collection,
                                                      const edge::CallLimits& limits) const {
  // Words alone: what pictures of the query show has led to the hits already.
  if (request.mode != index::FusionMode::kLexical) {
    const model::EncodeInput input = {
        .instruction = request.instruction, .videos = {}, .images = {}, .texts = {query.text}};
    SL_ASSIGN_OR_RETURN(std::vector<std::vector<float>> encoded,
                        Encode(request, {&input, 1}, collection, limits));
    query.vector = std::move(encoded.front());
  }
  if (request.mode == index::FusionMode::kDense) query.text.clear();
  query.patch_words.clear();
  for (const Hit& hit : best) query.without_passages.push_back(hit.passage.id);
  query.k = kLookedThrough;
  query.candidates = request.candidates;
  query.deadline = limits.deadline;
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "the second look"));
  auto found = corpus_.Search(query);
  if (!found.ok()) return found.status();
  std::vector<Hit> hits(best.begin(), best.end());
  for (index::Hit& each : found->hits) {
    Hit hit = FromIndex(std::move(each));
    hit.led_by = LeadsIn(ToValidUtf8(PassageWords(hit.passage)), leads);
    if (hit.led_by.empty()) continue;
    if (hit.reason.has_value()) {
      hit.reason->fused_rank = static_cast<int>(&each - found->hits.data()) + 1;
    }
    hits.push_back(std::move(hit));
  }
  hits = WithoutDuplicates(std::move(hits));
  if (request.collapse) SL_RETURN_IF_ERROR(Collapse(request, hits));
  for (size_t i = 0; i < best.size(); ++i) best[i].reason = std::move(hits[i].reason);
  hits.erase(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(best.size()));
  return Followed{.hits = std::move(hits), .exact = found->exact, .recall = found->recall};
}

absl::Status Retriever::Collapse(const RetrieveRequest& request, std::vector<Hit>& hits) const {
  std::vector<Hit> out;
  std::vector<std::pair<size_t, std::vector<float>>> kept;  // place in `out`, vector
  for (Hit& hit : hits) {
    if (!hit.passage.picture_hash.has_value()) {
      out.push_back(std::move(hit));
      continue;
    }
    const auto vector = corpus_.PassageVector(request.collection, hit.passage.id);
    const auto better =
        !vector.ok() ? kept.end() : std::ranges::find_if(kept, [&](const auto& other) {
          const auto& [place, its] = other;
          return index::HashesAreNear(*out[place].passage.picture_hash,
                                      *hit.passage.picture_hash) &&
                 std::inner_product(its.begin(), its.end(), vector->begin(), 0.0f) >=
                     index::kNearCosine;
        });
    if (better != kept.end()) {
      if (auto& reason = out[better->first].reason; reason.has_value()) {
        reason->duplicates.push_back(hit.passage.id);
      }
      continue;
    }
    // One that was deleted meanwhile has no vector: it stays as it was found.
    if (vector.ok()) kept.emplace_back(out.size(), *vector);
    out.push_back(std::move(hit));
  }
  hits = std::move(out);
  return absl::OkStatus();
}

absl::Status Retriever::LeaveOutStored(const RetrieveRequest& request,
                                       index::SearchQuery& query) const {
  for (const QueryPart& part : request.content.parts) {
    if (part.passage_id.has_value()) {
      auto passage = corpus_.GetPassage(*part.passage_id);
      // One of another collection is as good as none.
      if (passage.ok() && passage->collection != request.collection) {
        passage = absl::NotFoundError(
            absl::StrCat("collection ", request.collection, " has no passage ", *part.passage_id));
      }
      if (!passage.ok()) return StoredPartError(passage.status(), part);
      query.without_passages.push_back(*part.passage_id);
    } else if (!part.document_id.empty()) {
      const auto document = corpus_.GetDocument(request.collection, part.document_id);
      if (!document.ok()) return StoredPartError(document.status(), part);
      query.without_documents.push_back(part.document_id);
    }
  }
  return absl::OkStatus();
}

namespace {

// What helps where a collection's vectors come from another model.
std::string Remedy(const index::Corpus& corpus, const std::string& collection) {
  const auto stats = corpus.Stats(collection);
  if (!stats.ok() || !stats->next_documents.has_value()) {
    return "load that model, or ingest the collection again; a search by words alone works";
  }
  return absl::StrCat("it is being embedded again, ", *stats->next_documents, " of ",
                      stats->documents, " documents are done; a search by words alone works");
}

}  // namespace

absl::Status Retriever::CheckModel(const index::Collection& collection) const {
  const std::string& loaded = encoder_.info().fingerprint;
  if (collection.model_fingerprint == loaded) return absl::OkStatus();
  return edge::WithResource(
      edge::WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "collection ", collection.name, ": its vectors come from another model (fingerprint ",
              collection.model_fingerprint.substr(0, 12), ", loaded is ", loaded.substr(0, 12),
              "); ", Remedy(corpus_, collection.name))),
          "other_model"),
      "collection", collection.name);
}

absl::StatusOr<std::vector<float>> Retriever::QueryVector(const RetrieveRequest& request,
                                                          const index::Collection& collection,
                                                          const edge::CallLimits& limits) const {
  std::vector<model::EncodeInput> inputs;
  std::vector<float> weights;
  if (request.content.parts.empty()) {
    inputs.push_back({.instruction = request.instruction,
                      .videos = {},
                      .images = request.content.images,
                      .texts = request.content.texts});
  }
  std::vector<std::pair<float, std::vector<float>>> weighted;
  for (const QueryPart& part : request.content.parts) {
    if (part.weight == 0) continue;
    if (part.is_stored()) {
      auto vector = part.passage_id.has_value()
                        ? corpus_.PassageVector(request.collection, *part.passage_id)
                        : corpus_.DocumentVector(request.collection, part.document_id);
      if (!vector.ok()) return StoredPartError(vector.status(), part);
      weighted.emplace_back(part.weight, *std::move(vector));
      continue;
    }
    model::EncodeInput& input = inputs.emplace_back();
    input.instruction = request.instruction;
    if (part.image != nullptr) input.images.push_back(part.image);
    if (!part.text.empty()) input.texts.push_back(part.text);
    weights.push_back(part.weight);
  }
  std::vector<std::vector<float>> encoded;
  if (!inputs.empty()) {
    SL_ASSIGN_OR_RETURN(encoded, Encode(request, inputs, collection, limits));
  }
  if (request.content.parts.empty()) return std::move(encoded.front());
  for (size_t i = 0; i < encoded.size(); ++i) {
    weighted.emplace_back(weights[i], std::move(encoded[i]));
  }
  return WeightedSum(weighted, collection.dimension);
}

absl::StatusOr<std::vector<std::vector<float>>> Retriever::Encode(
    const RetrieveRequest& request, std::span<const model::EncodeInput> inputs,
    const index::Collection& collection, const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(CheckModel(collection));
  const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                   .deadline = limits.deadline,
                                   .cancel = limits.cancel,
                                   .tenant = limits.tenant};
  auto vectors = embeddings_ == nullptr || request.no_cache
                     ? encoder_.Encode(inputs, collection.dimension, call)
                     : embeddings_->Encode(encoder_, inputs, collection.dimension, call);
  if (!vectors.ok()) return Annotate(vectors.status(), "encoding the query");
  return vectors;
}

absl::StatusOr<std::vector<std::vector<float>>> Retriever::PatchWords(
    const RetrieveRequest& request, const index::Collection& collection,
    const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "encoding the query's words"));
  const std::string text = request.content.JoinedText();
  std::vector<Span> spans = SplitWords(text);
  if (spans.size() > kMostPatchWords) spans.resize(kMostPatchWords);
  std::vector<model::EncodeInput> inputs;
  for (const Span& span : spans) {
    model::EncodeInput& input = inputs.emplace_back();
    input.instruction = request.instruction;
    input.texts.push_back(text.substr(span.begin, span.end - span.begin));
  }
  if (inputs.empty()) return std::vector<std::vector<float>>();
  return Encode(request, inputs, collection, limits);
}

absl::StatusOr<model::RerankItem> Retriever::RerankQuery(const RetrieveRequest& request,
                                                         const edge::CallLimits& limits) const {
  model::RerankItem query = {
      .videos = {}, .images = request.content.images, .texts = request.content.texts};
  for (const QueryPart& part : request.content.parts) {
    if (part.weight <= 0 || !part.is_stored()) continue;
    std::vector<index::Passage> passages;
    if (part.passage_id.has_value()) {
      auto passage = corpus_.GetPassage(*part.passage_id);
      if (!passage.ok()) return StoredPartError(passage.status(), part);
      passages.push_back(*std::move(passage));
    } else {
      auto read =
          corpus_.DocumentPassages(request.collection, part.document_id, kMostPassagesShown);
      if (!read.ok()) return StoredPartError(read.status(), part);
      passages = *std::move(read);
    }
    bool shown = false;
    size_t bytes = 0;
    for (const index::Passage& passage : passages) {
      if (!shown && IsPicture(passage.kind) && !passage.blob_hash.empty()) {
        auto image = picture_(passage, limits.deadline);
        if (!image.ok()) edge::NoteMakeshift(limits);
        if (image.ok()) query.images.push_back(*std::move(image));
        shown = image.ok();
      }
      std::string words = PassageWords(passage);
      bytes += words.size();
      if (words.empty() || (bytes > kMostBytesShown && passages.size() > 1)) continue;
      query.texts.push_back(std::move(words));
    }
  }
  return query;
}

absl::Status Retriever::Rerank(const RetrieveRequest& request, const edge::CallLimits& limits,
                               std::vector<Hit>& hits) const {
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reranking"));
  std::vector<model::RerankItem> documents;
  int pictures = 0;
  for (const Hit& hit : hits) {
    model::RerankItem item;
    if (IsPicture(hit.passage.kind) && !hit.passage.blob_hash.empty() &&
        pictures < options_.rerank_pictures) {
      // A picture that cannot be read now leaves the passage to its words.
      auto image = picture_(hit.passage, limits.deadline);
      if (image.ok()) {
        item.images.push_back(*std::move(image));
        ++pictures;
      } else {
        edge::NoteMakeshift(limits);
      }
    }
    if (std::string words = PassageWords(hit.passage); !words.empty()) {
      item.texts.push_back(std::move(words));
    }
    documents.push_back(std::move(item));
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reranking"));
  }
  SL_ASSIGN_OR_RETURN(const model::RerankItem query, RerankQuery(request, limits));
  const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                   .deadline = limits.deadline,
                                   .cancel = limits.cancel,
                                   .tenant = limits.tenant};
  // The reranker keeps its own instruction: the request's is written for the encoder.
  auto scores = reranker_->Rerank("", query, documents, call);
  if (!scores.ok()) return Annotate(scores.status(), "reranking");
  for (size_t i = 0; i < hits.size(); ++i) {
    hits[i].rerank = (*scores)[i];
    hits[i].score = (*scores)[i];
  }
  const double weight =
      options_.rerank_weight > 0 ? options_.rerank_weight : reranker_->info().rerank_weight;
  if (weight > 0) AddSimilarity(weight, hits);
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  return absl::OkStatus();
}

}  // namespace sightline::query
