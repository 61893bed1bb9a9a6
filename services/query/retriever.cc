#include "services/query/retriever.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr int kMaxK = 1000;
constexpr int kMaxCandidates = 10'000;

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
  if (request.mode == index::FusionMode::kLexical && request.content.texts.empty()) {
    return edge::InvalidField("query", "a lexical search needs text", "no_text");
  }
  return absl::OkStatus();
}

// What two hits must share to be one thing to the reader. Empty: nothing.
std::string Likeness(const index::Passage& passage) {
  if (IsPicture(passage.kind) && !passage.blob_hash.empty()) return "picture " + passage.blob_hash;
  const std::string text = NormalisedText(passage.text);
  return text.empty() ? std::string() : "text " + ContentHash(text);
}

}  // namespace

std::vector<Hit> WithoutNearDuplicates(std::vector<Hit> hits) {
  absl::flat_hash_set<std::string> seen;
  std::vector<Hit> out;
  for (Hit& hit : hits) {
    const std::string likeness = Likeness(hit.passage);
    if (likeness.empty() || seen.insert(likeness).second) out.push_back(std::move(hit));
  }
  return out;
}

Retriever::Retriever(const RetrieverOptions& options, const index::Corpus& corpus,
                     model::Encoder& encoder, model::Reranker* reranker, PassagePicture picture)
    : options_(options),
      corpus_(corpus),
      encoder_(encoder),
      reranker_(reranker),
      picture_(std::move(picture)) {}

absl::StatusOr<Retrieved> Retriever::Retrieve(const RetrieveRequest& request,
                                              const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(Check(request));
  if (request.rerank && reranker_ == nullptr) {
    return edge::WithReason(
        edge::WithField(absl::FailedPreconditionError(
                            "rerank: this server has no reranker; its model folder holds none"),
                        "rerank"),
        "no_reranker");
  }
  if (request.rerank && request.k > options_.max_rerank) {
    return edge::InvalidField(
        "k", absl::StrCat("at most ", options_.max_rerank, " with rerank, got ", request.k),
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
  query.filter = request.filter;
  query.deadline = limits.deadline;
  query.text = request.mode == index::FusionMode::kDense ? "" : request.content.JoinedText();
  if (request.mode != index::FusionMode::kLexical) {
    const Stopwatch watch;
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "encoding the query"));
    SL_ASSIGN_OR_RETURN(query.vector, Encode(request, *collection, limits));
    out.encode_ms = watch.Milliseconds();
    if (encoder_.info().untrained) {
      out.dense_untrained = true;
      out.warnings.push_back("the encoder's weights are untrained: dense scores carry no meaning");
    }
  }
  // Some more than asked for, so that k are left when near-duplicates have gone.
  const int rerank_top = request.candidates > 0 ? std::min(request.candidates, options_.rerank_top)
                                                : options_.rerank_top;
  const int wanted = request.rerank ? std::max(request.k, rerank_top) : request.k;
  query.k = std::min(kMaxK, wanted + std::max(10, wanted / 2));
  query.candidates = request.candidates;
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "the search"));
  auto found = corpus_.Search(query);
  if (!found.ok()) return found.status();
  out.exact = found->exact;
  out.recall = found->recall;
  out.dense_ms = found->dense_ms;
  out.lexical_ms = found->lexical_ms;
  out.fuse_ms = found->fuse_ms;
  for (index::Hit& hit : found->hits) {
    out.hits.push_back({.passage = std::move(hit.passage),
                        .score = hit.score,
                        .dense = hit.dense,
                        .lexical = hit.lexical});
  }
  out.hits = WithoutNearDuplicates(std::move(out.hits));
  if (request.rerank && !out.hits.empty()) {
    const Stopwatch watch;
    out.hits.resize(std::min<size_t>(out.hits.size(), static_cast<size_t>(wanted)));
    SL_RETURN_IF_ERROR(Rerank(request, limits, out.hits));
    out.rerank_ms = watch.Milliseconds();
    if (reranker_->info().untrained) {
      out.warnings.push_back(
          "the reranker's weights are untrained: rerank scores carry no meaning");
    }
  }
  if (out.hits.size() > static_cast<size_t>(request.k)) out.hits.resize(request.k);
  return out;
}

absl::StatusOr<std::vector<float>> Retriever::Encode(const RetrieveRequest& request,
                                                     const index::Collection& collection,
                                                     const edge::CallLimits& limits) const {
  if (collection.model_fingerprint != encoder_.info().fingerprint) {
    return edge::WithResource(
        edge::WithReason(absl::FailedPreconditionError(
                             absl::StrCat("collection ", collection.name,
                                          ": its vectors come from another model (fingerprint ",
                                          collection.model_fingerprint.substr(0, 12),
                                          ", loaded is ", encoder_.info().fingerprint.substr(0, 12),
                                          "); load that model, or ingest the collection again")),
                         "other_model"),
        "collection", collection.name);
  }
  const model::EncodeInput input = {.instruction = request.instruction,
                                    .videos = {},
                                    .images = request.content.images,
                                    .texts = request.content.texts};
  const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                   .deadline = limits.deadline,
                                   .cancel = limits.cancel};
  auto vectors = encoder_.Encode({&input, 1}, collection.dimension, call);
  if (!vectors.ok()) return Annotate(vectors.status(), "encoding the query");
  return std::move(vectors->front());
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
      }
    }
    if (std::string words = PassageWords(hit.passage); !words.empty()) {
      item.texts.push_back(std::move(words));
    }
    documents.push_back(std::move(item));
    SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reranking"));
  }
  const model::RerankItem query = {
      .videos = {}, .images = request.content.images, .texts = request.content.texts};
  const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                   .deadline = limits.deadline,
                                   .cancel = limits.cancel};
  // The reranker keeps its own instruction: the request's is written for the encoder.
  auto scores = reranker_->Rerank("", query, documents, call);
  if (!scores.ok()) return Annotate(scores.status(), "reranking");
  for (size_t i = 0; i < hits.size(); ++i) {
    hits[i].rerank = (*scores)[i];
    hits[i].score = (*scores)[i];
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  return absl::OkStatus();
}

}  // namespace sightline::query
