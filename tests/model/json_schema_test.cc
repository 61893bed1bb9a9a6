#include "model/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "base/utf8.h"
#include "tests/model/format_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::nlohmann::json;
using ::sightline::testing::FullVocabulary;
using ::sightline::testing::IsOk;
using ::sightline::testing::LetsThrough;
using ::sightline::testing::MasksFor;
using ::sightline::testing::StatusIs;
using ::sightline::testing::TinyVocabulary;
using ::sightline::testing::Vocabulary;
using ::sightline::testing::WriteAtRandom;
using ::sightline::testing::Written;
using ::testing::HasSubstr;

// In the words of draft 7, which the validator knows.
const char* const kSchemas[] = {
    R"({"type":"null"})",
    R"({"type":"boolean"})",
    R"({"type":"integer"})",
    R"({"type":"number"})",
    R"({"type":"string"})",
    R"({"type":"array"})",
    R"({"type":"object"})",
    R"(true)",
    R"({})",
    R"({"type":["string","null","integer"]})",
    R"({"type":"string","minLength":3})",
    R"({"type":"string","maxLength":4})",
    R"({"type":"string","minLength":2,"maxLength":6})",
    R"({"type":"string","pattern":"^[A-Z]{2}-\\d{3}$"})",
    R"({"type":"string","pattern":"b+c"})",
    R"({"type":"string","pattern":"^(ab|cd)+$","minLength":4,"maxLength":8})",
    R"({"type":"string","pattern":"^a|z$"})",
    R"({"type":"integer","minimum":-17,"maximum":23})",
    R"({"type":"integer","minimum":95})",
    R"({"type":"integer","maximum":-95})",
    R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":1000})",
    R"({"type":"integer","minimum":0.5,"maximum":1e3})",
    R"({"type":"number","minimum":0,"maximum":1})",
    R"({"type":"number","exclusiveMinimum":-0.25,"exclusiveMaximum":0.125})",
    R"({"type":"number","minimum":99.5})",
    R"({"type":"number","maximum":-1e-3,"minimum":-2.5})",
    R"({"enum":["red","green",null,7,1.5,true,{"a":[1,2]},["x"],"gr\"een\\","grün","line\nend"]})",
    R"({"type":"string","enum":["one",2,"three"]})",
    R"({"const":{"kind":"fixed","n":[1,2,3]}})",
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},
        "required":["a","b"],"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},
        "c":{"type":"null"}},"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"boolean"},"ab":{"type":"null"}},
        "required":["ab"],"additionalProperties":{"type":"integer"}})",
    R"({"type":"object","properties":{"Größe":{"type":"integer"},"名前":{"type":"string"},
        "a\"b\\":{"type":"boolean"}},"required":["名前"],"additionalProperties":true})",
    R"({"type":"object","additionalProperties":{"type":"array","items":{"type":"boolean"}}})",
    R"({"type":"object","required":["x","y"],"additionalProperties":{"type":"integer"}})",
    R"({"type":"object","properties":{"never":false,"a":true},"required":["a"]})",
    R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":4})",
    R"({"type":"array","items":{"type":"boolean"},"minItems":3})",
    R"({"type":"array","items":{"type":"string","maxLength":2},"maxItems":2})",
    R"({"type":"array","items":[{"type":"integer"},{"type":"string"}],"additionalItems":false,
        "minItems":1})",
    R"({"type":"array","items":[{"type":"integer"}],"additionalItems":{"type":"null"}})",
    R"({"type":"array","maxItems":0})",
    R"({"type":"array","items":{"type":"array","items":{"type":"array","items":{"enum":[0,1]},
        "minItems":1},"minItems":1},"minItems":1})",
    R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":3},{"type":"null"}]})",
    R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},
          "required":["kind","x"],"additionalProperties":false},
        {"type":"object","properties":{"kind":{"const":"b"},"y":{"type":"string"}},
          "required":["kind"],"additionalProperties":false}]})",
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
        "anyOf":[{"required":["a"]},{"required":["b"]}]})",
    R"({"allOf":[{"type":"integer","minimum":3},{"maximum":9}]})",
    R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},
        {"properties":{"b":{"type":"boolean"},"a":{"minimum":5}},"required":["b"]}]})",
    R"({"definitions":{"point":{"type":"object","properties":{"x":{"type":"number"},
          "y":{"type":"number"}},"required":["x","y"],"additionalProperties":false}},
        "type":"object","properties":{"from":{"$ref":"#/definitions/point"},
          "to":{"$ref":"#/definitions/point"}},"required":["from","to"]})",
    R"({"definitions":{"node":{"type":"object","properties":{"value":{"type":"integer"},
          "children":{"type":"array","items":{"$ref":"#/definitions/node"}}},
          "required":["value","children"],"additionalProperties":false}},
        "$ref":"#/definitions/node"})",
    R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},
        "required":["next"],"additionalProperties":false})",
    R"({"definitions":{"expr":{"anyOf":[{"type":"integer"},{"type":"array",
          "items":[{"enum":["+","*"]},{"$ref":"#/definitions/expr"},{"$ref":"#/definitions/expr"}],
          "minItems":3,"maxItems":3}]}},"$ref":"#/definitions/expr"})",
    R"({"type":"object","properties":{"title":{"type":"string"},"year":{"type":"integer",
          "minimum":1900,"maximum":2030},"tags":{"type":"array","items":{"type":"string",
          "pattern":"^[a-z]+$"},"maxItems":3},"meta":{"type":"object"}},"required":["title"]})",
    R"({"minimum":5,"maxLength":2})",
    R"({"properties":{"a":{"const":1}},"required":["a"]})",
};

