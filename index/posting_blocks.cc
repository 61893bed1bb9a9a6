#include "index/posting_blocks.h"

#include <algorithm>

#include "index/byte_coder.h"
#include "index/key_codec.h"

namespace sightline::index {
namespace {

constexpr size_t kMostPoints = 4;

static_assert(sizeof(PostingPoint) == 2);

uint32_t BlockOf(const Posting& posting) { return posting.place >> kPostingBlockBits; }

uint8_t CappedCount(uint32_t count) {
  return static_cast<uint8_t>(std::min<uint32_t>(count, kManyTimes));
}

// Or is equal to.
bool Beats(const PostingPoint& a, const PostingPoint& b) {
  return a.count >= b.count && a.length <= b.length;
}

}  // namespace

BoundingPoints::BoundingPoints(std::span<const Posting> postings) {
  for (const Posting& posting : postings) {
    const PostingPoint point = {CappedCount(posting.count), posting.length};
    const auto end = points_.begin() + size_;
    if (std::any_of(points_.begin(), end,
                    [&](const PostingPoint& other) { return Beats(other, point); })) {
      continue;
    }
    const auto kept = std::remove_if(
        points_.begin(), end, [&](const PostingPoint& other) { return Beats(point, other); });
    *kept = point;
    size_ = static_cast<size_t>(kept - points_.begin()) + 1;
  }
  std::sort(points_.begin(), points_.begin() + size_,
            [](const PostingPoint& a, const PostingPoint& b) { return a.length < b.length; });
  // The last ones become one, as often as the last and as short as the first of them.
  if (size_ > kMostPoints) {
    points_[kMostPoints - 1].count = points_[size_ - 1].count;
    size_ = kMostPoints;
  }
}

std::string EncodeBlocks(std::span<const Posting> postings) {
  ByteWriter directory;
  std::string bodies;
  uint32_t blocks = 0;
  for (size_t i = 0; i < postings.size();) {
    const uint32_t block = BlockOf(postings[i]);
    size_t end = i;
    while (end < postings.size() && BlockOf(postings[end]) == block) ++end;
    const auto members = postings.subspan(i, end - i);
    const BoundingPoints bounding(members);
    const auto points = bounding.get();
    ByteWriter places, more, lengths;
    for (const Posting& posting : members) {
      const uint32_t inline_count = std::min(posting.count - 1, PostingBlockReader::kMostInline);
      places.U8(static_cast<uint8_t>(inline_count << kPostingBlockBits |
                                     (posting.place & (kPostingBlockSize - 1))));
      if (inline_count == PostingBlockReader::kMostInline) {
        more.Varint(posting.count - 1 - inline_count);
      }
      lengths.U8(posting.length);
    }
    directory.U8(static_cast<uint8_t>((points.size() - 1) << kPostingBlockBits | block));
    directory.U8(static_cast<uint8_t>(members.size() - 1));
    directory.U8(static_cast<uint8_t>(more.bytes().size()));
    directory.U8(static_cast<uint8_t>(more.bytes().size() >> 8));
    for (const PostingPoint& point : points) directory.U8(point.count).U8(point.length);
    bodies += places.bytes();
    bodies += more.bytes();
    bodies += lengths.bytes();
    ++blocks;
    i = end;
  }
  return ByteWriter()
      .Varint(postings.size())
      .Varint(blocks)
      .String(directory.bytes())
      .Raw(bodies)
      .Take();
}

PostingBlockReader::PostingBlockReader(absl::string_view payload) {
  ByteReader in(payload);
  const uint64_t total = in.Varint();
  const uint64_t blocks = in.Varint();
  directory_ = in.String();
  bodies_ = in.rest();
  ok_ = in.ok() && total <= kBucketSize && blocks <= kBucketSize / kPostingBlockSize;
  if (!ok_) return;
  total_ = static_cast<uint32_t>(total);
  blocks_left_ = static_cast<uint32_t>(blocks);
}

bool DecodeBlocks(absl::string_view payload, std::vector<Posting>& postings) {
  PostingBlockReader in(payload);
  while (in.Next()) {
    const size_t held = postings.size();
    uint32_t next = 0;  // the least place that may follow
    bool ascends = true;
    const bool whole = in.ForEach(~uint64_t{0}, [&](uint32_t place, uint32_t count) {
      ascends = ascends && place >= next;
      next = place + 1;
      postings.push_back({static_cast<uint16_t>(place), count,
                          static_cast<uint8_t>(in.lengths()[postings.size() - held])});
    });
    if (!whole || !ascends) return false;
  }
  return in.ok();
}

bool BlocksAreBounded(absl::string_view payload) {
  std::vector<Posting> postings;
  for (PostingBlockReader in(payload); in.Next();) {
    postings.clear();
    in.ForEach(~uint64_t{0}, [&](uint32_t place, uint32_t count) {
      postings.push_back({static_cast<uint16_t>(place), count,
                          static_cast<uint8_t>(in.lengths()[postings.size()])});
    });
    const BoundingPoints expected(postings);
    if (!std::equal(expected.get().begin(), expected.get().end(), in.points().begin(),
                    in.points().end(), [](const PostingPoint& a, const PostingPoint& b) {
                      return a.count == b.count && a.length == b.length;
                    })) {
      return false;
    }
  }
  return true;
}

}  // namespace sightline::index
