#include "index/filter.h"

#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "index/metadata.h"
#include "tests/support/status_matchers.h"

namespace sightline::index {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

DocumentEntry EntryWith(const std::string& json) {
  DocumentEntry entry;
  entry.id = "doc/1";
  entry.source = "s3://bucket/report.pdf";
  entry.media_type = "application/pdf";
  entry.metadata = *Metadata::Parse(json);
  return entry;
}

// Whether `filter` holds for a table on page 3 of a document with this metadata.
bool Holds(const std::string& filter, const std::string& json) {
  const auto parsed = Filter::Parse(filter);
  EXPECT_THAT(parsed, IsOk()) << filter;
  if (!parsed.ok()) return false;
  return parsed->AskPassage(EntryWith(json), PassageKind::kTable, 3);
}

constexpr char kSample[] = R"({"lang":"zh","year":2023,"price":9.5,"archived":false,"draft":true,
    "tag":["a","b"],"author":{"name":"Ann","born":1980},"parts":[{"n":1},{"n":2,"deep":{"x":true}}],
    "none":null,"empty":{},"weird name":1,"and":5,"big":9007199254740993})";

TEST(FilterTest, HoldsOrNotAsWritten) {
  const std::pair<const char*, bool> cases[] = {
      {"lang = \"zh\"", true},
      {"lang = 'zh'", true},
      {"lang = \"ZH\"", false},
      {"lang != \"en\"", true},
      {"lang < \"zi\" AND lang > \"zg\"", true},
      {"year = 2023", true},
      {"year = 2023.0", true},
      {"year >= 2023 AND year <= 2023", true},
      {"year > 2023 OR year < 2023", false},
      {"price > 9 and price < 10", true},
      {"price = 95e-1", true},
      {"year > -5", true},
      {"big = 9007199254740993", true},
      {"big = 9007199254740992", false},
      {"draft", true},
      {"archived", false},
      {"NOT archived", true},
      {"not draft", false},
      {"archived = false", true},
      {"draft != true", false},
      {"lang", false},
      {"missing", false},
      {"NOT missing", true},
      {"missing = 1", false},
      {"missing != 1", true},
      {"missing < 1", false},
      {"missing NOT IN (1)", true},
      {"year = \"2023\"", false},
      {"lang = 5", false},
      {"year < \"a\"", false},
      {"tag = \"a\"", true},
      {"tag = \"c\"", false},
      {"tag != \"a\"", false},
      {"tag IN (\"x\", \"b\")", true},
      {"tag NOT IN (\"x\", \"y\")", true},
      {"tag not in (\"x\", \"b\")", false},
      {"year IN (2022, 2023.0)", true},
      {"year IN (\"2023\", true)", false},
      {"draft IN (true)", true},
      {"archived IN (true)", false},
      {"author.name = \"Ann\"", true},
      {"author.born < 1990", true},
      {"parts.n = 2", true},
      {"parts.n = 3", false},
      {"parts.deep.x", true},
      {"EXISTS(author)", true},
      {"exists ( author.name )", true},
      {"EXISTS(author.age)", false},
      {"EXISTS(none)", false},
      {"EXISTS(empty)", true},
      {"EXISTS(tag)", true},
      {"`weird name` = 1", true},
      {"`and` = 5", true},
      {"`author`.name = \"Ann\"", true},
      {"true", true},
      {"false OR TRUE", true},
      {"lang = \"zh\" AND (year = 1 OR year = 2023) AND NOT (archived OR missing)", true},
      {"lang = \"en\" OR lang = \"zh\" AND year = 1", false},
      {"(lang = \"en\" OR lang = \"zh\") AND year = 2023", true},
      {"NOT NOT draft", true},
      {"_kind = \"table\"", true},
      {"_kind != \"table\"", false},
      {"_kind IN (\"text\", \"figure\")", false},
      {"_page = 3 AND _page > 2", true},
      {"_page IN (1, 2)", false},
      {"_document_id = \"doc/1\"", true},
      {"_source >= \"s3://\"", true},
      {"_media_type = \"application/pdf\"", true},
      {"", true},
      {" \t\n ", true},
  };
  for (const auto& [filter, holds] : cases) EXPECT_EQ(Holds(filter, kSample), holds) << filter;
}