// What the validator says; "" = valid.
std::string Faults(const json& schema_text, const json& value) {
  valijson::Schema schema;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_text), schema);
  valijson::ValidationResults results;
  valijson::Validator validator;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(value), &results)) {
    return "";
  }
  valijson::ValidationResults::Error error;
  return results.popError(error) ? error.description : "invalid";
}

// Writes texts of every schema and returns how many, with the first fault in `fault`.
int WriteAndCheck(const Vocabulary& vocabulary, const std::vector<int64_t>& budgets, int runs,
                  bool masked, std::string& fault) {
  std::mt19937_64 random(3);
  int written_texts = 0;
  for (const std::string schema : kSchemas) {
    const json parsed = json::parse(schema);
    auto masks = MasksFor(JsonSchemaFormat{schema}, vocabulary);
    if (!masks.ok()) {
      fault = schema + ": " + std::string(masks.status().message());
      return written_texts;
    }
    for (int run = 0; run < runs; ++run) {
      for (const int64_t more : budgets) {
        const int64_t budget = (*masks)->MinTokens() + more;
        const Written written = WriteAtRandom(*masks, vocabulary, budget, random, masked);
        ++written_texts;
        std::string found = written.fault;
        if (written.tokens > budget) found = "too many tokens";
        const json value = json::parse(written.text, nullptr, /*allow_exceptions=*/false);
        if (found.empty() && value.is_discarded()) found = "does not parse";
        if (found.empty()) found = Faults(parsed, value);
        if (!found.empty()) {
          fault = schema + ": " + found + ": " + written.text;
          return written_texts;
        }
      }
    }
  }
  return written_texts;
}

TEST(JsonSchemaTest, RandomTextsAreValid) {
  std::string fault;
  const int texts =
      WriteAndCheck(TinyVocabulary(), {0, 1, 4, 20, 80, 300}, 4, /*masked=*/true, fault);
  EXPECT_EQ(fault, "");
  EXPECT_GE(texts, 1000);
}

TEST(JsonSchemaTest, RandomTextsOfTheFullVocabularyAreValid) {
  if (FullVocabulary() == nullptr) GTEST_SKIP() << "no full reference set";
  std::string fault;
  WriteAndCheck(*FullVocabulary(), {0, 30}, 1, /*masked=*/true, fault);
  EXPECT_EQ(fault, "");
}

TEST(JsonSchemaTest, WithoutMasksTheCheckFindsFaults) {
  std::string fault;
  WriteAndCheck(TinyVocabulary(), {20}, 1, /*masked=*/false, fault);
  EXPECT_NE(fault, "");
}

