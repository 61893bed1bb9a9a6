#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "index/corpus.h"
#include "index/passage_set.h"
#include "index/store.h"
#include "index/text_analyzer.h"
#include "index/text_search.h"
#include "index/view.h"

namespace sightline::index {

struct PhrasePassages {
  PassageSet passages;
  // More than kMaxPhrasePassages hold all the words; those read are the best by `terms`.
  bool cut = false;
};

// Those of `allowed` in whose heading or text the words of each phrase stand next to each other, in
// order; marks between them do not count, and a phrase does not go on from heading to text. A
// phrase without a word holds nowhere. kDeadlineExceeded, kDataLoss.
absl::StatusOr<PhrasePassages> FindPhrases(const Store& store, const View& view,
                                           const TextAnalyzer& analyzer,
                                           const std::vector<std::string>& phrases,
                                           const SearchTerms& terms, const PassageSet& allowed,
                                           absl::Time deadline);

}  // namespace sightline::index
