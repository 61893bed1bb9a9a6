#include "services/gateway/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/gateway/api.h"
#include "tests/services/gateway/fake_backend.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/status_matchers.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

constexpr char kPicture[] = "\x89PNG not really, but the backend looks at four bytes";

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    options_.address = "127.0.0.1:0";
    state_.version = "9.9";
    state_.metrics_text = [] { return std::string("sightline_up 1\n"); };
  }

  void Start() {
    auto server = HttpServer::Start(options_, backend_.channel(), state_);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    at_ = server_->address();
  }

  // A server with a collection "c" that holds a picture and two paragraphs.
  void StartFilled() {
    Start();
    ASSERT_EQ(PostJson(at_, "/v1/collections", R"({"name":"c"})").status, 201);
    const RawReply reply =
        Upload({{"metadata", R"({"lang":"en"})", ""},
                {"file", "Boats leave at eight.\n\nThe kiosk opens at six.", "guide.txt"},
                {"file", kPicture, "photo.png"}});
    ASSERT_EQ(reply.status, 200) << reply.body;
  }

  RawReply Upload(const std::vector<Part>& parts, const std::string& query = "",
                  std::vector<std::string> headers = {}) {
    headers.push_back(kFormType);
    return Fetch(at_, "POST", "/v1/collections/c/documents" + query, FormText(parts), headers);
  }

  static json::value Json(const RawReply& reply) { return json::parse(reply.body); }
  static std::string ErrorCode(const RawReply& reply) {
    const json::value body = Json(reply);
    return std::string(body.at("error").at("code").as_string().c_str());
  }

  // Waits until `done`, which must come sooner or later.
  template <typename Done>
  static bool Eventually(Done done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  FakeBackend backend_;
  HttpOptions options_;
  ServerState state_;
  std::unique_ptr<HttpServer> server_;
  std::string at_;
};

TEST_F(HttpServerTest, AnswersProbes) {
  bool is_ready = false;
  state_.ready = [&] {
    return is_ready ? absl::OkStatus() : absl::UnavailableError("the index is loading");
  };
  Start();
  EXPECT_EQ(Fetch(at_, "GET", "/livez").status, 200);
  const RawReply early = Fetch(at_, "GET", "/readyz");
  EXPECT_EQ(early.status, 503);
  EXPECT_THAT(early.body, HasSubstr("the index is loading"));
  EXPECT_THAT(early.headers, Contains(Key("retry-after")));
  is_ready = true;
  EXPECT_EQ(Fetch(at_, "GET", "/readyz").status, 200);
  EXPECT_EQ(Json(Fetch(at_, "GET", "/version")).at("version"), "9.9");
  const RawReply metrics = Fetch(at_, "GET", "/metrics");
  EXPECT_EQ(metrics.body, "sightline_up 1\n");
  EXPECT_THAT(metrics.headers.at("content-type"), HasSubstr("version=0.0.4"));
}

TEST_F(HttpServerTest, EveryDescribedRouteAnswersAndEveryMethodIsDescribed) {
  StartFilled();
  const json::value described = Json(Fetch(at_, "GET", "/openapi.json"));
  for (const auto& [pattern, methods] : described.at("paths").as_object()) {
    std::string path(pattern);
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"{collection}", "c"},
                                            {"{document}", "photo.png"},
                                            {"{job}", "job-photo.png"},
                                            {"{passage}", "c%2Fphoto.png%230"},
                                            {"{model}", "fake-generator"}}) {
      if (const size_t at = path.find(name); at != std::string::npos) {
        path.replace(at, name.size(), value);
      }
    }
    for (const char* method : {"get", "post", "delete"}) {
      const bool is_described = methods.as_object().contains(method);
      if (is_described && std::string(method) == "delete") continue;  // would empty the backend
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      const RawReply reply = Fetch(at_, upper, path);
      if (is_described) {
        EXPECT_THAT(reply.status, Not(AnyOf(0, 404, 405, 500, 501))) << upper << " " << path;
      } else {
        EXPECT_EQ(reply.status, 405) << upper << " " << path;
        EXPECT_THAT(reply.headers.at("allow"), Not(HasSubstr(upper)));
      }
    }
  }
}

TEST_F(HttpServerTest, SearchesByJsonAndByForm) {
  StartFilled();
  const json::value by_text =
      Json(PostJson(at_, "/v1/search", R"({"text":"when do boats leave","collection":"c","k":1})"));
  EXPECT_EQ(by_text.at("hits").as_array().size(), 1u);
  EXPECT_EQ(by_text.at("hits").at(0).at("text"), "Boats leave at eight.");
  EXPECT_EQ(by_text.at("hits").at(0).at("metadata").at("lang"), "en");
  EXPECT_EQ(backend_.last_search().k(), 1);

  const RawReply by_photo =
      Fetch(at_, "POST", "/v1/search",
            FormText({{"image", kPicture, "x.png"}, {"collection", "c", ""}}), {kFormType});
  ASSERT_EQ(by_photo.status, 200) << by_photo.body;
  const json::value hit = Json(by_photo).at("hits").at(0);
  EXPECT_EQ(hit.at("source"), "photo.png");
  EXPECT_EQ(hit.at("kind"), "image");

  const std::string url(hit.at("image_url").as_string().c_str());
  const RawReply picture = Fetch(at_, "GET", url);
  EXPECT_EQ(picture.body, kPicture);
  EXPECT_EQ(picture.headers.at("content-type"), "image/png");
  EXPECT_EQ(picture.headers.at("x-content-type-options"), "nosniff");
  EXPECT_THAT(picture.headers.at("content-security-policy"), HasSubstr("sandbox"));
  EXPECT_EQ(Fetch(at_, "GET", url, "", {"If-None-Match: " + picture.headers.at("etag")}).status,
            304);
  const std::string small(hit.at("thumbnail_url").as_string().c_str());
  EXPECT_EQ(Fetch(at_, "GET", small).status, 200);
}

