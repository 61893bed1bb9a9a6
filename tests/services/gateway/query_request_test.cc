#include "services/gateway/query_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/edge/error_details.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Request JsonRequest(std::string body) {
  Request request;
  request.content_type = "application/json";
  request.body = std::move(body);
  request.deadline = absl::InfiniteFuture();
  request.max_timeout = absl::Minutes(1);
  return request;
}

Request FormRequest(const std::vector<Part>& parts) {
  Request request = JsonRequest(FormText(parts));
  request.content_type = "multipart/form-data; boundary=frontier";
  return request;
}

std::string FieldAtFault(const absl::Status& status) {
  const auto fields = edge::Fields(status);
  return fields.empty() ? "" : fields[0].field;
}

TEST(ReadQueryTest, AHistoryIsMadeOfMessages) {
  ASSERT_OK_AND_ASSIGN(const QueryRequest query,
                       ReadQuery(JsonRequest(R"({"collection":"c","text":"And who makes it?",
      "history":[{"role":"user","content":[{"type":"text","text":"What is it?"},
                  {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]},
                 {"role":"assistant","content":"A cup."}]})"),
                                 QueryKind::kSearch));
  const v1::SearchRequest& search = query.request.search();
  ASSERT_EQ(search.history_size(), 2);
  EXPECT_EQ(search.history(0).content(1).image(), "ABC");
  EXPECT_EQ(search.history(1).role(), "assistant");
  EXPECT_EQ(search.history(1).content(0).text(), "A cup.");
}

TEST(ReadQueryTest, ReadsEveryFieldOfAnAnswer) {
  ASSERT_OK_AND_ASSIGN(const QueryRequest query,
                       ReadQuery(JsonRequest(R"({"text":"hi","images":["data:image/png;base64,QUJD",
        "https://host/a.png"],"collection":"c","k":5,"filter":"a = 1","mode":"dense","rerank":true,
        "group_by_document":true,"group_size":2,"neighbours":1,"explain":true,"no_patches":true,
        "dense_weight":0.25,"second_look":false,
        "time_from":"2024-01-01","time_to":"2024-12-31","crop":[null,[0,0,0.5,1]],"instruction":"i","candidates":50,"stream":true,
        "answer_mode":"extractive","verdict_policy":"drop","max_tokens":9,"temperature":0,
        "top_p":0.5,"top_k":4,"repetition_penalty":1.1,"presence_penalty":1,
        "seed":18446744073709551615,"stop":["x"],"json_schema":{"type":"object"},
        "reasoning":true})"),
                                 QueryKind::kAnswer));
  const v1::SearchRequest& search = query.request.search();
  ASSERT_EQ(search.query_size(), 3);
  EXPECT_EQ(search.query(0).image(), "ABC");
  EXPECT_FALSE(search.query(0).has_crop());
  EXPECT_EQ(search.query(1).image_uri(), "https://host/a.png");
  EXPECT_EQ(search.query(1).crop().x1(), 0.5f);
  EXPECT_EQ(search.query(2).text(), "hi");
  EXPECT_EQ(search.k(), 5);
  EXPECT_EQ(search.mode(), v1::SEARCH_MODE_DENSE);
  EXPECT_TRUE(search.rerank());
  EXPECT_EQ(search.candidates(), 50);
  EXPECT_TRUE(search.group_by_document());
  EXPECT_EQ(search.group_size(), 2);
  EXPECT_EQ(search.neighbours(), 1);
  EXPECT_TRUE(search.explain());
  EXPECT_TRUE(search.no_patches());
  EXPECT_EQ(search.dense_weight(), 0.25);
  EXPECT_TRUE(search.has_second_look());
  EXPECT_FALSE(search.second_look());
  EXPECT_EQ(search.time_from(), "2024-01-01");
  EXPECT_EQ(search.time_to(), "2024-12-31");
  EXPECT_TRUE(query.stream);
  EXPECT_EQ(query.request.mode(), v1::ANSWER_MODE_EXTRACTIVE);
  EXPECT_EQ(query.request.verdict_policy(), v1::VERDICT_POLICY_DROP);
  EXPECT_EQ(query.request.sampling().max_tokens(), 9);
  EXPECT_TRUE(query.request.sampling().has_temperature());
  EXPECT_EQ(query.request.sampling().seed(), 18446744073709551615u);
  EXPECT_THAT(query.request.sampling().stop(), ElementsAre("x"));
  EXPECT_EQ(query.request.json_schema(), R"({"type":"object"})");
  EXPECT_TRUE(query.request.reasoning());
}