TEST(FilterTest, StringsKnowTheirEscapes) {
  EXPECT_TRUE(Holds(R"(t = "a\"b\\c\/\n\t")", R"({"t":"a\"b\\c/\n\t"})"));
  EXPECT_TRUE(Holds(R"(t = "\u00e9\ud83d\ude00")", R"({"t":"é😀"})"));
  EXPECT_TRUE(Holds(R"(t = 'it\'s "so"')", R"({"t":"it's \"so\""})"));
  EXPECT_TRUE(Holds("größe = \"文本\"", R"({"größe":"文本"})"));
}

TEST(FilterTest, SaysAtWhichByteTheFaultStands) {
  const std::tuple<const char*, int, const char*> cases[] = {
      {"year >", 6, "expected a string, a number"},
      {"year = = 1", 7, "expected a string, a number"},
      {"= 1", 0, "expected a field name"},
      {"year 2023", 5, "expected AND, OR or the end"},
      {"(year = 1", 9, "expected AND, OR or )"},
      {"year = 1)", 8, "expected AND, OR or the end"},
      {"year = 1 AND", 12, "expected a field name"},
      {"AND", 0, "expected a field name (a keyword"},
      {"lang = \"zh", 7, "not closed"},
      {"lang = \"\\x\"", 8, "unknown escape"},
      {"lang = \"\\ud800\"", 8, "lone surrogate"},
      {"lang = \"\\udc00\"", 8, "lone surrogate"},
      {"lang = \"\\u12\"", 8, "four hexadecimal"},
      {"lang = zh", 7, "expected a string, a number"},
      {"tag IN \"a\"", 7, "expected ( after IN"},
      {"tag IN ()", 8, "expected a string, a number"},
      {"tag IN (1, )", 11, "expected a string, a number"},
      {"tag IN (1 2)", 10, "expected , or )"},
      {"tag NOT (1)", 8, "expected IN after NOT"},
      {"EXISTS author", 7, "expected ( after EXISTS"},
      {"EXISTS(_kind)", 7, "EXISTS asks for a metadata field"},
      {"a ! b", 2, "expected !="},
      {"a # b", 2, "unexpected character"},
      {"year = 1.2.3", 7, "malformed number"},
      {"year = 12ab", 7, "malformed number"},
      {"year = -", 7, "malformed number"},
      {"year = 1e999", 7, "out of range"},
      {"a. = 1", 2, "expected a field name after the dot"},
      {"`` = 1", 0, "empty name"},
      {"`abc = 1", 0, "not closed"},
      {"_unknown = 1", 0, "unknown built-in field"},
      {"_kind = \"poem\"", 8, "_kind is one of"},
      {"_kind < \"text\"", 6, "_kind compares only"},
      {"_page = \"one\"", 8, "_page compares with a number"},
      {"_source = 5", 10, "compares with a string"},
      {"_page", 0, "needs a comparison"},
      {"draft < true", 6, "true and false compare only"},
      {"lang = \"\xff\"", 8, "UTF-8"},
  };
  for (const auto& [filter, position, message] : cases) {
    EXPECT_THAT(
        Filter::Parse(filter),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 ::testing::AllOf(StartsWith(absl::StrCat("filter: at byte ", position, ": ")),
                                  HasSubstr(message))))
        << filter;
  }
}

TEST(FilterTest, BoundsDepthLengthAndLists) {
  const auto refused = [](const char* what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  const auto nested = [](int depth) {
    return std::string(depth, '(') + "a" + std::string(depth, ')');
  };
  EXPECT_THAT(Filter::Parse(nested(kMaxFilterDepth)), IsOk());
  EXPECT_THAT(Filter::Parse(nested(kMaxFilterDepth + 1)), refused("nested deeper"));
  EXPECT_THAT(Filter::Parse(nested(10'000)), refused("nested deeper"));
  std::string nots;
  for (int i = 0; i < 10'000; ++i) nots += "NOT ";
  EXPECT_THAT(Filter::Parse(nots + "a"), refused("nested deeper"));
  const auto list = [](size_t length) {
    std::string out = "a IN (1";
    for (size_t i = 1; i < length; ++i) out += ",1";
    return out + ")";
  };
  EXPECT_THAT(Filter::Parse(list(kMaxFilterListLength)), IsOk());
  EXPECT_THAT(Filter::Parse(list(kMaxFilterListLength + 1)), refused("values in a list"));
  EXPECT_THAT(Filter::Parse(list(100'000)), refused("longer than"));
  EXPECT_THAT(Filter::Parse("a = \"" + std::string(kMaxFilterBytes, 'x') + "\""),
              refused("longer than"));
  std::string chain = "a = 0";
  while (chain.size() + 16 < kMaxFilterBytes) chain += " OR a = 1";
  EXPECT_TRUE(Holds(chain, R"({"a":1})"));
}

TEST(FilterTest, AsksPassagesOnlyWhereTheAnswerDependsOnThem) {
  const DocumentEntry entry = EntryWith(kSample);
  const auto ask = [&](const char* filter) { return Filter::Parse(filter)->AskDocument(entry); };
  EXPECT_EQ(ask("lang = \"zh\""), Filter::Answer::kYes);
  EXPECT_EQ(ask("lang = \"en\" AND _page = 1"), Filter::Answer::kNo);
  EXPECT_EQ(ask("lang = \"zh\" AND _page = 1"), Filter::Answer::kDepends);
  EXPECT_EQ(ask("lang = \"zh\" OR _page = 1"), Filter::Answer::kYes);
  EXPECT_EQ(ask("NOT (_page = 1)"), Filter::Answer::kDepends);
  EXPECT_TRUE(Filter::Parse("a = 1 OR NOT _kind = \"text\"")->asks_for_passage());
  EXPECT_FALSE(Filter::Parse("_source = \"a\"")->asks_for_passage());
}

TEST(MetadataTest, RefusesWhatIsNotABoundedObject) {
  const auto refused = [](const char* what) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what));
  };
  EXPECT_THAT(Metadata::Parse(""), refused("not JSON"));
  EXPECT_THAT(Metadata::Parse("{"), refused("at byte"));
  EXPECT_THAT(Metadata::Parse("{} x"), refused("not JSON"));
  EXPECT_THAT(Metadata::Parse("[1]"), refused("expected a JSON object, got array"));
  EXPECT_THAT(Metadata::Parse("null"), refused("got null"));
  EXPECT_THAT(Metadata::Parse("{\"a\":1e400}"), refused("out of range"));
  EXPECT_THAT(Metadata::Parse("{\"a\":\"\xff\"}"), refused("not JSON"));
  EXPECT_THAT(Metadata::Parse("{\"a\":\"\\ud800\"}"), refused("not JSON"));
  EXPECT_THAT(Metadata::Parse("{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}"),
              IsOk());
  EXPECT_THAT(Metadata::Parse("{\"a\":" + std::string(32, '[') + std::string(32, ']') + "}"),
              refused("nested deeper"));
  EXPECT_THAT(Metadata::Parse(std::string(1'000'000, '[')), refused("bytes"));
  EXPECT_THAT(
      Metadata::Parse(R"({"brackets in text":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"["})"),
      IsOk());
}

}  // namespace
}  // namespace sightline::index