TEST(JsonSchemaTest, ValidTextsGetThroughAndOthersDoNot) {
  const struct {
    const char* schema;
    std::vector<std::string> good, bad;
  } cases[] = {
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},
           "required":["a"]})",
       {R"({"a":1})", R"({"a": 1, "b": "x"})", R"({"a":-20,"b":""})"},
       {"{}", R"({"b":"x"})", R"({"b":"x","a":1})", R"({"a":1,"c":2})", R"({ "a":1})",
        R"({"a":1.5})", R"({"a":1)", R"({"a":1,})", R"({"a":01})"}},
      {R"({"properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}})",
       {"{}", R"({"x":null})", R"({"a":1,"x":null, "ab":null,"":null})"},
       {R"({"a":null})", R"({"x":1})"}},
      {R"({"type":"string"})",
       {R"("é\n\"\\")", R"("")", R"("日本 😀")"},
       {R"("\u0041")", R"("\/")", "\"\n\"", R"("a)", R"(a)"}},
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {R"("ab")", R"("日本語")", R"("\n\n")"},
       {R"("a")", R"("abcd")"}},
      {R"({"type":"integer","minimum":-5,"maximum":120})",
       {"-5", "0", "9", "99", "120"},
       {"-6", "121", "1000", "00", "-0", "-", "1.0", "1e1"}},
      {R"({"type":"number","minimum":-0.5,"maximum":2})",
       {"-0.5", "-0.499", "0", "0.0", "1.999999", "2", "2.0"},
       {"-0.51", "2.1", "3", "1e0", "2.", ".5", "-1"}},
      {R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})",
       {"0.000001", "0.5", "0.999999"},
       {"0", "0.0", "1", "1.0", "0.000000"}},
      {R"({"type":"number"})", {"-1.5e-10", "0", "3E+2"}, {"+1", "01", "1.", "1e100", "NaN"}},
      {R"({"type":"string","pattern":"b+c"})", {R"("abbcd")", R"("bc")"}, {R"("abd")"}},
      {R"({"type":"string","pattern":"^a|z$"})", {R"("ax")", R"("xz")"}, {R"("xax")"}},
      {R"({"type":"string","format":"date"})",
       {R"("2024-02-29")", R"("1999-12-31")", R"("2000-02-29")"},
       {R"("2023-02-29")", R"("1900-02-29")", R"("2023-13-01")", R"("2023-04-31")",
        R"("23-01-01")"}},
      {R"({"format":"date-time"})",
       {R"("2024-02-29T23:59:59Z")", R"("2024-01-01T00:00:00.25+01:30")"},
       {R"("2024-01-01T24:00:00Z")", R"("2024-01-01T00:00:00")", R"("2024-01-01")"}},
      {R"({"format":"time"})", {R"("10:20:30Z")"}, {R"("10:20")"}},
      {R"({"format":"uuid"})",
       {R"("123e4567-e89b-12d3-a456-426614174000")"},
       {R"("123e4567-e89b-12d3-a456")"}},
      {R"({"format":"email"})", {R"("a.b@example.org")"}, {R"("a@b")", R"("@b.c")"}},
      {R"({"format":"ipv4"})", {R"("192.168.0.255")"}, {R"("256.1.1.1")", R"("01.1.1.1")"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"string"}],"minItems":1})",
       {"[1]", R"([1, "x"])"},
       {"[]", R"(["x"])", R"([1,"x",2])"}},
      {R"({"prefixItems":[{"type":"integer"}],"items":{"type":"boolean"},"maxItems":3})",
       {"[]", "[1]", "[1,true,false]"},
       {"[true]", "[1,2]", "[1,true,true,true]"}},
      {R"({"$defs":{"a b":{"enum":["x"]}},"$ref":"#/$defs/a%20b"})", {R"("x")"}, {R"("y")"}},
      {R"({"type":"string","anyOf":[{"minLength":3},{"enum":["a",1]}]})",
       {R"("abc")", R"("a")"},
       {R"("b")", "1"}},
      {R"({"enum":[1,"a",{"b": [null]}]})", {"1", R"("a")", R"({"b":[null]})"}, {"2", "null"}},
      {"true", {"null", "[1,[2,{}]]", R"({"a":{"b":[]}})", "-0.5"}, {"nul", "[1,]", "{a:1}"}},
  };
  for (const auto& c : cases) {
    ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(JsonSchemaFormat{c.schema}, TinyVocabulary()));
    for (const std::string& text : c.good) {
      EXPECT_TRUE(LetsThrough(masks, TinyVocabulary(), text)) << c.schema << " " << text;
    }
    for (const std::string& text : c.bad) {
      EXPECT_FALSE(LetsThrough(masks, TinyVocabulary(), text)) << c.schema << " " << text;
    }
  }
}

TEST(JsonSchemaTest, FormatsWriteWhatTheyName) {
  const std::pair<const char*, const char*> cases[] = {
      {"date", R"(\d{4}-\d\d-\d\d)"},
      {"time", R"(\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))"},
      {"date-time", R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))"},
      {"uuid", R"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"},
      {"email", R"([^@ ]+@[^@ .]+(\.[^@ .]+)+)"},
      {"ipv4", R"(\d+\.\d+\.\d+\.\d+)"},
      {"hostname", R"([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)"},
      {"uri", R"([a-z]+://[^ ]+)"},
  };
  std::mt19937_64 random(9);
  for (const auto& [name, pattern] : cases) {
    const json schema = {{"type", "string"}, {"format", name}};
    ASSERT_OK_AND_ASSIGN(const auto masks,
                         MasksFor(JsonSchemaFormat{schema.dump()}, TinyVocabulary()));
    for (int run = 0; run < 20; ++run) {
      const Written written =
          WriteAtRandom(masks, TinyVocabulary(), masks->MinTokens() + run, random);
      const json value = json::parse(written.text);
      EXPECT_TRUE(std::regex_match(value.get<std::string>(), std::regex(pattern))) << value;
    }
  }
}

