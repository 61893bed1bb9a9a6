#include "index/text_walk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <memory>

#include "absl/time/clock.h"
#include "base/status.h"
#include "index/bm25.h"
#include "index/key_codec.h"
#include "index/length_code.h"

namespace sightline::index {
namespace {

constexpr uint32_t kBlocks = kBucketSize / kPostingBlockSize;  // of a bucket
static_assert(kBlocks == 64 && kPostingBlockSize == 64, "one word of bits each");

// The greatest saturation that a posting under a point can have, by table.
class Bounds {
 public:
  explicit Bounds(double mean_length) {
    for (uint32_t code = 0; code < 256; ++code) {
      const uint32_t length = LeastLength(static_cast<uint8_t>(code));
      for (uint32_t count = 1; count < kCounts; ++count) {
        table_[count][code] = static_cast<float>(Bm25Saturation(count, length, mean_length));
      }
    }
  }
  float at(PostingPoint point) const {
    return point.count < kCounts ? table_[point.count][point.length]
                                 : static_cast<float>(kBm25K1 + 1);
  }

 private:
  static constexpr uint32_t kCounts = 16;
  std::array<std::array<float, 256>, kCounts> table_;
};

using BlockBounds = std::array<float, kBlocks>;

class Walk {
 public:
  Walk(const View& view, const std::vector<WeightedList>& lists, double mean_length,
       const PassageSet& allowed, int n)
      : view_(view),
        lists_(lists),
        mean_length_(mean_length),
        allowed_(allowed),
        n_(static_cast<size_t>(n)),
        bounds_(mean_length),
        // Sums of floats in another order, and bounds rounded to floats, may be this much too low.
        slack_(1 +
               static_cast<float>(lists.size() + 4) * 2 * std::numeric_limits<float>::epsilon()),
        best_(n),
        sums_(std::make_unique<std::array<float, kBucketSize>>()) {}

  absl::StatusOr<std::vector<ScoredPassage>> Run(absl::Time deadline) {
    BoundBlocks();
    // What is most promising comes first, so that there soon is a threshold worth the name.
    const float promising = PromisingBound();
    for (const bool first : {true, false}) {
      for (uint32_t bucket = 0; bucket < totals_.size(); ++bucket) {
        uint64_t wanted = 0;
        for (uint32_t block = 0; block < kBlocks; ++block) {
          const float bound = totals_[bucket][block];
          const bool mine = bound > 0 && (bound >= promising) == first;
          wanted |= uint64_t{mine && MayEnter(bound)} << block;
        }
        if (wanted == 0) continue;
        if (absl::Now() > deadline) return absl::DeadlineExceededError("text search: out of time");
        WalkBucket(bucket, wanted);
      }
    }
    return best_.Take();
  }

 private:
  // A list in the bucket that is walked.
  struct Member {
    const WeightedList* of = nullptr;
    const TermList::Part* part = nullptr;
    float bound = 0;
  };

  bool MayEnter(float bound) const { return bound * slack_ >= best_.Threshold(); }

  // Sums up, for each block with an allowed passage, what the lists can give there at most.
  void BoundBlocks() {
    totals_.assign(allowed_.buckets(), BlockBounds{});
    for (const WeightedList& weighted : lists_) {
      std::vector<float>& highest = highest_.emplace_back();
      for (const TermList::Part& part : weighted.list->parts()) {
        const bool walked = allowed_.block_at(part.bucket) != nullptr;
        highest.push_back(walked ? AddBounds(weighted, part, totals_[part.bucket]) : 0);
      }
    }
    for (uint32_t bucket = 0; bucket < totals_.size(); ++bucket) {
      const PassageSet::Block* allowed = allowed_.block_at(bucket);
      for (uint32_t block = 0; allowed != nullptr && block < kBlocks; ++block) {
        if ((*allowed)[block] == 0) totals_[bucket][block] = 0;
      }
    }
  }

  // Returns the greatest of what it adds.
  float AddBounds(const WeightedList& weighted, const TermList::Part& part,
                  BlockBounds& totals) const {
    const auto weight = static_cast<float>(weighted.weight);
    float highest = 0;
    uint32_t current = 0;
    float bound = 0;
    weighted.list->ForEachPoint(part, [&](uint32_t block, PostingPoint point) {
      if (block != current) {
        totals[current] += weight * bound;
        highest = std::max(highest, bound);
        current = block;
        bound = 0;
      }
      bound = std::max(bound, bounds_.at(point));
    });
    totals[current] += weight * bound;
    return weight * std::max(highest, bound);
  }

  // The bound that about as many blocks reach as hits are wanted.
  float PromisingBound() const {
    std::vector<float> all;
    for (const BlockBounds& totals : totals_) {
      for (const float bound : totals) {
        if (bound > 0) all.push_back(bound);
      }
    }
    if (all.size() <= n_) return 0;
    const auto nth = all.begin() + static_cast<std::ptrdiff_t>(n_ - 1);
    std::nth_element(all.begin(), nth, all.end(), std::greater<>());
    return *nth;
  }