TEST_F(HttpServerTest, ClaimsAreVerified) {
  StartFilled();
  const RawReply reply = PostJson(at_, "/v1/verify", R"({"collection":"c","k":3,"filter":"true",
      "claims":["Boats leave at eight.",
                {"text":"Nowhere","passage_ids":["7"],"document_ids":["a","b"]}]})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json::value body = Json(reply);
  EXPECT_EQ(body.at("verdicts").at(0).at("verdict"), "supported");
  EXPECT_EQ(body.at("verdicts").at(0).at("evidence").at(0).at("text"), "Boats leave at eight.");
  EXPECT_EQ(body.at("verdicts").at(1).at("claim"), 1);
  EXPECT_EQ(body.at("verdicts").at(1).at("verdict"), "unsupported");
  EXPECT_EQ(body.at("timings_ms").at("total"), 0.0);
  const v1::CheckClaimsRequest asked = backend_.last_claims();
  EXPECT_EQ(asked.k(), 3);
  EXPECT_EQ(asked.filter(), "true");
  EXPECT_EQ(asked.claims(1).passage_ids(0), "7");
  EXPECT_EQ(asked.claims(1).document_ids_size(), 2);
  EXPECT_FALSE(asked.no_cache());

  PostJson(at_, "/v1/verify", R"({"collection":"c","claims":"One text.","no_cache":true})");
  EXPECT_TRUE(backend_.last_claims().no_cache());
  EXPECT_EQ(PostJson(at_, "/v1/verify", R"({"collection":"c","claims":"One text."})").status, 200);
  EXPECT_EQ(backend_.last_claims().claims(0).text(), "One text.");
  for (const auto& [wrong, field] :
       std::map<std::string, std::string>{{R"({"claims":3})", "claims"},
                                          {R"({"claims":[[]]})", "claims[0]"},
                                          {R"({"claims":["a",{"text":1}]})", "claims[1].text"},
                                          {R"({"claims":[{"words":"a"}]})", "claims[0].words"},
                                          {R"({"claims":"a","k":0})", "k"},
                                          {R"({"claims":"a","top":1})", "top"},
                                          {R"([])", "body"}}) {
    const RawReply refused = PostJson(at_, "/v1/verify", wrong);
    EXPECT_EQ(refused.status, 400) << wrong;
    EXPECT_EQ(Json(refused).at("error").at("param").as_string(), field) << wrong;
  }
}

TEST_F(HttpServerTest, AnswersWholeOrAsEvents) {
  StartFilled();
  const char* question = R"({"text":"when do boats leave","collection":"c"})";
  const json::value whole = Json(PostJson(at_, "/v1/answer", question));
  EXPECT_EQ(whole.at("citations").at(0).at("marker"), 1);
  EXPECT_EQ(whole.at("citations").at(0).at("verdict"), "supported");

  const RawReply events = PostJson(at_, "/v1/answer", question, {"Accept: text/event-stream"});
  EXPECT_EQ(events.headers.at("content-type"), "text/event-stream");
  const size_t retrieved = events.body.find("event: retrieved\ndata: {");
  const size_t delta = events.body.find("event: delta\ndata: {\"text\":\"Boats\"}\n\n");
  const size_t citation = events.body.find("event: citation\ndata: {");
  const size_t done = events.body.find("event: done\ndata: {");
  EXPECT_EQ(retrieved, 0u);
  EXPECT_LT(retrieved, delta);
  EXPECT_LT(delta, citation);
  EXPECT_LT(citation, done);
  EXPECT_NE(done, std::string::npos);

  const RawReply search =
      PostJson(at_, "/v1/search", R"({"text":"boats","collection":"c","stream":true})");
  EXPECT_THAT(search.body, HasSubstr("event: retrieved"));
  EXPECT_THAT(search.body, HasSubstr("event: done"));
}

TEST_F(HttpServerTest, AFailureBeforeTheFirstEventIsAnOrdinaryError) {
  Start();
  const RawReply reply = PostJson(at_, "/v1/answer", R"({"text":"a","collection":"none"})",
                                  {"Accept: text/event-stream"});
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(ErrorCode(reply), "collection_not_found");
}

TEST_F(HttpServerTest, AFailureOfAStreamIsAnEvent) {
  StartFilled();
  backend_.word_delay_ms = 20;
  backend_.least_words = 1 << 30;
  const RawReply reply =
      PostJson(at_, "/v1/answer?timeout=0.5", R"({"text":"boats","collection":"c"})",
               {"Accept: text/event-stream"});
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("event: delta"));
  EXPECT_THAT(reply.body, HasSubstr("event: error\ndata: {\"error\":{"));
  EXPECT_THAT(reply.body, HasSubstr("deadline_exceeded"));
}