TEST(ReadQueryTest, AFormSaysTheSameAsJson) {
  ASSERT_OK_AND_ASSIGN(const QueryRequest query, ReadQuery(FormRequest({{"image", "ABC", "a.png"},
                                                                        {"text", "hi", ""},
                                                                        {"collection", "c", ""},
                                                                        {"k", "5", ""},
                                                                        {"rerank", "true", ""},
                                                                        {"crop", "0,0,0.5,1", ""},
                                                                        {"stop", "x", ""},
                                                                        {"stop", "y", ""}}),
                                                           QueryKind::kAnswer));
  EXPECT_EQ(query.request.search().query(0).image(), "ABC");
  EXPECT_EQ(query.request.search().query(0).crop().x1(), 0.5f);
  EXPECT_EQ(query.request.search().query(1).text(), "hi");
  EXPECT_EQ(query.request.search().k(), 5);
  EXPECT_TRUE(query.request.search().rerank());
  EXPECT_THAT(query.request.sampling().stop(), ElementsAre("x", "y"));
}

TEST(ReadQueryTest, PartsCarryWeightsAndStoredThings) {
  const std::string parts =
      R"([{"text":"heels","weight":-0.5},{"image":"data:image/png;base64,QUJD",)"
      R"("crop":[0,0,0.5,1]},{"passage_id":"7"},{"document_id":"d"}])";
  ASSERT_OK_AND_ASSIGN(
      const QueryRequest json,
      ReadQuery(JsonRequest(R"({"collection":"c","text":"boots","parts":)" + parts + "}"),
                QueryKind::kSearch));
  ASSERT_OK_AND_ASSIGN(
      const QueryRequest form,
      ReadQuery(FormRequest({{"collection", "c", ""}, {"text", "boots", ""}, {"parts", parts, ""}}),
                QueryKind::kSearch));
  for (const QueryRequest& query : {json, form}) {
    const auto& sent = query.request.search().query();
    ASSERT_EQ(sent.size(), 5);
    EXPECT_EQ(sent[0].text(), "boots");
    EXPECT_FALSE(sent[0].has_weight());
    EXPECT_EQ(sent[1].text(), "heels");
    EXPECT_EQ(sent[1].weight(), -0.5f);
    EXPECT_EQ(sent[2].image(), "ABC");
    EXPECT_EQ(sent[2].crop().x1(), 0.5f);
    EXPECT_EQ(sent[3].passage_id(), "7");
    EXPECT_EQ(sent[4].document_id(), "d");
  }
}

