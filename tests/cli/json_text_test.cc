#include "cli/json_text.h"

#include <gtest/gtest.h>

namespace sightline::cli {
namespace {

TEST(JsonTextTest, EscapesAndKeepsOrder) {
  EXPECT_EQ(JsonString("a\"\\\n\x01\xff中"), "\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD中\"");
  EXPECT_EQ(JsonObject().Text("z", "1").Number("a", -2).Bool("b", true).Real("r", 0.5).Done(),
            "{\"z\":\"1\",\"a\":-2,\"b\":true,\"r\":0.500}");
  EXPECT_EQ(JsonObject().Done(), "{}");
}

}  // namespace
}  // namespace sightline::cli
