#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "index/posting.h"

namespace sightline::index {

// A long list of one term and bucket in blocks of 64 places, each with what a bound of its scores
// is computed from: the pairs of count and length that no other posting of the block beats, a count
// being better the higher it is and a length the smaller. They hold whatever the mean length or the
// weight of the term becomes.

inline constexpr uint32_t kPostingBlockBits = 6;
inline constexpr uint32_t kPostingBlockSize = 1u << kPostingBlockBits;

struct PostingPoint {
  uint8_t count = 0;  // kManyTimes: so often or more
  uint8_t length = 0;
};
inline constexpr uint8_t kManyTimes = 255;

// At most four points, ascending in count and in length, that no posting beats.
class BoundingPoints {
 public:
  // One to kPostingBlockSize postings.
  explicit BoundingPoints(std::span<const Posting> postings);
  std::span<const PostingPoint> get() const { return {points_.data(), size_}; }

 private:
  std::array<PostingPoint, kPostingBlockSize> points_;
  size_t size_ = 0;
};

// `postings` ascend by place and are not empty.
std::string EncodeBlocks(std::span<const Posting> postings);

// Appends the postings. False: malformed; then they may be any.
bool DecodeBlocks(absl::string_view payload, std::vector<Posting>& postings);

// Whether each block's points are those of its postings; the payload is one that DecodeBlocks
// takes.
bool BlocksAreBounded(absl::string_view payload);

// Reads blocks one after another, the postings of each only when wanted. What it gives lies in the
// payload, which must outlive it.
class PostingBlockReader {
 public:
  explicit PostingBlockReader(absl::string_view payload);

  // Moves to the next block; false at the end, or where the payload is malformed: then ok() is.
  bool Next() {
    if (!ok_ || blocks_left_ == 0) {
      ok_ = ok_ && directory_.empty() && bodies_.empty() && seen_ == total_;
      return false;
    }
    --blocks_left_;
    ok_ = Enter();
    return ok_;
  }
  bool ok() const { return ok_; }

  uint32_t total() const { return total_; }  // postings of all blocks
  uint32_t block() const { return block_; }
  uint32_t size() const { return size_; }
  std::span<const PostingPoint> points() const { return {points_, num_points_}; }

  // Calls `visit` with place and count of each posting of the block that is in `wanted`, one bit
  // each; false: malformed.
  template <typename Visit>
  bool ForEach(uint64_t wanted, const Visit& visit) const {
    const auto* at = reinterpret_cast<const uint8_t*>(body_.data());
    const uint8_t* const end = at + body_.size();
    const uint8_t* more = at + size_;
    for (const uint8_t* const places = at + size_; at != places; ++at) {
      uint32_t count = 1 + (*at >> kPostingBlockBits);
      if (count > kMostInline) {
        uint64_t rest = 0;
        int shift = 0;
        do {
          if (more == end || shift > 28) return false;
          rest |= static_cast<uint64_t>(*more & 0x7f) << shift;
          shift += 7;
        } while ((*more++ & 0x80) != 0);
        if (rest > std::numeric_limits<uint32_t>::max() - count) return false;
        count += static_cast<uint32_t>(rest);
      }
      const uint32_t place = *at & (kPostingBlockSize - 1);
      if ((wanted >> place & 1) != 0) visit(block_ * kPostingBlockSize + place, count);
    }
    return true;
  }

  // The codes of the postings' lengths, in their order.
  absl::string_view lengths() const { return body_.substr(body_.size() - size_); }

 private:
  friend std::string EncodeBlocks(std::span<const Posting> postings);
  static constexpr uint32_t kMostInline = 3;  // greater counts go on behind the places
  static constexpr size_t kHeadBytes = 4;     // of a block in the directory, before its points

  bool Enter() {
    if (directory_.size() < kHeadBytes) return false;
    const auto* head = reinterpret_cast<const uint8_t*>(directory_.data());
    const uint32_t block = head[0] & (kPostingBlockSize - 1);
    num_points_ = 1 + (head[0] >> kPostingBlockBits);
    size_ = 1u + head[1];
    const size_t bytes = 2 * size_t{size_} + head[2] + (size_t{head[3]} << 8);
    const size_t entry = kHeadBytes + num_points_ * sizeof(PostingPoint);
    if (directory_.size() < entry || bodies_.size() < bytes || size_ > kPostingBlockSize ||
        (seen_ > 0 && block <= block_)) {
      return false;
    }
    points_ = reinterpret_cast<const PostingPoint*>(head + kHeadBytes);
    block_ = block;
    seen_ += size_;
    body_ = bodies_.substr(0, bytes);
    directory_.remove_prefix(entry);
    bodies_.remove_prefix(bytes);
    return true;
  }

  absl::string_view directory_;
  absl::string_view bodies_;
  absl::string_view body_;
  const PostingPoint* points_ = nullptr;
  uint32_t num_points_ = 0;
  uint32_t blocks_left_ = 0;
  uint32_t total_ = 0;
  uint32_t seen_ = 0;
  uint32_t block_ = 0;
  uint32_t size_ = 0;
  bool ok_ = true;
};

}  // namespace sightline::index
