#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/corpus.h"
#include "model/encoder.h"
#include "model/reranker.h"
#include "services/cache/embedding_cache.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"
#include "services/query/hits.h"

namespace sightline::query {

struct RetrieverOptions {
  int rerank_top = 40;       // candidates reranked, or k where k is larger
  int max_rerank = 200;      // largest k with reranking
  int rerank_pictures = 40;  // of the reranked, how many at most are shown with their picture
  double rerank_weight = 0;  // ModelInfo::rerank_weight; 0 = as the reranker says
  int patch_top = 50;        // of the dense stage, how many at most are scored by their patches
};

inline constexpr int kSecondPlaces = 3;  // that a second look fills at most

struct RetrieveRequest {
  std::string collection;
  QueryContent content;
  int k = 10;  // 1..1000
  // Phrases and prefixes in the texts are read as such (index/text_query.h), else as plain text.
  bool text_syntax = false;
  std::string filter;
  index::TimeRange time;
  index::FusionMode mode = index::FusionMode::kHybrid;
  std::optional<float> dense_weight;  // index::SearchQuery::dense_weight
  bool rerank = false;
  std::string instruction;  // empty = the encoder's default
  // Of each stage; 0 = chosen by the corpus. With `rerank` also how many at most are reranked, not
  // fewer than k and not more than the options say.
  int candidates = 0;
  // k counts documents, and each shows its `group_size` best hits, which stand together.
  bool group_by_document = false;
  int group_size = 1;       // 1..100; k * group_size is at most 1000
  int neighbours = 0;       // of each hit, on either side; 0..5
  bool explain = false;     // fill Hit::reason
  bool collapse = false;    // of near-duplicate pictures (index/near_pictures.h) the best hit alone
  bool no_patches = false;  // words are not looked for in patches, where a collection keeps them
  // A second look for what the best hits lead to (leads.h) takes at most kSecondPlaces, and a
  // quarter, of the first `second_look` places, the last ones; 0 = none. Not of grouped hits, nor
  // of a query without words.
  int second_look = 0;
  bool no_cache = false;  // the query's vectors are neither taken from a cache nor kept
};

struct Retrieved {
  // Best first, at most k; those that a second look found, which say so, stand behind the best of
  // the first `second_look`, and those whose places they took behind them. Grouped: documents in
  // the order of their best hit, at most k of them.
  std::vector<Hit> hits;
  bool exact = true;
  std::optional<float> recall;
  std::vector<std::string> warnings;
  bool phrases_cut = false;      // said in the warnings
  bool dense_untrained = false;  // the encoder's weights are random
  double encode_ms = 0;
  double dense_ms = 0;
  double patches_ms = 0;  // vectors of the words, too
  double lexical_ms = 0;
  double fuse_ms = 0;
  double rerank_ms = 0;
  double second_look_ms = 0;  // its encoding and search, too
};

// Finds the passages that meet a query: encode, search, drop duplicates, rerank. Any thread.
class Retriever {
 public:
  // All outlive the retriever; `reranker` and `embeddings`, the vectors of earlier queries, may be
  // null.
  Retriever(const RetrieverOptions& options, const index::Corpus& corpus, model::Encoder& encoder,
            model::Reranker* reranker, PassagePicture picture,
            cache::EmbeddingCache* embeddings = nullptr);

  // kInvalidArgument: k or candidates out of range, a lexical search without text, a malformed
  // filter, parts that cancel each other out ("zero_vector"); kNotFound: no such collection, or a
  // part names a passage ("no_passage") or document ("no_document") that it does not have;
  // kFailedPrecondition: rerank asked for and no reranker loaded ("no_reranker"), the collection's
  // vectors come from another model ("other_model"), or a stored part has no vector ("no_vector");
  // kDeadlineExceeded, kCancelled between and within stages.
  absl::StatusOr<Retrieved> Retrieve(const RetrieveRequest& request,
                                     const edge::CallLimits& limits) const;