TEST_F(HttpServerTest, CodesOfTheServerBecomeHttpCodes) {
  StartFilled();
  absl::Status status;
  backend_.before_query = [&](grpc::ServerContext&) { return edge::ToGrpcStatus(status); };
  const auto ask = [&](absl::Status to_give) {
    status = std::move(to_give);
    return PostJson(at_, "/v1/search", R"({"text":"a","collection":"c"})");
  };
  const std::pair<absl::Status, int> cases[] = {
      {edge::InvalidField("search.filter", "byte 3: no such field", "bad_filter"), 400},
      {edge::WithReason(absl::InvalidArgumentError("cut"), "bad_image"), 422},
      {edge::WithReason(absl::InvalidArgumentError("svg"), "type_not_allowed"), 415},
      {edge::WithReason(absl::InvalidArgumentError("big"), "too_many_pixels"), 413},
      {absl::UnauthenticatedError("no key"), 401},
      {absl::PermissionDeniedError("not yours"), 403},
      {absl::NotFoundError("gone"), 404},
      {absl::AlreadyExistsError("there"), 409},
      {absl::FailedPreconditionError("no reranker"), 400},
      {absl::UnimplementedError("not here"), 501},
      {absl::DeadlineExceededError("late"), 504}};
  for (const auto& [given, code] : cases) EXPECT_EQ(ask(given).status, code) << given;
  EXPECT_EQ(Json(ask(cases[0].first)).at("error").at("param"), "filter");
  EXPECT_EQ(ErrorCode(ask(cases[0].first)), "bad_filter");

  const RawReply shed =
      ask(edge::WithRetryAfter(absl::ResourceExhaustedError("busy"), absl::Milliseconds(2500)));
  EXPECT_EQ(shed.status, 429);
  EXPECT_EQ(shed.headers.at("retry-after"), "3");
}

TEST_F(HttpServerTest, InnerFaultsAreToldByNumberOnly) {
  StartFilled();
  backend_.before_query = [](grpc::ServerContext&) {
    return edge::ToGrpcStatus(absl::InternalError("bad pointer 0x7f00 in /srv/data"));
  };
  const RawReply reply = PostJson(at_, "/v1/search", R"({"text":"a","collection":"c"})");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, Not(HasSubstr("0x7f00")));
  EXPECT_THAT(reply.body, HasSubstr(reply.headers.at("x-request-id")));
}

TEST_F(HttpServerTest, AnUnreachableServerIs503WithoutItsAddress) {
  const auto nowhere = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  auto server = HttpServer::Start(options_, nowhere, state_);
  ASSERT_THAT(server, IsOk());
  const RawReply reply = Fetch((*server)->address(), "GET", "/v1/collections");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.headers, Contains(Key("retry-after")));
  EXPECT_THAT(reply.body, Not(HasSubstr("127.0.0.1")));
}