  void WalkBucket(uint32_t bucket, uint64_t wanted) {
    const uint32_t* lengths = view_.passages.block_at(bucket)->length;
    const std::vector<Member> members = Members(bucket);
    // The last members together bring no passage among the best, so one that is has another.
    size_t needed = members.size();
    for (float together = 0; needed > 0; --needed) {
      together += members[needed - 1].bound;
      if (MayEnter(together)) break;
    }
    std::vector<BlockBounds> rest(members.size() + 1);  // what the members from there on may give
    for (size_t i = members.size(); i > needed; --i) {
      rest[i - 1] = rest[i];
      AddBounds(*members[i - 1].of, *members[i - 1].part, rest[i - 1]);
    }
    PassageSet::Block chosen = *allowed_.block_at(bucket);
    for (uint64_t bits = wanted; bits != 0; bits &= bits - 1) {
      const auto block = static_cast<uint32_t>(std::countr_zero(bits));
      std::fill_n(sums_->begin() + block * kPostingBlockSize, kPostingBlockSize, 0.0f);
    }
    for (size_t i = 0; i < needed; ++i) Estimate(members[i], wanted, chosen, lengths);
    uint64_t left = Choose(wanted, rest[needed], chosen);
    for (size_t i = needed; i < members.size() && left != 0; ++i) {
      Estimate(members[i], left, chosen, lengths);
      left = Choose(left, rest[i + 1], chosen);
    }
    if (left != 0) Score(bucket, left, chosen, lengths);
  }

  // The lists of the bucket, the one that can give most first.
  std::vector<Member> Members(uint32_t bucket) const {
    std::vector<Member> members;
    for (size_t i = 0; i < lists_.size(); ++i) {
      const TermList::Part* part = lists_[i].list->FindPart(bucket);
      if (part == nullptr) continue;
      const auto place = static_cast<size_t>(part - lists_[i].list->parts().data());
      members.push_back({&lists_[i], part, highest_[i][place]});
    }
    std::sort(members.begin(), members.end(),
              [](const Member& a, const Member& b) { return a.bound > b.bound; });
    return members;
  }

  // Adds the member's scores of the chosen passages of `blocks` to sums_, not in the order of the
  // lists.
  void Estimate(const Member& member, uint64_t blocks, const PassageSet::Block& chosen,
                const uint32_t* lengths) {
    constexpr auto kFixed = static_cast<float>(kBm25K1 * (1 - kBm25B));
    const auto by_length = static_cast<float>(kBm25K1 * kBm25B / mean_length_);
    const auto weight = static_cast<float>(member.of->weight * (kBm25K1 + 1));
    member.of->list->ForEach(*member.part, blocks, chosen, [&](uint32_t place, uint32_t count) {
      const auto times = static_cast<float>(count);
      const float norm = kFixed + by_length * static_cast<float>(lengths[place]);
      (*sums_)[place] += weight * times / (times + norm);
    });
  }

  // Leaves in `chosen` what may be among the best when `rest` is added. Returns the blocks of
  // `blocks` that any are in.
  uint64_t Choose(uint64_t blocks, const BlockBounds& rest, PassageSet::Block& chosen) const {
    const float threshold = best_.Threshold();
    uint64_t left = 0;
    for (uint64_t bits = blocks; bits != 0; bits &= bits - 1) {
      const auto block = static_cast<uint32_t>(std::countr_zero(bits));
      const float* sums = sums_->data() + block * kPostingBlockSize;
      uint64_t kept = 0;
      for (uint64_t places = chosen[block]; places != 0; places &= places - 1) {
        const float sum = sums[std::countr_zero(places)];
        const bool may = sum > 0 && (sum + rest[block]) * slack_ >= threshold;
        kept |= uint64_t{may} << std::countr_zero(places);
      }
      chosen[block] = kept;
      left |= uint64_t{kept != 0} << block;
    }
    return left;
  }

  // Offers the chosen passages with their exact scores.
  void Score(uint32_t bucket, uint64_t blocks, const PassageSet::Block& chosen,
             const uint32_t* lengths) {
    const auto for_each_chosen = [&](const auto& visit) {
      for (uint64_t bits = blocks; bits != 0; bits &= bits - 1) {
        const auto block = static_cast<uint32_t>(std::countr_zero(bits));
        for (uint64_t places = chosen[block]; places != 0; places &= places - 1) {
          visit(block * kPostingBlockSize + static_cast<uint32_t>(std::countr_zero(places)));
        }
      }
    };
    for_each_chosen([&](uint32_t place) { (*sums_)[place] = 0; });
    for (const WeightedList& weighted : lists_) {
      const TermList::Part* part = weighted.list->FindPart(bucket);
      if (part == nullptr) continue;
      weighted.list->ForEach(*part, blocks, chosen, [&](uint32_t place, uint32_t count) {
        (*sums_)[place] += static_cast<float>(weighted.weight *
                                              Bm25Saturation(count, lengths[place], mean_length_));
      });
    }
    for_each_chosen(
        [&](uint32_t place) { best_.Offer({(bucket << kBucketBits) + place, (*sums_)[place]}); });
  }

  const View& view_;
  const std::vector<WeightedList>& lists_;
  const double mean_length_;
  const PassageSet& allowed_;
  const size_t n_;
  const Bounds bounds_;
  const float slack_;
  TopPassages best_;
  std::vector<BlockBounds> totals_;                             // by bucket
  std::vector<std::vector<float>> highest_;                     // of the lists' parts
  const std::unique_ptr<std::array<float, kBucketSize>> sums_;  // of the bucket that is walked
};

}  // namespace

absl::StatusOr<std::vector<ScoredPassage>> WalkLists(const View& view,
                                                     const std::vector<WeightedList>& lists,
                                                     double mean_length, const PassageSet& allowed,
                                                     int n, absl::Time deadline) {
  return Walk(view, lists, mean_length, allowed, n).Run(deadline);
}

}  // namespace sightline::index
