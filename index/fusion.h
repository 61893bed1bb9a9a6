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

}  // namespace sightline::index