TEST_F(HttpServerTest, ACollectionIsMadeWithPatchVectors) {
  Start();
  const RawReply made =
      PostJson(at_, "/v1/collections", R"({"name":"p","patch_vectors":"binary"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(Json(made).at("patch_vectors"), "binary");
  EXPECT_EQ(Json(made).at("vectors"), "f16");
  const RawReply bytes = PostJson(at_, "/v1/collections", R"({"name":"v","vectors":"int8"})");
  EXPECT_EQ(Json(bytes).at("vectors"), "int8");
  const RawReply other = PostJson(at_, "/v1/collections", R"({"name":"w","vectors":"int4"})");
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(Json(other).at("error").at("param"), "vectors");
  EXPECT_EQ(Json(PostJson(at_, "/v1/collections", R"({"name":"q"})")).at("patch_vectors"), "none");
  for (const char* wrong : {R"("some")", "1", "true"}) {
    const RawReply reply = PostJson(at_, "/v1/collections",
                                    absl::StrCat(R"({"name":"r","patch_vectors":)", wrong, "}"));
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_EQ(Json(reply).at("error").at("param"), "patch_vectors");
  }
}

TEST_F(HttpServerTest, RequestsThatAreWrongNameTheField) {
  Start();
  const RawReply reply = PostJson(at_, "/v1/search", R"({"text":"a","collection":"c","topk":3})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Json(reply).at("error").at("param"), "topk");
  EXPECT_EQ(ErrorCode(reply), "unknown_field");
  EXPECT_EQ(Json(reply).at("error").at("type"), "invalid_request_error");
  EXPECT_EQ(ErrorCode(PostJson(at_, "/v1/search", "{")), "invalid_json");
  EXPECT_EQ(
      Fetch(at_, "POST", "/v1/search", "a=b", {"Content-Type: application/x-www-form-urlencoded"})
          .status,
      415);
  EXPECT_EQ(ErrorCode(Fetch(at_, "GET", "/v1/jobs?state=lost")), "invalid_field");
  EXPECT_EQ(ErrorCode(Fetch(at_, "GET", "/v1/jobs?pagesize=1")), "unknown_parameter");
  EXPECT_EQ(Fetch(at_, "GET", "/v1/jobs?page_size=0").status, 400);
  EXPECT_EQ(Fetch(at_, "GET", "/v1/passages/p/thumbnail?size=9999").status, 400);
  EXPECT_EQ(Fetch(at_, "GET", "/v1/nothing").status, 404);
  for (const char* wrong : {"", "?query=", "?query=a&format=gif", "?query=a&word=-1",
                            "?query=a&size=8", "?query=a&picture=beside", "?question=a"}) {
    EXPECT_EQ(Fetch(at_, "GET", absl::StrCat("/v1/passages/p/heatmap", wrong)).status, 400)
        << wrong;
  }
  EXPECT_EQ(Fetch(at_, "GET", "/v1/passages/p/heatmap?query=a").status, 404);
}

TEST_F(HttpServerTest, ToolsOfAModelGoWithoutTheCacheWhereTheHeadSaysSo) {
  StartFilled();
  const auto search = [&](const std::vector<std::string>& head) {
    std::vector<std::string> headers = {"Content-Type: application/json"};
    headers.insert(headers.end(), head.begin(), head.end());
    const RawReply reply =
        Fetch(at_, "POST", "/mcp",
              R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search",)"
              R"("arguments":{"query":"boats","collection":"c"}}})",
              headers);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return backend_.last_search().no_cache();
  };
  EXPECT_TRUE(search({"Cache-Control: no-cache"}));
  EXPECT_FALSE(search({}));
}

TEST_F(HttpServerTest, AHeatmapComesAsNumbersOrAsAPicture) {
  StartFilled();
  const RawReply by_photo =
      Fetch(at_, "POST", "/v1/search",
            FormText({{"image", kPicture, "x.png"}, {"collection", "c", ""}}), {kFormType});
  std::string path(Json(by_photo).at("hits").at(0).at("image_url").as_string().c_str());
  path.replace(path.rfind("/image"), std::string::npos, "/heatmap");

  const RawReply numbers = Fetch(at_, "GET", path + "?query=red%20mug&word=0");
  ASSERT_EQ(numbers.status, 200) << numbers.body;
  EXPECT_EQ(numbers.body,
            R"({"rows":1,"columns":2,"values":[0.25,0.5],"score":0.5,"box":[0.5,0.0,1.0,1.0],)"
            R"("width":40,"height":20,"words":[{"start":0,"end":7,"text":"red mug",)"
            R"("values":[0.75,0.25]}],"follow_up":null,"warnings":[]})");
  EXPECT_TRUE(backend_.last_heatmap().words());
  EXPECT_EQ(backend_.last_heatmap().word(), 0);
  EXPECT_EQ(backend_.last_heatmap().query(0).text(), "red mug");
  EXPECT_EQ(backend_.last_heatmap().picture(), v1::HEATMAP_PICTURE_UNSPECIFIED);

  const RawReply drawn = Fetch(at_, "GET", path + "?query=a&size=64", "", {"Accept: image/png"});
  EXPECT_EQ(drawn.status, 200);
  EXPECT_EQ(drawn.headers.at("content-type"), "image/png");
  EXPECT_EQ(drawn.body, "\x89PNG drawn");
  EXPECT_EQ(backend_.last_heatmap().picture(), v1::HEATMAP_PICTURE_OVER);
  EXPECT_EQ(backend_.last_heatmap().max_side(), 64);
  EXPECT_FALSE(backend_.last_heatmap().no_cache());
  Fetch(at_, "GET", path + "?query=a&format=png&picture=alone", "", {"Cache-Control: no-store"});
  EXPECT_TRUE(backend_.last_heatmap().no_cache());
  EXPECT_EQ(backend_.last_heatmap().picture(), v1::HEATMAP_PICTURE_ALONE);
  EXPECT_EQ(Fetch(at_, "GET", path + "?query=a&format=json", "", {"Accept: image/png"})
                .headers.at("content-type"),
            "application/json");

  const RawReply posted =
      PostJson(at_, path,
               R"({"collection":"c","text":"a","images":["data:image/png;base64,iVBORw0KGgo="],)"
               R"("instruction":"Find it.","no_cache":true,)"
               R"("history":[{"role":"user","content":"A mug?"}]})");
  EXPECT_EQ(posted.status, 200) << posted.body;
  EXPECT_TRUE(backend_.last_heatmap().no_cache());
  ASSERT_EQ(backend_.last_heatmap().history_size(), 1);
  EXPECT_EQ(backend_.last_heatmap().history(0).content(0).text(), "A mug?");
  EXPECT_EQ(backend_.last_heatmap().query_size(), 2);
  EXPECT_EQ(backend_.last_heatmap().instruction(), "Find it.");
}

TEST_F(HttpServerTest, MethodsAreAnsweredByTheBook) {
  Start();
  const RawReply wrong = Fetch(at_, "PUT", "/v1/collections");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "GET, HEAD, OPTIONS, POST");
  const RawReply options = Fetch(at_, "OPTIONS", "/v1/search");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "OPTIONS, POST");
  EXPECT_EQ(Fetch(at_, "OPTIONS", "*").status, 204);
  EXPECT_EQ(Fetch(at_, "POST", "/").status, 405);

  RawConnection connection(at_);
  connection.Send(RequestText("HEAD", "/livez") + RequestText("GET", "/livez"));
  const RawReply head = connection.Read(/*head_only=*/true);
  const RawReply get = connection.Read();
  EXPECT_EQ(head.headers.at("content-length"), get.headers.at("content-length"));
  EXPECT_EQ(get.body, "{\"status\":\"alive\"}");
}

TEST_F(HttpServerTest, ManagesCollectionsAndDocumentsWithSlashesInTheirIds) {
  StartFilled();
  EXPECT_EQ(PostJson(at_, "/v1/collections", R"({"name":"c"})").status, 409);
  EXPECT_EQ(PostJson(at_, "/v1/collections", R"({"nam":"d"})").status, 400);
  EXPECT_EQ(Json(Fetch(at_, "GET", "/v1/collections/c")).at("stats").at("documents"), 2);
  ASSERT_EQ(Upload({{"document_id", "a/b c", ""}, {"file", "Text.", "t.txt"}}).status, 200);
  const RawReply document = Fetch(at_, "GET", "/v1/collections/c/documents/a%2Fb%20c");
  ASSERT_EQ(document.status, 200) << document.body;
  EXPECT_EQ(Json(document).at("source"), "t.txt");
  const json::value first = Json(Fetch(at_, "GET", "/v1/collections/c/documents?page_size=2"));
  EXPECT_EQ(first.at("documents").as_array().size(), 2u);
  const std::string token(first.at("next_page_token").as_string().c_str());
  const json::value second =
      Json(Fetch(at_, "GET", "/v1/collections/c/documents?page_size=2&page_token=" + token));
  EXPECT_EQ(second.at("documents").as_array().size(), 1u);
  EXPECT_TRUE(second.at("next_page_token").is_null());
  EXPECT_EQ(
      Json(Fetch(at_, "DELETE", "/v1/collections/c/documents/a%2Fb%20c")).at("passages_removed"),
      1);
  EXPECT_EQ(Fetch(at_, "GET", "/v1/collections/c/documents/a%2Fb%20c").status, 404);
  EXPECT_EQ(Fetch(at_, "DELETE", "/v1/collections/c").status, 200);
  EXPECT_EQ(Fetch(at_, "GET", "/v1/collections/c").status, 404);
}