TEST(ReadQueryTest, NamesTheFieldAtFault) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"text":"a"})", "collection"},
      {R"({"collection":"c"})", "text"},
      {R"({"collection":"c","text":5})", "text"},
      {R"({"collection":"c","text":"a","k":0})", "k"},
      {R"({"collection":"c","text":"a","k":-1})", "k"},
      {R"({"collection":"c","text":"a","k":1.5})", "k"},
      {R"({"collection":"c","text":"a","k":2147483648})", "k"},
      {R"({"collection":"c","text":"a","k":"5"})", "k"},
      {R"({"collection":"c","text":"a","top":3})", "top"},
      {R"({"collection":"c","text":"a","max_tokens":3})", "max_tokens"},
      {R"({"collection":"c","text":"a","mode":"best"})", "mode"},
      {R"({"collection":"c","text":"a","rerank":1})", "rerank"},
      {R"({"collection":"c","text":"a","timeout":0})", "timeout"},
      {R"({"collection":"c","text":"a","crop":[0,0,1,1]})", "crop"},
      {R"({"collection":"c","images":["http://h/a"],"crop":[0,0,0,1]})", "crop"},
      {R"({"collection":"c","images":["http://h/a"],"crop":[0,0,1]})", "crop"},
      {R"({"collection":"c","images":["http://h/a","file://host/passwd"]})", "images[1]"},
      {R"({"collection":"c","text":"a","group_size":0})", "group_size"},
      {R"({"collection":"c","text":"a","neighbours":-1})", "neighbours"},
      {R"({"collection":"c","text":"a","time_from":2024})", "time_from"},
      {R"({"collection":"c","text":"a","history":"x"})", "history"},
      {R"({"collection":"c","text":"a","history":[{"content":"x"}]})", "history[0].role"},
      {R"({"collection":"c","text":"a","history":[{"role":"user","content":[{"type":"x"}]}]})",
       "history[0].content[0].type"},
      {R"({"collection":"c","parts":[]})", "text"},
      {R"({"collection":"c","parts":{}})", "parts"},
      {R"({"collection":"c","parts":["a"]})", "parts[0]"},
      {R"({"collection":"c","parts":[{"text":"a"},{"weight":1}]})", "parts[1]"},
      {R"({"collection":"c","parts":[{"text":"a","image":"http://h/a"}]})", "parts[0]"},
      {R"({"collection":"c","parts":[{"text":"a","weight":"1"}]})", "parts[0].weight"},
      {R"({"collection":"c","parts":[{"txt":"a"}]})", "parts[0].txt"},
      {R"([])", "body"}};
  for (const auto& [body, field] : cases) {
    const auto query = ReadQuery(JsonRequest(body), QueryKind::kSearch);
    EXPECT_THAT(query, StatusIs(absl::StatusCode::kInvalidArgument)) << body;
    EXPECT_EQ(FieldAtFault(query.status()), field) << body;
  }
}

TEST(ReadQueryTest, ReadsOnlyJsonAndForms) {
  Request request = JsonRequest("text=a");
  for (const char* type : {"", "application/x-www-form-urlencoded", "text/plain",
                           "application/json; charset=latin1"}) {
    request.content_type = type;
    const auto query = ReadQuery(request, QueryKind::kSearch);
    ASSERT_THAT(query, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_EQ(edge::Reason(query.status()), "unknown_type");
  }
}

TEST(ReadQueryTest, RefusesPictureUrlsThatAreNotOne) {
  const std::pair<const char*, const char*> cases[] = {
      {"data:image/png;base64,QUI", "invalid_base64"},
      {"data:image/png;base64,QU JD", "invalid_base64"},
      {"data:image/png;base64,QU-_", "invalid_base64"},
      {"data:image/png;base64,", "invalid_base64"},
      {"data:image/png,abc", "invalid_base64"},
      {"data:;base64,QUJD", "type_not_allowed"},
      {"data:text/html;base64,QUJD", "type_not_allowed"},
      {"data:image/svg+xml;base64,QUJD", "type_not_allowed"},
      {"data:data:image/png;base64,QUJD", "type_not_allowed"},
      {"file://host/passwd", "url_not_allowed"},
      {"ftp://host/a", "url_not_allowed"},
      {"//host/a", "url_not_allowed"},
      {"a.png", "url_not_allowed"},
      {"http://user@host/a", "url_not_allowed"},
      {"http:\\\\\\\\host", "url_not_allowed"},
      {"http://host\\\\a", "url_not_allowed"},
      {"http:///a", "url_not_allowed"},
      {"http://ho st/a", "url_not_allowed"}};
  for (const auto& [url, reason] : cases) {
    const auto query =
        ReadQuery(JsonRequest(std::string(R"({"collection":"c","images":[")") + url + "\"]}"),
                  QueryKind::kSearch);
    ASSERT_THAT(query, StatusIs(absl::StatusCode::kInvalidArgument)) << url;
    EXPECT_EQ(edge::Reason(query.status()), reason) << url;
  }
}

}  // namespace
}  // namespace sightline::gateway
