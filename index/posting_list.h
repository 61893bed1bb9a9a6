#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "index/posting.h"

namespace rocksdb {
class CompactionFilter;
class MergeOperator;
}  // namespace rocksdb

namespace sightline::index {

// The stored value of a term and bucket is a sequence of changes in the order they were made, so
// that a write only appends: "add these postings", "remove this range of places". Merging folds
// them into one add, which for a long list is in blocks (posting_blocks.h).

// `postings` ascend by place.
std::string EncodeAdd(std::span<const Posting> postings);
// The same as merging leaves it.
std::string EncodeFolded(std::span<const Posting> postings);
// Removes places [first, last].
std::string EncodeRemove(uint16_t first, uint16_t last);

// The postings a stored value stands for, ascending by place. False: the value is malformed.
bool DecodePostings(absl::string_view value, std::vector<Posting>& postings);

// The payload of a value that is one add in blocks. Empty: it is something else.
std::optional<absl::string_view> BlocksOf(absl::string_view value);

// Folds changes into one add, and where the history before them is not known into what is removed
// and one add.
std::shared_ptr<rocksdb::MergeOperator> NewPostingMergeOperator();

// Drops posting values that hold nothing any more; lives as long as the program.
const rocksdb::CompactionFilter* EmptyPostingFilter();

}  // namespace sightline::index