TEST_F(HttpServerTest, UploadsTellWhatBecameOfEachFile) {
  StartFilled();
  const RawReply mixed = Upload({{"file", "Good.", "good.txt"}, {"file", "broken", "bad.png"}});
  ASSERT_EQ(mixed.status, 200) << mixed.body;
  EXPECT_EQ(Json(mixed).at("failed"), 1);
  EXPECT_EQ(Json(mixed).at("documents").at(0).at("outcome"), "indexed");
  EXPECT_EQ(Json(mixed).at("documents").at(1).at("failures").at(0).at("reason"), "bad_image");

  const RawReply failed = Upload({{"file", "broken", "bad.png"}});
  EXPECT_EQ(failed.status, 422);
  EXPECT_EQ(ErrorCode(failed), "bad_image");
  EXPECT_EQ(Json(failed).at("documents").as_array().size(), 1u);

  const RawReply retry = Fetch(at_, "POST", "/v1/jobs/job-bad.png/retry");
  EXPECT_EQ(retry.status, 202);
  EXPECT_EQ(Fetch(at_, "POST", "/v1/jobs/job-bad.png/retry").status, 400);
  EXPECT_EQ(Json(Fetch(at_, "GET", "/v1/jobs/job-bad.png")).at("state"), "queued");
}

TEST_F(HttpServerTest, UploadsComeInThreeForms) {
  StartFilled();
  const RawReply raw = Fetch(at_, "POST", "/v1/collections/c/documents?source=r.txt", "Raw text.",
                             {"Content-Type: text/plain"});
  EXPECT_EQ(raw.status, 200) << raw.body;
  const RawReply by_url =
      PostJson(at_, "/v1/collections/c/documents", R"({"uri":"https://host/a.pdf"})");
  EXPECT_EQ(by_url.status, 200) << by_url.body;
  EXPECT_EQ(Json(by_url).at("documents").at(0).at("source"), "https://host/a.pdf");
  const RawReply json_file =
      PostJson(at_, "/v1/collections/c/documents?source=d.json", "{\"a\":1}");
  EXPECT_EQ(json_file.status, 200) << json_file.body;

  const RawReply events = Upload({{"file", "Text.", "e.txt"}}, "", {"Accept: text/event-stream"});
  EXPECT_THAT(events.body, HasSubstr("event: accepted\n"));
  EXPECT_THAT(events.body, HasSubstr("event: progress\n"));
  EXPECT_THAT(events.body, HasSubstr("event: finished\n"));
  EXPECT_THAT(events.body, HasSubstr("event: done\ndata: {\"documents\":["));
}

TEST_F(HttpServerTest, UploadsWithoutWaitingAnswer202AndTheJobGoesOn) {
  StartFilled();
  std::atomic<bool> may_finish{false};
  backend_.before_finished = [&](grpc::ServerContext&) {
    Eventually([&] { return may_finish.load(); });
  };
  const RawReply reply = Upload({{"file", "Later.", "later.txt"}}, "?wait=false");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(Json(reply).at("documents").at(0).at("outcome"), "accepted");
  EXPECT_EQ(Json(reply).at("documents").at(0).at("job_id"), "job-later.txt");
  may_finish = true;
  EXPECT_TRUE(
      Eventually([&] { return Fetch(at_, "GET", "/v1/jobs/job-later.txt").status == 200; }));
}

TEST_F(HttpServerTest, UploadsThatAreWrongAreRefused) {
  Start();
  EXPECT_EQ(Upload({{"file", "x", "a.txt"}}).status, 404);
  EXPECT_EQ(Upload({{"file", "x", "a.txt"}}, "?create_collection=true").status, 200);
  EXPECT_EQ(ErrorCode(Upload({{"text", "x", ""}})), "unknown_field");
  EXPECT_EQ(ErrorCode(Upload({})), "missing_field");
  EXPECT_EQ(ErrorCode(Upload({{"force", "true", ""}})), "missing_field");
  EXPECT_EQ(ErrorCode(Upload({{"file", "x", "a.txt"}, {"metadata", "{}", ""}})), "invalid_field");
  EXPECT_EQ(ErrorCode(Upload({{"metadata", "[]", ""}, {"file", "x", "a.txt"}})), "invalid_field");
  EXPECT_EQ(ErrorCode(Upload({{"metadata", R"({"a":1,"a":2})", ""}, {"file", "x", "a.txt"}})),
            "invalid_field");
  EXPECT_EQ(ErrorCode(Upload({{"source", "..", ""}, {"file", "x", "a.txt"}})), "invalid_name");
  EXPECT_EQ(ErrorCode(Upload({{"file", "x", "a.txt"}}, "?wait=maybe")), "invalid_field");
  EXPECT_EQ(ErrorCode(Fetch(at_, "POST", "/v1/collections/c/documents", "abc",
                            {"Content-Type: text/plain"})),
            "missing_field");
  EXPECT_EQ(ErrorCode(Fetch(at_, "POST", "/v1/collections/c/documents?source=a", "",
                            {"Content-Length: 0"})),
            "empty");
}

TEST_F(HttpServerTest, LargeUploadsPassThroughInPieces) {
  StartFilled();
  const std::string large(20 << 20, 'x');
  const RawReply reply = Fetch(at_, "POST", "/v1/collections/c/documents?source=large.txt", large,
                               {"Content-Type: text/plain"});
  EXPECT_EQ(reply.status, 200) << reply.body.substr(0, 300);
  EXPECT_GE(backend_.ingest_bytes, static_cast<int64_t>(large.size()));
}

TEST_F(HttpServerTest, ModelsAndEmbeddingsSpeakOpenAi) {
  Start();
  const json::value models = Json(Fetch(at_, "GET", "/v1/models"));
  EXPECT_EQ(models.at("data").at(0).at("id"), "fake-embedding");
  const json::value floats =
      Json(PostJson(at_, "/v1/embeddings", R"({"input":["a","b"],"model":"x"})"));
  EXPECT_EQ(floats.at("data").as_array().size(), 2u);
  EXPECT_EQ(floats.at("data").at(0).at("embedding").at(1), 0.8);
  EXPECT_EQ(floats.at("usage").at("total_tokens"), 7);
  const json::value packed =
      Json(PostJson(at_, "/v1/embeddings", R"({"input":"a","encoding_format":"base64"})"));
  EXPECT_EQ(packed.at("data").at(0).at("embedding"), "mpkZP83MTD8=");
  EXPECT_EQ(PostJson(at_, "/v1/embeddings", R"({"input":[1,2]})").status, 400);
  EXPECT_EQ(PostJson(at_, "/v1/embeddings", R"({"input":[]})").status, 400);
}

TEST_F(HttpServerTest, BodiesEndAtTheLimitDeclaredOrNot) {
  options_.max_body_bytes = 1000;
  options_.max_upload_bytes = 5000;
  StartFilled();
  const auto body = [](size_t size) {
    std::string text = R"({"text":"boats","collection":"c"})";
    return text + std::string(size - text.size(), ' ');
  };
  EXPECT_EQ(PostJson(at_, "/v1/search", body(1000)).status, 200);
  const RawReply refused = PostJson(at_, "/v1/search", body(1001));
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.headers.at("connection"), "close");

  const auto chunked = [&](const std::string& target, const std::string& type,
                           const std::string& text) {
    std::string out =
        absl::StrCat("POST ", target, " HTTP/1.1\r\nHost: localhost\r\nContent-Type: ", type,
                     "\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < text.size(); at += 100) {
      const std::string piece = text.substr(at, 100);
      absl::StrAppend(&out, absl::Hex(piece.size()), "\r\n", piece, "\r\n");
    }
    out += "0\r\n\r\n";
    RawConnection connection(at_);
    connection.Send(out);
    return connection.Read();
  };
  EXPECT_EQ(chunked("/v1/search", "application/json", body(1000)).status, 200);
  EXPECT_EQ(chunked("/v1/search", "application/json", body(1001)).status, 413);
  const std::string upload = "/v1/collections/c/documents?source=a.txt";
  EXPECT_EQ(chunked(upload, "text/plain", std::string(5000, 'x')).status, 200);
  EXPECT_EQ(chunked(upload, "text/plain", std::string(5001, 'x')).status, 413);
  EXPECT_EQ(Fetch(at_, "POST", upload, std::string(5001, 'x'), {"Content-Type: text/plain"}).status,
            413);
}

