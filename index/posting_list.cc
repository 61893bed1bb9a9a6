#include "index/posting_list.h"

#include <algorithm>

#include "index/byte_coder.h"
#include "index/key_codec.h"
#include "index/posting_blocks.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/merge_operator.h"

namespace sightline::index {
namespace {

constexpr uint8_t kAddWithoutLengths = 1;  // as format 1 of the store wrote it
constexpr uint8_t kRemove = 2;
constexpr uint8_t kAdd = 3;
constexpr uint8_t kAddBlocks = 4;
// A list as long as this is worth its bounds: with two to a block they take a quarter more.
constexpr size_t kLongList = 128;

absl::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

bool Before(const Posting& posting, uint32_t place) { return posting.place < place; }

// Numbers grow, so mostly what is added stands behind the first `held` ones; rebuilding postings
// adds them in another order. False: a place occurs twice.
bool MergeAdded(size_t held, std::vector<Posting>& postings) {
  const auto middle = postings.begin() + static_cast<std::ptrdiff_t>(held);
  if (held == 0 || middle == postings.end() || middle->place > (middle - 1)->place) return true;
  const auto by_place = [](const Posting& a, const Posting& b) { return a.place < b.place; };
  std::inplace_merge(postings.begin(), middle, postings.end(), by_place);
  const auto same = [](const Posting& a, const Posting& b) { return a.place == b.place; };
  return std::adjacent_find(postings.begin(), postings.end(), same) == postings.end();
}

bool ApplyAdd(absl::string_view payload, bool has_lengths, std::vector<Posting>& postings) {
  ByteReader in(payload);
  const size_t held = postings.size();
  uint64_t place = 0;
  bool first = true;
  while (in.ok() && !in.AtEnd()) {
    const uint64_t step = in.Varint();
    if (!first && step == 0) return false;
    place = first ? step : place + step;
    first = false;
    const uint64_t count = in.Varint();
    if (place >= kBucketSize || count == 0 || count > UINT32_MAX) return false;
    postings.push_back({static_cast<uint16_t>(place), static_cast<uint32_t>(count),
                        has_lengths ? in.U8() : uint8_t{0}});
  }
  return in.ok() && MergeAdded(held, postings);
}

bool ApplyBlocks(absl::string_view payload, std::vector<Posting>& postings) {
  const size_t held = postings.size();
  return DecodeBlocks(payload, postings) && MergeAdded(held, postings);
}

bool ApplyRemove(absl::string_view payload, std::vector<Posting>& postings) {
  ByteReader in(payload);
  const uint64_t first = in.Varint();
  const uint64_t last = in.Varint();
  if (!in.ok() || !in.AtEnd() || first > last || last >= kBucketSize) return false;
  const auto begin = std::lower_bound(postings.begin(), postings.end(), first, Before);
  const auto end = std::lower_bound(begin, postings.end(), last + 1, Before);
  postings.erase(begin, end);
  return true;
}

bool Apply(uint8_t kind, absl::string_view payload, std::vector<Posting>& postings) {
  switch (kind) {
    case kAddWithoutLengths: return ApplyAdd(payload, false, postings);
    case kRemove: return ApplyRemove(payload, postings);
    case kAdd: return ApplyAdd(payload, true, postings);
    case kAddBlocks: return ApplyBlocks(payload, postings);
    default: return false;
  }
}

std::string Change(uint8_t kind, absl::string_view payload) {
  return ByteWriter().U8(kind).String(payload).Take();
}

class PostingMergeOperator : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "sightline.postings.1"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    // Reading a list that was written once comes here too.
    if (in.existing_value == nullptr && in.operand_list.size() == 1 &&
        BlocksOf(View(in.operand_list[0])).has_value()) {
      out->existing_operand = in.operand_list[0];
      return true;
    }
    std::vector<Posting> postings;
    if (in.existing_value != nullptr && !DecodePostings(View(*in.existing_value), postings)) {
      return false;
    }
    for (const rocksdb::Slice& operand : in.operand_list) {
      if (!DecodePostings(View(operand), postings)) return false;
    }
    out->new_value = EncodeFolded(postings);
    return true;
  }

  // All that is removed first, then what of the added is left: for what was there before, and for
  // what was added, that comes to the same.
  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands,
                         std::string* out, rocksdb::Logger*) const override {
    std::vector<Posting> added;
    for (const rocksdb::Slice& operand : operands) {
      ByteReader in(View(operand));
      while (!in.AtEnd()) {
        const uint8_t kind = in.U8();
        const absl::string_view payload = in.String();
        if (!in.ok() || !Apply(kind, payload, added)) return false;
        if (kind == kRemove) out->append(Change(kind, payload));
      }
    }
    out->append(EncodeFolded(added));
    return true;
  }
};

class EmptyPostings : public rocksdb::CompactionFilter {
 public:
  const char* Name() const override { return "sightline.empty_postings.1"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    return value.empty() && IsPostingKey(View(key));
  }
};

}  // namespace

std::string EncodeAdd(std::span<const Posting> postings) {
  if (postings.empty()) return "";
  ByteWriter payload;
  uint32_t before = 0;
  for (const Posting& posting : postings) {
    payload.Varint(posting.place - before).Varint(posting.count).U8(posting.length);
    before = posting.place;
  }
  return Change(kAdd, payload.bytes());
}

std::string EncodeFolded(std::span<const Posting> postings) {
  if (postings.size() < kLongList) return EncodeAdd(postings);
  return Change(kAddBlocks, EncodeBlocks(postings));
}

std::string EncodeRemove(uint16_t first, uint16_t last) {
  return Change(kRemove, ByteWriter().Varint(first).Varint(last).bytes());
}

bool DecodePostings(absl::string_view value, std::vector<Posting>& postings) {
  ByteReader in(value);
  while (in.ok() && !in.AtEnd()) {
    const uint8_t kind = in.U8();
    const absl::string_view payload = in.String();
    if (!in.ok()) return false;
    if (!Apply(kind, payload, postings)) return false;
  }
  return in.ok();
}

std::optional<absl::string_view> BlocksOf(absl::string_view value) {
  ByteReader in(value);
  if (in.U8() != kAddBlocks) return std::nullopt;
  const absl::string_view payload = in.String();
  if (!in.ok() || !in.AtEnd()) return std::nullopt;
  return payload;
}

std::shared_ptr<rocksdb::MergeOperator> NewPostingMergeOperator() {
  return std::make_shared<PostingMergeOperator>();
}

const rocksdb::CompactionFilter* EmptyPostingFilter() {
  static const EmptyPostings* const filter = new EmptyPostings;
  return filter;
}

}  // namespace sightline::index
