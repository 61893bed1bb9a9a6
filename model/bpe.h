#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// Byte-pair merging. Filled once, then any thread may merge.
class Bpe {
 public:
  // The token of one byte.
  void SetByte(uint8_t byte, int32_t id) { byte_ids_[byte] = id; }
  // The next merge by rank: `left` and `right` become `result`.
  // kFailedPrecondition: the pair has a merge already.
  absl::Status AddMerge(int32_t left, int32_t right, int32_t result);
  void Reserve(size_t merges) {
    merges_.reserve(merges);
    results_.reserve(merges);
  }

  // Appends the tokens of `word` to `ids`: starting from its bytes, the pair of lowest rank, the
  // leftmost of equals, is merged until none is left. Returns the pairs looked up, which grow with
  // the bytes as n log n at most.
  int64_t Merge(absl::string_view word, std::vector<int32_t>& ids) const;

 private:
  struct Rule {
    int32_t rank;
    int32_t result;
  };

  const Rule* Find(int32_t left, int32_t right) const;
  int64_t MergeShort(absl::string_view word, std::vector<int32_t>& ids) const;
  int64_t MergeLong(absl::string_view word, std::vector<int32_t>& ids) const;

  std::array<int32_t, 256> byte_ids_ = {};
  absl::flat_hash_map<uint64_t, Rule> merges_;
  std::vector<int32_t> results_;  // by rank
};

}  // namespace sightline::model