TEST_F(HttpServerTest, BodiesThatWaitTogetherAreBounded) {
  options_.max_body_bytes = 1000;
  options_.max_buffered_bytes = 1500;
  StartFilled();
  // Whichever body is counted second is refused, so the slow one gets several chances to be first.
  EXPECT_TRUE(Eventually([&] {
    RawConnection slow(at_);
    slow.Send(RequestText("POST", "/v1/search", "",
                          {"Content-Type: application/json", "Content-Length: 1000"}) +
              std::string(990, ' '));
    absl::SleepFor(absl::Milliseconds(20));
    return PostJson(at_, "/v1/search", std::string(900, ' ')).status == 503;
  }));
  EXPECT_TRUE(
      Eventually([&] { return PostJson(at_, "/v1/search", std::string(900, ' ')).status == 400; }));
}

TEST_F(HttpServerTest, AContinueIsSentBeforeTheBodyIsRead) {
  StartFilled();
  const std::string body = R"({"text":"boats","collection":"c"})";
  RawConnection connection(at_);
  connection.Send(RequestText("POST", "/v1/search", "",
                              {"Content-Type: application/json", "Expect: 100-continue",
                               absl::StrCat("Content-Length: ", body.size())}));
  EXPECT_EQ(connection.Read().status, 100);
  connection.Send(body);
  EXPECT_EQ(connection.Read().status, 200);
}

TEST_F(HttpServerTest, RequestsSentAheadAreAnsweredInOrder) {
  StartFilled();
  RawConnection connection(at_);
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += RequestText("POST", "/v1/search", R"({"text":"boats","collection":"c"})",
                       {"Content-Type: application/json"});
    all += RequestText("GET", absl::StrCat("/missing/", i));
  }
  connection.Send(all);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(connection.Read().status, 200);
    const RawReply missing = connection.Read();
    EXPECT_EQ(missing.status, 404);
    EXPECT_THAT(missing.body, HasSubstr(absl::StrCat("/missing/", i, "\"")));
  }
}

