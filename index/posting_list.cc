#include "index/posting_list.h"

#include <algorithm>

#include "index/byte_coder.h"
#include "index/key_codec.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/merge_operator.h"

namespace sightline::index {
namespace {

constexpr uint8_t kAdd = 1;
constexpr uint8_t kRemove = 2;

absl::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

bool Before(const Posting& posting, uint32_t place) { return posting.place < place; }

bool ApplyAdd(absl::string_view payload, std::vector<Posting>& postings) {
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
    postings.push_back({static_cast<uint16_t>(place), static_cast<uint32_t>(count)});
  }
  if (!in.ok()) return false;
  // Numbers grow, so mostly what is added stands behind what is there; rebuilding postings adds
  // them in another order.
  const auto middle = postings.begin() + static_cast<std::ptrdiff_t>(held);
  if (held > 0 && middle != postings.end() && middle->place <= (middle - 1)->place) {
    const auto by_place = [](const Posting& a, const Posting& b) { return a.place < b.place; };
    std::inplace_merge(postings.begin(), middle, postings.end(), by_place);
    const auto same = [](const Posting& a, const Posting& b) { return a.place == b.place; };
    return std::adjacent_find(postings.begin(), postings.end(), same) == postings.end();
  }
  return true;
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

std::string Change(uint8_t kind, absl::string_view payload) {
  return ByteWriter().U8(kind).String(payload).Take();
}

class PostingMergeOperator : public rocksdb::MergeOperator {
 public:
  const char* Name() const override { return "sightline.postings.1"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::vector<Posting> postings;
    if (in.existing_value != nullptr && !DecodePostings(View(*in.existing_value), postings)) {
      return false;
    }
    for (const rocksdb::Slice& operand : in.operand_list) {
      if (!DecodePostings(View(operand), postings)) return false;
    }
    out->new_value = EncodeAdd(postings);
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands,
                         std::string* out, rocksdb::Logger*) const override {
    for (const rocksdb::Slice& operand : operands) out->append(operand.data(), operand.size());
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
    payload.Varint(posting.place - before).Varint(posting.count);
    before = posting.place;
  }
  return Change(kAdd, payload.bytes());
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
    const bool good = kind == kAdd      ? ApplyAdd(payload, postings)
                      : kind == kRemove ? ApplyRemove(payload, postings)
                                        : false;
    if (!good) return false;
  }
  return in.ok();
}

std::shared_ptr<rocksdb::MergeOperator> NewPostingMergeOperator() {
  return std::make_shared<PostingMergeOperator>();
}

const rocksdb::CompactionFilter* EmptyPostingFilter() {
  static const EmptyPostings* const filter = new EmptyPostings;
  return filter;
}

}  // namespace sightline::index
