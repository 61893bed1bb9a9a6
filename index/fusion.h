#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "index/top_passages.h"

namespace sightline::index {

struct FusedPassage {
  uint32_t number = 0;
  float score = 0;
  std::optional<float> dense;
  std::optional<float> lexical;
  int dense_rank = 0;  // from 1; 0 = not in the list
  int lexical_rank = 0;
  float dense_part = 0;  // of the score
  float lexical_part = 0;
};

// Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009): a passage at rank r of a list, from
// 1, gets 1 / (60 + r) from it. `wordless` says which passages have no words, so that the lexical
// list cannot hold them, whatever they show. For those its silence says nothing: at rank r of the
// dense list they get what the r-th best of the others has, where that is more. Best first; equal
// scores: passages with words first, then in order of number.
std::vector<FusedPassage> FuseByRank(std::span<const ScoredPassage> dense,
                                     std::span<const ScoredPassage> lexical,
                                     absl::FunctionRef<bool(uint32_t number)> wordless);

// What makes scores of both lists comparable: as shares of the way from chance to the best there
// can be, which do not hang on what else was found.
struct ScoreScales {
  float dense_weight = 0.5f;  // 0..1; the rest is the words'
  float chance = 0;           // cosine of the query and vectors that have nothing to do with it
  float ceiling = 0;          // BM25 that no text can be above; 0 = no word stands anywhere
};

// The weighted sum of both scores, each as its share: cosines from chance to 1, BM25 from 0 to the
// ceiling, what lies outside at the ends. `dense` and `lexical` are the lists as they were found;
// `more_dense` and `more_lexical` the scores of passages of the other list that their own lacks. A
// passage in none of the lexical ones has no word of the query. `wordless` and the order as above.
std::vector<FusedPassage> FuseByScore(std::span<const ScoredPassage> dense,
                                      std::span<const ScoredPassage> lexical,
                                      std::span<const ScoredPassage> more_dense,
                                      std::span<const ScoredPassage> more_lexical,
                                      const ScoreScales& scales,
                                      absl::FunctionRef<bool(uint32_t number)> wordless);

}  // namespace sightline::index