  // The unit vector that Retrieve would look for in `collection`. Errors as there.
  absl::StatusOr<std::vector<float>> QueryVector(const RetrieveRequest& request,
                                                 const index::Collection& collection,
                                                 const edge::CallLimits& limits) const;
  // kFailedPrecondition "other_model": the collection's vectors cannot be compared with the
  // encoder's.
  absl::Status CheckModel(const index::Collection& collection) const;
  // Vectors of `inputs` as queries of `collection`, from the cache where `request` allows it.
  // Errors of CheckModel and the encoder.
  absl::StatusOr<std::vector<std::vector<float>>> Encode(const RetrieveRequest& request,
                                                         std::span<const model::EncodeInput> inputs,
                                                         const index::Collection& collection,
                                                         const edge::CallLimits& limits) const;

 private:
  // Leaves what the query names itself out of its hits; kNotFound where it is not there.
  absl::Status LeaveOutStored(const RetrieveRequest& request, index::SearchQuery& query) const;
  // Leaves out pictures that are near-duplicates of a better hit's.
  absl::Status Collapse(const RetrieveRequest& request, std::vector<Hit>& hits) const;
  // Fused hits without duplicates, enough for `wanted` or, grouped, for k documents if there
  // are as many.
  absl::Status Find(const RetrieveRequest& request, int wanted, index::SearchQuery query,
                    const edge::CallLimits& limits, Retrieved& out) const;
  // LookAgain, within half of the time that is left and not at all where less is left than the
  // first search took: it must not cost a reply that would be in time.
  absl::Status LookAgainInTime(const RetrieveRequest& request, const index::SearchQuery& first,
                               const index::Collection& collection, absl::Duration searched,
                               const edge::CallLimits& limits, Retrieved& out) const;
  // Puts what the best hits lead to among the first `second_look`; `first` is the search that found
  // them. Errors of the search; the hits stay as they are then.
  absl::Status LookAgain(const RetrieveRequest& request, const index::SearchQuery& first,
                         const index::Collection& collection, const edge::CallLimits& limits,
                         Retrieved& out) const;
  // What one search for leads finds.
  struct Followed {
    std::vector<Hit> hits;  // each with the leads that it holds
    bool exact = true;      // as of Retrieved
    std::optional<float> recall;
  };
  // Without what stands among `best` already; what only repeats one of these is noted with it.
  absl::StatusOr<Followed> Follow(const RetrieveRequest& request, index::SearchQuery query,
                                  const std::vector<std::string>& leads, std::span<Hit> best,
                                  const index::Collection& collection,
                                  const edge::CallLimits& limits) const;
  // What patches are compared with: the vectors of the query's first words, each by itself.
  absl::StatusOr<std::vector<std::vector<float>>> PatchWords(const RetrieveRequest& request,
                                                             const index::Collection& collection,
                                                             const edge::CallLimits& limits) const;
  // What the reranker compares with: the parts above 0, stored ones by their words and a picture.
  absl::StatusOr<model::RerankItem> RerankQuery(const RetrieveRequest& request,
                                                const edge::CallLimits& limits) const;
  absl::Status Rerank(const RetrieveRequest& request, const edge::CallLimits& limits,
                      std::vector<Hit>& hits) const;

  const RetrieverOptions options_;
  const index::Corpus& corpus_;
  model::Encoder& encoder_;
  model::Reranker* const reranker_;
  const PassagePicture picture_;
  cache::EmbeddingCache* const embeddings_;
};

// Keeps the first of hits that show the same thing: pictures of equal bytes, or passages of equal
// normalised text. Order is kept; what went is noted in the reason of what stayed, where it has
// one.
std::vector<Hit> WithoutDuplicates(std::vector<Hit> hits);

// The first `group_size` hits of each of the first `documents` documents, a document's together, as
// places in `hits`. In the order of the documents' best hits.
std::vector<size_t> GroupByDocument(std::span<const Hit> hits, int documents, int group_size);

}  // namespace sightline::query
