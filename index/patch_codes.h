#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/sign_code.h"
#include "index/types.h"
#include "index/vector_code.h"

namespace sightline::index {

// The vectors of a picture's patches as they are stored, and how well a query fits them. Pure.

// Bytes of one patch: a factor (4), and a bit a number, rounded up to 8 bytes, or a byte a number,
// rounded up to 64.
size_t PatchBytes(PatchCodes codes, int dimension);

// `patches` are unit vectors of `dimension` numbers, at least one and at most kMaxPatches; `codes`
// is not kNone.
inline constexpr size_t kMaxPatches = 1024;
std::string EncodePatches(PatchCodes codes, std::span<const std::vector<float>> patches,
                          int dimension);

// kDataLoss: not what EncodePatches makes of the same codes and dimension.
absl::StatusOr<size_t> CountPatches(absl::string_view stored, PatchCodes codes, int dimension);

// The words of a query, ready to be compared with patches. Any thread.
class PatchQuery {
 public:
  // At least one word, unit vectors of `dimension` numbers.
  PatchQuery(PatchCodes codes, int dimension, std::span<const std::vector<float>> words);

  // The mean over the words of the largest cosine with one of the patches; estimated, from bits
  // with some 0.05 to spare, from bytes with 0.01. kDataLoss as CountPatches.
  absl::StatusOr<float> Score(absl::string_view stored) const;

 private:
  const PatchCodes codes_;
  const int dimension_;
  std::vector<SignQuery> signs_;
  std::vector<QueryCode> bytes_;
};

}  // namespace sightline::index
