#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "model/encoder.h"
#include "model/reranker.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"
#include "services/query/hits.h"

namespace sightline::query {

struct RetrieverOptions {
  int rerank_top = 40;       // candidates reranked, or k where k is larger
  int max_rerank = 200;      // largest k with reranking
  int rerank_pictures = 40;  // of the reranked, how many at most are shown with their picture
};

struct RetrieveRequest {
  std::string collection;
  QueryContent content;
  int k = 10;  // 1..1000
  std::string filter;
  index::FusionMode mode = index::FusionMode::kHybrid;
  bool rerank = false;
  std::string instruction;  // empty = the encoder's default
  // Of each stage; 0 = chosen by the corpus. With `rerank` also how many at most are reranked, not
  // fewer than k and not more than the options say.
  int candidates = 0;
};

struct Retrieved {
  std::vector<Hit> hits;  // best first, at most k
  bool exact = true;
  std::optional<float> recall;
  std::vector<std::string> warnings;
  bool dense_untrained = false;  // the encoder's weights are random
  double encode_ms = 0;
  double dense_ms = 0;
  double lexical_ms = 0;
  double fuse_ms = 0;
  double rerank_ms = 0;
};

// Finds the passages that meet a query: encode, search, drop near-duplicates, rerank. Any thread.
class Retriever {
 public:
  // All outlive the retriever; `reranker` may be null.
  Retriever(const RetrieverOptions& options, const index::Corpus& corpus, model::Encoder& encoder,
            model::Reranker* reranker, PassagePicture picture);

  // kInvalidArgument: k or candidates out of range, a lexical search without text, a malformed
  // filter; kNotFound: no such collection; kFailedPrecondition: rerank asked for and no reranker
  // loaded
  // ("no_reranker"), or the collection's vectors come from another model ("other_model");
  // kDeadlineExceeded, kCancelled between and within stages.
  absl::StatusOr<Retrieved> Retrieve(const RetrieveRequest& request,
                                     const edge::CallLimits& limits) const;

 private:
  absl::StatusOr<std::vector<float>> Encode(const RetrieveRequest& request,
                                            const index::Collection& collection,
                                            const edge::CallLimits& limits) const;
  absl::Status Rerank(const RetrieveRequest& request, const edge::CallLimits& limits,
                      std::vector<Hit>& hits) const;

  const RetrieverOptions options_;
  const index::Corpus& corpus_;
  model::Encoder& encoder_;
  model::Reranker* const reranker_;
  const PassagePicture picture_;
};

// Keeps the first of hits that show the same thing: pictures of equal bytes, or passages of equal
// normalised text. Order is kept.
std::vector<Hit> WithoutNearDuplicates(std::vector<Hit> hits);

}  // namespace sightline::query