TEST_F(HttpServerTest, AmbiguousRequestsAreRefusedAndTheConnectionEnds) {
  Start();
  const std::string requests[] = {
      "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\nContent-Length: "
      "5\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: "
      "2\r\n\r\nab",
      "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
      "GET /livez HTTP/1.1\nHost: localhost\n\n",
      "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
      "GET /livez HTTP/1.1\r\n\r\n",
      "GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET //livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /v1/../livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /%2e%2e/livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /livez HTTP/2.7\r\nHost: localhost\r\n\r\n",
      "hello\r\n\r\n",
      "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: "
      "application/json\r\n\r\nzz\r\n",
  };
  for (const std::string& request : requests) {
    RawConnection connection(at_);
    connection.Send(request);
    EXPECT_EQ(connection.Read().status, 400) << request;
    EXPECT_TRUE(connection.IsClosed()) << request;
  }
  RawConnection connection(at_);
  connection.Send("GET /livez HTTP/1.1\r\nHost: localhost\r\nA: " + std::string(40000, 'a') +
                  "\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 431);
}

TEST_F(HttpServerTest, ForeignPagesAndNamesAreRefused) {
  Start();
  RawConnection connection(at_);
  connection.Send("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(connection.Read().status, 403);
  EXPECT_EQ(
      PostJson(at_, "/v1/collections", R"({"name":"x"})", {"Origin: http://evil.example"}).status,
      403);
  EXPECT_EQ(
      PostJson(at_, "/v1/collections", R"({"name":"x"})", {"Origin: http://localhost"}).status,
      201);
}

TEST_F(HttpServerTest, ServesThePageAndNothingAroundIt) {
  ASSERT_OK_AND_ASSIGN(const auto folder, TempDir::Create());
  ASSERT_THAT(WriteFileAtomic(folder->path() + "/index.html", "<p>page</p>"), IsOk());
  options_.web_root = folder->path();
  Start();
  const RawReply page = Fetch(at_, "GET", "/");
  EXPECT_EQ(page.body, "<p>page</p>");
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  for (const char* target :
       {"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd"}) {
    EXPECT_THAT(Fetch(at_, "GET", target).status, AnyOf(400, 404)) << target;
  }
}

TEST_F(HttpServerTest, TellsWhenItHasNoPage) {
  Start();
  const RawReply reply = Fetch(at_, "GET", "/");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(ErrorCode(reply), "no_page");
}

TEST_F(HttpServerTest, SlowHeadersEndIn408) {
  options_.header_timeout = absl::Milliseconds(300);
  Start();
  RawConnection connection(at_);
  connection.Send("GET /livez HTT");
  EXPECT_EQ(connection.Read().status, 408);
  EXPECT_TRUE(connection.IsClosed());
}

TEST_F(HttpServerTest, SlowBodiesEndIn408) {
  options_.body_grace = absl::Milliseconds(300);
  options_.min_bytes_per_second = 1000000;
  StartFilled();
  for (const char* target : {"/v1/search", "/v1/collections/c/documents?source=a.txt"}) {
    RawConnection connection(at_);
    connection.Send(
        RequestText("POST", target, "", {"Content-Type: application/json", "Content-Length: 100"}));
    connection.Send("{");
    EXPECT_EQ(connection.Read().status, 408) << target;
  }
}

TEST_F(HttpServerTest, SilentConnectionsAreClosed) {
  options_.idle_timeout = absl::Milliseconds(300);
  Start();
  RawConnection connection(at_);
  connection.Send(RequestText("GET", "/livez"));
  EXPECT_EQ(connection.Read().status, 200);
  EXPECT_TRUE(connection.IsClosed());
}

TEST_F(HttpServerTest, ConnectionsAreBounded) {
  options_.max_connections = 2;
  Start();
  RawConnection first(at_);
  RawConnection second(at_);
  first.Send(RequestText("GET", "/livez"));
  second.Send(RequestText("GET", "/livez"));
  EXPECT_EQ(first.Read().status, 200);
  EXPECT_EQ(second.Read().status, 200);
  RawConnection third(at_);
  EXPECT_EQ(third.Read().status, 503);
  first.Close();
  EXPECT_TRUE(Eventually([&] { return Fetch(at_, "GET", "/livez").status == 200; }));
}

TEST_F(HttpServerTest, RequestsAtWorkAreBoundedAndProbesAreNot) {
  options_.max_requests = 1;
  StartFilled();
  std::atomic<bool> began{false};
  std::atomic<bool> may_go{false};
  backend_.before_query = [&](grpc::ServerContext&) {
    began = true;
    Eventually([&] { return may_go.load(); });
    return grpc::Status::OK;
  };
  const std::string query = R"({"text":"boats","collection":"c"})";
  RawConnection first(at_);
  first.Send(RequestText("POST", "/v1/search", query, {"Content-Type: application/json"}));
  ASSERT_TRUE(Eventually([&] { return began.load(); }));
  const RawReply refused = Fetch(at_, "GET", "/v1/collections");
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.headers, Contains(Key("retry-after")));
  EXPECT_EQ(Fetch(at_, "GET", "/livez").status, 200);
  may_go = true;
  EXPECT_EQ(first.Read().status, 200);
  EXPECT_EQ(PostJson(at_, "/v1/search", query).status, 200);
}

TEST_F(HttpServerTest, TheTimeoutReachesTheServer) {
  StartFilled();
  PostJson(at_, "/v1/search", R"({"text":"boats","collection":"c","timeout":7})");
  EXPECT_LE(backend_.last_time_left(), absl::Seconds(8));
  EXPECT_GT(backend_.last_time_left(), absl::Seconds(0));
  PostJson(at_, "/v1/search", R"({"text":"boats","collection":"c"})", {"X-Request-Timeout: 9"});
  EXPECT_LE(backend_.last_time_left(), absl::Seconds(10));
  PostJson(at_, "/v1/search", R"({"text":"boats","collection":"c"})",
           {"Authorization: Bearer key"});
  EXPECT_EQ(backend_.last_authorization(), "Bearer key");
  EXPECT_LE(backend_.last_time_left(), options_.default_timeout + absl::Seconds(1));
  backend_.before_query = [](grpc::ServerContext& context) {
    Eventually([&] { return context.IsCancelled(); });
    return grpc::Status::CANCELLED;
  };
  const RawReply late = PostJson(at_, "/v1/search?timeout=0.2", R"({"text":"a","collection":"c"})");
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(ErrorCode(late), "deadline_exceeded");
}

TEST_F(HttpServerTest, AClientThatGoesAwayEndsTheWork) {
  StartFilled();
  std::atomic<int> cancelled{0};
  std::atomic<bool> began{false};
  backend_.before_query = [&](grpc::ServerContext& context) {
    began = true;
    if (Eventually([&] { return context.IsCancelled(); })) ++cancelled;
    return grpc::Status::CANCELLED;
  };
  RawConnection connection(at_);
  connection.Send(RequestText("POST", "/v1/search", R"({"text":"boats","collection":"c"})",
                              {"Content-Type: application/json"}) +
                  RequestText("GET", "/livez"));  // unread bytes must not hide the end
  ASSERT_TRUE(Eventually([&] { return began.load(); }));
  connection.Close();
  EXPECT_TRUE(Eventually([&] { return cancelled == 1; }));
}

TEST_F(HttpServerTest, AClientThatLeavesAStreamEndsTheAnswer) {
  StartFilled();
  backend_.word_delay_ms = 5;
  backend_.least_words = 1 << 30;
  for (int i = 0; i < 3; ++i) {
    RawConnection connection(at_);
    connection.Send(RequestText("POST", "/v1/answer", R"({"text":"boats","collection":"c"})",
                                {"Content-Type: application/json", "Accept: text/event-stream"}));
    EXPECT_THAT(connection.ReadSome(12), HasSubstr("HTTP/1.1 200"));
    connection.Close();
    EXPECT_TRUE(Eventually([&] { return backend_.cancelled == i + 1; }));
  }
}

TEST_F(HttpServerTest, AnUploadThatBreaksOffEndsTheCall) {
  StartFilled();
  RawConnection connection(at_);
  connection.Send(RequestText("POST", "/v1/collections/c/documents?source=cut.txt", "",
                              {"Content-Type: text/plain", "Content-Length: 1000000"}));
  connection.Send(std::string(1000, 'x'));
  EXPECT_TRUE(Eventually([&] { return backend_.ingest_bytes >= 1000; }));
  connection.Close();
  EXPECT_TRUE(Eventually([&] { return Fetch(at_, "GET", "/livez").status == 200; }));
  EXPECT_EQ(Fetch(at_, "GET", "/v1/jobs/job-cut.txt").status, 404);
}

TEST_F(HttpServerTest, StopsAfterTheRequestsAtWork) {
  StartFilled();
  std::atomic<bool> may_go{false};
  std::atomic<bool> began{false};
  backend_.before_query = [&](grpc::ServerContext&) {
    began = true;
    Eventually([&] { return may_go.load(); });
    return grpc::Status::OK;
  };
  RawConnection idle(at_);
  idle.Send(RequestText("GET", "/livez"));
  EXPECT_EQ(idle.Read().status, 200);
  RawConnection busy(at_);
  busy.Send(RequestText("POST", "/v1/search", R"({"text":"boats","collection":"c"})",
                        {"Content-Type: application/json"}));
  ASSERT_TRUE(Eventually([&] { return began.load(); }));
  std::thread stop([&] { server_->Stop(absl::Now() + absl::Seconds(30)); });
  EXPECT_TRUE(idle.IsClosed());
  may_go = true;
  const RawReply reply = busy.Read();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("connection"), "close");
  stop.join();
  EXPECT_EQ(Fetch(at_, "GET", "/livez").status, 0);
}

