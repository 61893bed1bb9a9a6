#include "model/finite.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace sightline::model {
namespace {

struct Case {
  DType dtype;
  uint64_t largest;   // finite
  uint64_t infinity;  // or, in E4M3, its only NaN
  uint64_t nan;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {DType::kF64, 0x7FEF'FFFF'FFFF'FFFF, 0x7FF0'0000'0000'0000, 0xFFF8'0000'0000'0001},
      {DType::kF32, 0x7F7F'FFFF, 0x7F80'0000, 0xFFC0'0001},
      {DType::kBF16, 0x7F7F, 0x7F80, 0xFFC1},
      {DType::kF16, 0x7BFF, 0xFC00, 0x7E00},
      {DType::kF8E5M2, 0x7B, 0x7C, 0xFE},
      {DType::kF8E4M3, 0x7E, 0x7F, 0xFF}};
  return cases;
}

TEST(FiniteTest, FindsOneBadNumberAtAnyPlace) {
  for (const Case& one : Cases()) {
    const size_t width = DTypeBytes(one.dtype);
    for (const size_t count : {1, 3, 4096, 4097, 10000}) {
      // One byte in front: weights start at any address.
      std::string bytes(1 + width * count, '\0');
      const auto put = [&](size_t i, uint64_t bits) {
        std::memcpy(bytes.data() + 1 + width * i, &bits, width);
      };
      const auto check = [&] {
        return AllFinite(
            {"t", one.dtype, {static_cast<int64_t>(count)}, absl::string_view(bytes).substr(1)});
      };
      for (size_t i = 0; i < count; ++i) put(i, one.largest);
      EXPECT_TRUE(check()) << DTypeName(one.dtype) << " " << count;
      for (const size_t place : {size_t{0}, count / 2, count - 1}) {
        for (const uint64_t bad : {one.infinity, one.nan}) {
          put(place, bad);
          EXPECT_FALSE(check()) << DTypeName(one.dtype) << " " << place << " of " << count;
          put(place, one.largest);
        }
      }
    }
  }
}

TEST(FiniteTest, WholeNumbersAndNothingAreFinite) {
  EXPECT_TRUE(AllFinite({"t", DType::kI32, {1}, absl::string_view("\xff\xff\xff\x7f", 4)}));
  EXPECT_TRUE(AllFinite({"t", DType::kF32, {0}, absl::string_view()}));
}

}  // namespace
}  // namespace sightline::model
