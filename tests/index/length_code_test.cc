#include "index/length_code.h"

#include <gtest/gtest.h>

namespace sightline::index {
namespace {

TEST(LengthCodeTest, IsExactForShortTextsAndNeverTooLong) {
  uint8_t before = 0;
  for (uint32_t length = 0; length < 600'000; ++length) {
    const uint8_t code = LengthCode(length);
    const uint32_t least = LeastLength(code);
    ASSERT_GE(code, before) << length;
    ASSERT_LE(least, length);
    if (length < 32) {
      ASSERT_EQ(least, length);
    } else if (length < 524'288) {
      ASSERT_LT((length - least) * 16, length);
    }
    before = code;
  }
  EXPECT_EQ(LengthCode(UINT32_MAX), 255);
}

TEST(LengthCodeTest, EveryCodeIsThatOfItsLeastLength) {
  for (uint32_t code = 0; code < 256; ++code) {
    EXPECT_EQ(LengthCode(LeastLength(static_cast<uint8_t>(code))), code);
  }
}

}  // namespace
}  // namespace sightline::index