TEST_F(HttpServerTest, WhatIsLeftAtTheDeadlineIsToldSo) {
  StartFilled();
  backend_.word_delay_ms = 5;
  backend_.least_words = 1 << 30;
  RawConnection stream(at_);
  stream.Send(RequestText("POST", "/v1/answer", R"({"text":"boats","collection":"c"})",
                          {"Content-Type: application/json", "Accept: text/event-stream"}));
  EXPECT_TRUE(Eventually([&] { return backend_.words_sent > 3; }));
  std::thread stop([&] { server_->Stop(absl::Now()); });
  const RawReply reply = stream.Read();
  stop.join();
  EXPECT_THAT(reply.body, HasSubstr("event: error"));
  EXPECT_THAT(reply.body, HasSubstr("shutting_down"));
}

TEST_F(HttpServerTest, ManySlowClientsDoNotHoldUpOthers) {
  StartFilled();
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<RawConnection>(at_));
    slow.back()->Send(i % 2 == 0 ? "GET /livez HT"
                                 : "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 99\r\n\r\n{");
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(PostJson(at_, "/v1/search", R"({"text":"boats","collection":"c"})").status, 200);
  }
}

TEST_F(HttpServerTest, ReportsRequestsByRouteNotByPath) {
  std::vector<std::string> seen;
  absl::Mutex mu;
  state_.request_done = [&](const std::string& route, int status, absl::Duration) {
    absl::MutexLock lock(&mu);
    seen.push_back(absl::StrCat(route, " ", status));
  };
  Start();
  Fetch(at_, "GET", "/v1/passages/some%2Fid");
  Fetch(at_, "GET", "/elsewhere");
  server_->Stop(absl::Now() + absl::Seconds(10));
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("GET /v1/passages/{passage} 404", "GET / 404"));
}

TEST(HttpServerOptionsTest, WhatCannotBeIsRefusedAtStart) {
  FakeBackend backend;
  HttpOptions options;
  for (const char* bad : {"", "8080", "localhost", "a.example:80", "127.0.0.1:99999", "[::1:80"}) {
    options.address = bad;
    EXPECT_THAT(HttpServer::Start(options, backend.channel(), {}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  options.address = "127.0.0.1:0";
  options.web_root = "/nowhere/at/all";
  EXPECT_THAT(HttpServer::Start(options, backend.channel(), {}),
              StatusIs(absl::StatusCode::kNotFound));
  options.web_root = "";
  options.threads = 0;
  EXPECT_THAT(HttpServer::Start(options, backend.channel(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  options.threads = 1;
  auto first = HttpServer::Start(options, backend.channel(), {});
  ASSERT_THAT(first, IsOk());
  options.address = (*first)->address();
  EXPECT_THAT(HttpServer::Start(options, backend.channel(), {}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace sightline::gateway
