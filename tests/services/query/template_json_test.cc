#include "services/query/template_json.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

TEST(TemplateJsonTest, WritesWhatPythonWrites) {
  // Right: json.dumps(json.loads(left), ensure_ascii=False).
  const std::pair<const char*, const char*> cases[] = {
      {R"({"b":1,"a":[true,null,"\u00e9\n\"\\/"]})", R"({"b": 1, "a": [true, null, "é\n\"\\/"]})"},
      {"[]", "[]"},
      {"{}", "{}"},
      {"[1.0,1e0,0.1,100.0,123456.789]", "[1.0, 1.0, 0.1, 100.0, 123456.789]"},
      {"[1e-7,-2.5E-5,0.0001,1e15,1e16,1e22]",
       "[1e-07, -2.5e-05, 0.0001, 1000000000000000.0, 1e+16, 1e+22]"},
      {"[-0.0,-3,18446744073709551615]", "[-0.0, -3, 18446744073709551615]"},
  };
  for (const auto& [given, expected] : cases) {
    ASSERT_OK_AND_ASSIGN(const std::string text, TemplateJson(given));
    EXPECT_EQ(text, expected);
  }
}

TEST(TemplateJsonTest, RefusesWhatIsNoJsonOrNestsTooDeep) {
  for (const std::string& text : {std::string("{"), std::string(""), std::string("[1,]"),
                                  std::string(65, '[') + std::string(65, ']')}) {
    EXPECT_EQ(TemplateJson(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_TRUE(TemplateJson(std::string(64, '[') + std::string(64, ']')).ok());
}

}  // namespace
}  // namespace sightline::query
