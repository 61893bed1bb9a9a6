#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/passage_set.h"
#include "index/store.h"
#include "index/text_analyzer.h"
#include "index/top_passages.h"
#include "index/view.h"

namespace sightline::index {

inline constexpr size_t kMaxQueryTerms = 512;

struct SearchTerms {
  std::vector<std::string> words;
  // Each counts as one word, which stands wherever any of its own does (prefix_terms.h).
  std::vector<std::vector<std::string>> alternatives = {};
};

// The `n` passages of `allowed` (live ones) with the highest BM25 for `terms`, best first; only
// passages that hold at least one of them. A word given twice counts twice; the first
// kMaxQueryTerms distinct ones count. Frequencies are of all live passages, whatever is allowed.
// kDeadlineExceeded.
absl::StatusOr<std::vector<ScoredPassage>> SearchText(const Store& store, const View& view,
                                                      const SearchTerms& terms,
                                                      const PassageSet& allowed, int n,
                                                      absl::Time deadline);

// How many live passages hold each of `words`: of the terms that one is cut into the rarest says
// it; 0: of none. Counted until more than `most` are known to. kDeadlineExceeded.
absl::StatusOr<std::vector<int64_t>> CountHolding(const Store& store, const View& view,
                                                  const TextAnalyzer& analyzer,
                                                  std::span<const std::string> words, int64_t most,
                                                  absl::Time deadline);

// No passage can have a higher BM25 for `terms`: that of one that held them over and over. 0: none
// of them stands anywhere. kDeadlineExceeded.
absl::StatusOr<float> TextCeiling(const Store& store, const View& view, const SearchTerms& terms,
                                  absl::Time deadline);

}  // namespace sightline::index
