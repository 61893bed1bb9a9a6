#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/types.h"

namespace sightline::index {

// Two pictures are near-duplicates when their hashes (Passage::picture_hash) differ in at most
// kNearBits of 64 bits and the cosine of their vectors is at least kNearCosine. The hash tells
// most; the vectors keep apart what merely has the same light and shade.
inline constexpr int kNearBits = 10;
inline constexpr float kNearCosine = 0.9f;

bool HashesAreNear(uint64_t a, uint64_t b);

// A passage with a picture that has a hash.
struct PictureMark {
  uint64_t passage = 0;
  uint64_t hash = 0;
};

// Groups of two and more in which each is a near-duplicate of another; in the order of their first
// passage, as the passages in a group. `alike` is asked of pairs whose hashes are near, by their
// places in `marks`, and says whether they are. An error of it ends the search.
absl::StatusOr<std::vector<std::vector<size_t>>> GroupNearPictures(
    std::span<const PictureMark> marks,
    const std::function<absl::StatusOr<bool>(size_t a, size_t b)>& alike);

}  // namespace sightline::index