TEST(JsonSchemaTest, ShortestTextsAreAsShortAsTheyCanBe) {
  const std::pair<const char*, int64_t> cases[] = {
      {"true", 1},  // a digit
      {R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})", 7},
      {R"({"type":"array","items":{"type":"null"},"minItems":3})", 16},
      {R"({"type":"string","minLength":2,"pattern":"x"})", 4},
      {R"({"definitions":{"n":{"type":"object","properties":{"c":{"type":"array","minItems":0,
           "items":{"$ref":"#/definitions/n"}}},"required":["c"]}},"$ref":"#/definitions/n"})",
       8},
  };
  for (const auto& [schema, least] : cases) {
    ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(JsonSchemaFormat{schema}, TinyVocabulary()));
    EXPECT_EQ(masks->MinTokens(), least) << schema;
  }
}

// A text that must nest ends also where every choice is for more of it.
TEST(JsonSchemaTest, RecursionEndsByItself) {
  const char* const schema =
      R"({"type":"object","properties":{"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},
          "required":["n"]})";
  ASSERT_OK_AND_ASSIGN(const auto masks, MasksFor(JsonSchemaFormat{schema}, TinyVocabulary()));
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "{\"n\":";
  EXPECT_TRUE(LetsThrough(masks, TinyVocabulary(), deep + "null" + std::string(65, '}')));
  deep += "{\"n\":";
  EXPECT_FALSE(LetsThrough(masks, TinyVocabulary(), deep + "null" + std::string(66, '}')));
}

TEST(JsonSchemaTest, NamesTheFaultsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "JSON"},
      {"7", "the root: expected an object"},
      {R"({"type":"strnig"})", "/type: expected the name"},
      {R"({"not":{}})", "/not: not supported"},
      {R"({"properties":{"a/b":{"uniqueItems":true}}})", "/properties/a~1b/uniqueItems"},
      {R"({"type":"integer","multipleOf":5})", "/multipleOf"},
      {R"({"items":{"contains":{}}})", "/items/contains"},
      {R"({"patternProperties":{"a":{}}})", "/patternProperties"},
      {R"({"if":{},"then":{}})", "/if"},
      {R"({"type":"object","minProperties":1})", "/minProperties"},
      {R"({"type":"object","properties":{"a":true,"b":true},"maxProperties":1})", "/maxProperties"},
      {R"x({"type":"string","pattern":"(?=x)"})x", "/pattern: regex: character 1: look-around"},
      {R"({"type":"string","format":"isbn"})", "/format: \"isbn\""},
      {R"({"type":"string","format":"date","pattern":"x"})", "/format: not supported beside"},
      {R"({"type":"string","minLength":-1})", "/minLength"},
      {R"({"type":"string","maxLength":900000})", "over 100000 states"},
      {R"({"enum":["a"],"minLength":1})", "/minLength: not supported beside enum"},
      {R"({"enum":7})", "/enum: expected a list"},
      {R"({"anyOf":[]})", "/anyOf: expected a list"},
      {R"({"$ref":"#/$defs/x"})", "/$ref: \"#/$defs/x\" leads to nothing"},
      {R"({"$ref":"other.json"})", "/$ref: \"other.json\" leads out"},
      {R"({"$ref":"#"})", "starts with itself"},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "starts with itself"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", "no text"},
      {R"({"type":"integer","minimum":5,"maximum":4})", "no text"},
      {"false", "no text"},
      {R"({"type":"array","minItems":2,"maxItems":1})", "no text"},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})", "/allOf: two of \"pattern\""},
      {R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},
          {"properties":{"b":{}}}]})",
       "/allOf: additionalProperties"},
      {R"({"type":"number","minimum":0.12345678901234567})", "digits"},
      {R"({"type":"integer","minimum":123456789012345678})", "digits"},
      {R"({"unevaluatedProperties":false})", "/unevaluatedProperties"},
      {R"({"type":"array","items":{"type":"array","items":{"type":"string","maxLength":45000},
          "minItems":9},"prefixItems":[{"maxLength":45000},{"maxLength":45000},
          {"maxLength":45000},{"maxLength":45000},{"maxLength":45000}]})",
       "too large"},
  };
  for (const auto& [schema, message] : cases) {
    EXPECT_THAT(CompileFormat(JsonSchemaFormat{schema}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << schema;
  }
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += R"({"items":)";
  EXPECT_THAT(CompileFormat(JsonSchemaFormat{nested + "{}" + std::string(100, '}')}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
}

TEST(JsonSchemaTest, PassesOverAnnotationsAndUnknownKeywords) {
  EXPECT_THAT(CompileFormat(JsonSchemaFormat{
                  R"({"$schema":"x","$id":"y","title":"t","description":"d","default":1,
                      "examples":[],"$comment":"c","deprecated":true,"x-own":{"not":{}},
                      "nullable":true,"type":"integer","uniqueItems":false})"}),
              IsOk());
}

}  // namespace
}  // namespace sightline::model
