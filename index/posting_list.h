#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rocksdb {
class CompactionFilter;
class MergeOperator;
}  // namespace rocksdb

namespace sightline::index {

// One occurrence record: the passage's place in its bucket (number modulo the bucket's size) and
// how often the term stands in its text.
struct Posting {
  uint16_t place = 0;
  uint32_t count = 0;
};

// The stored value of a term and bucket is a sequence of changes in the order they were made, so
// that a write only appends: "add these postings", "remove this range of places". Merging folds
// them into one add.

// `postings` ascend by place.
std::string EncodeAdd(std::span<const Posting> postings);
// Removes places [first, last].
std::string EncodeRemove(uint16_t first, uint16_t last);

// The postings a stored value stands for, ascending by place. False: the value is malformed.
bool DecodePostings(absl::string_view value, std::vector<Posting>& postings);

// Concatenates changes, and folds them where the whole history is known.
std::shared_ptr<rocksdb::MergeOperator> NewPostingMergeOperator();

// Drops posting values that hold nothing any more; lives as long as the program.
const rocksdb::CompactionFilter* EmptyPostingFilter();

}  // namespace sightline::index
