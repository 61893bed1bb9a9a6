#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "index/store.h"
#include "index/term_list.h"
#include "index/view.h"

namespace sightline::index {

inline constexpr size_t kMaxExpansions = 64;              // words that a prefix stands for
inline constexpr size_t kMaxPrefixPostingLists = 50'000;  // looked at for one prefix

// The words of the collection that begin with `prefix`, the kMaxExpansions in most passages,
// ascending. Shorter words are looked at first; where there are more than kMaxPrefixPostingLists
// lists, those of the others do not count. kDeadlineExceeded, kDataLoss.
absl::StatusOr<std::vector<std::string>> ExpandPrefix(const Store& store, const View& view,
                                                      absl::string_view prefix,
                                                      absl::Time deadline);

// The lists of several words as that of one, which stands in a text as often as all of them do.
absl::StatusOr<TermList> ReadAsOne(const Store& store, const View& view,
                                   const std::vector<std::string>& terms);

}  // namespace sightline::index
