#include "services/gateway/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ParseJsonTest, ReadsWhatIsJson) {
  ASSERT_OK_AND_ASSIGN(const auto value, ParseJson(R"( {"a":[1,true,null,"é\n"],"b":{"a":2}} )"));
  EXPECT_EQ(boost::json::serialize(value), R"({"a":[1,true,null,"é\n"],"b":{"a":2}})");
}

TEST(ParseJsonTest, RefusesTheRestAndSaysWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "byte 0"},
      {"{\"a\":1,\"a\":2}", "\"a\" is given twice"},
      {"[1e400]", "too large"},
      {"\xef\xbb\xbf{}", "byte 0"},
      {"{} x", "byte 3: unexpected text"},
      {R"("\ud800")", "byte"},
      {"[\"\xff\"]", "byte"},
      {"{\"a\":tru", "byte 8"},
      {"{'a':1}", "byte 1"},
      {"[1,]", "byte 3"},
      {"NaN", "byte 0"}};
  for (const auto& [text, words] : cases) {
    EXPECT_THAT(ParseJson(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(words)))
        << text;
  }
}

TEST(ParseJsonTest, NestingEndsAt32) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_THAT(ParseJson(nested(32)), IsOk());
  EXPECT_THAT(ParseJson(nested(33)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson(std::string(1000000, '[')), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson(std::string(1000000, '9')), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace sightline::gateway
