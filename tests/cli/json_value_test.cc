#include "proto/json_value.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace sightline {
namespace {

// What the library writes for the same value.
std::string Reference(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

TEST(JsonValueTest, StringsAreWrittenAsTheLibraryWritesThem) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int n = static_cast<int>(random() % 24); n > 0; --n) {
      // Mostly ASCII, so that whole words of it stand before and after what is not.
      text += static_cast<char>(random() % 4 == 0 ? random() % 256 : random() % 128);
    }
    if (round % 3 == 0) text += "中文 é 🙂";
    ASSERT_EQ(JsonValue(text).Text(), Reference(text)) << testing::PrintToString(text);
  }
}

TEST(JsonValueTest, NumbersAreWrittenAsTheLibraryWritesThem) {
  std::vector<double> values = {0.0,  -0.0, 1,     -1,    0.5,    1e15,  1e14,   123456789012345.0,
                                1e-4, 1e-5, 1e300, 1e-99, 5e-324, 1e100, 1.5e20, -0.00012345};
  std::mt19937_64 random(2);
  for (int i = 0; i < 50'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
    values.push_back(std::round(static_cast<double>(random() % 10'000'000)) / 1e6);
  }
  for (const double value : values) {
    const std::string text = JsonValue(value).Text();
    const std::string reference = Reference(value);
    if (text == reference) continue;
    // The library's digits are not always the fewest, nor of as many the nearest.
    EXPECT_LE(text.size(), reference.size());
    EXPECT_EQ(nlohmann::json::parse(text).get<double>(), value) << text;
  }
  EXPECT_EQ(JsonValue(0.85f).Text(), "0.85");
  EXPECT_EQ(JsonValue(std::numeric_limits<int64_t>::min()).Text(), "-9223372036854775808");
  EXPECT_EQ(JsonValue(std::numeric_limits<uint64_t>::max()).Text(), "18446744073709551615");
  EXPECT_EQ(JsonValue(std::nan("")).Text(), "null");
  EXPECT_EQ(JsonValue(-std::numeric_limits<float>::infinity()).Text(), "null");
}

TEST(JsonValueTest, ObjectsAndArraysKeepTheOrderInWhichTheyAreFilled) {
  JsonValue inner = JsonValue::array({1, "two"});
  inner.push_back(JsonValue::object());
  inner.push_back(JsonValue::array());
  JsonValue out;
  EXPECT_EQ(out.Text(), "null");
  out["z"] = true;
  out["a\""] = inner;
  out["m"] = JsonValue{{"x", nullptr}, {"y", 2.0}};
  EXPECT_EQ(out.Text(), R"({"z":true,"a\"":[1,"two",{},[]],"m":{"x":null,"y":2.0}})");
}

}  // namespace
}  // namespace sightline
