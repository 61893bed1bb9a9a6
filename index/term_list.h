#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/passage_set.h"
#include "index/posting_blocks.h"
#include "index/store.h"
#include "index/view.h"

namespace sightline::index {

// Where a term stands in a collection, as of a view's moment: its posting lists by bucket, kept as
// they are stored and read where a search comes by.
class TermList {
 public:
  // One bucket's list.
  struct Part {
    uint32_t bucket = 0;
    bool blocks = false;  // a payload in bytes_, else postings in short_
    size_t offset = 0;
    size_t size = 0;
  };

  // The whole of it; or, where more than `most` passages hold the term, as much of it as says so.
  // kDataLoss: a stored list is malformed.
  static absl::StatusOr<TermList> Read(const Store& store, const View& view,
                                       const std::string& term,
                                       int64_t most = std::numeric_limits<int64_t>::max());

  // Appends the list of a bucket behind those there are, as it is stored.
  absl::Status Add(uint32_t bucket, absl::string_view value);

  // How many passages hold the term.
  int64_t holding() const { return holding_; }
  std::span<const Part> parts() const { return parts_; }  // ascending by bucket
  // Null: no list there.
  const Part* FindPart(uint32_t bucket) const;

  // Calls visit(place, count) for each posting of a list that is in `places`, of the blocks in
  // `blocks`, one bit a block.
  template <typename Visit>
  void ForEach(const Part& part, uint64_t blocks, const PassageSet::Block& places,
               const Visit& visit) const {
    if (!part.blocks) {
      for (const Posting& posting : Short(part)) {
        const uint32_t block = uint32_t{posting.place} / kPostingBlockSize;
        const uint64_t wanted = (blocks >> block & 1) != 0 ? places[block] : 0;
        if ((wanted >> (posting.place % kPostingBlockSize) & 1) != 0) {
          visit(uint32_t{posting.place}, posting.count);
        }
      }
      return;
    }
    for (PostingBlockReader in(Payload(part)); in.Next();) {
      if ((blocks >> in.block() & 1) != 0) in.ForEach(places[in.block()], visit);
    }
  }

  // Calls visit(block, point) with what bounds the scores of each block: one or more points each.
  template <typename Visit>
  void ForEachPoint(const Part& part, const Visit& visit) const {
    if (!part.blocks) {
      for (const Posting& posting : Short(part)) {
        visit(uint32_t{posting.place} >> kPostingBlockBits,
              PostingPoint{static_cast<uint8_t>(std::min<uint32_t>(posting.count, kManyTimes)),
                           posting.length});
      }
      return;
    }
    for (PostingBlockReader in(Payload(part)); in.Next();) {
      for (const PostingPoint& point : in.points()) visit(in.block(), point);
    }
  }

 private:
  absl::string_view Payload(const Part& part) const {
    return absl::string_view(bytes_).substr(part.offset, part.size);
  }
  std::span<const Posting> Short(const Part& part) const {
    return std::span(short_).subspan(part.offset, part.size);
  }

  std::vector<Part> parts_;
  std::string bytes_;           // payloads of lists in blocks
  std::vector<Posting> short_;  // the others' postings
  int64_t holding_ = 0;
};

}  // namespace sightline::index
