// The whole server in one process: real gRPC on loopback, corpus, ingest and decoders; a fake
// network.

#include "services/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "model/seal.h"
#include "proto/reply_json.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"
#include "tests/services/gateway/raw_http.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::sightline::testing::EndlessGenerator;
using ::sightline::testing::FakeEncoder;
using ::sightline::testing::FakeGenerator;
using ::sightline::testing::FakeReranker;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

std::string GoldenPicture(const std::string& name) {
  return ReadFile(std::string(SIGHTLINE_SOURCE_DIR) + "/tests/golden/images/" + name).value();
}

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create()); }

  ServerConfig Config() const {
    const auto config =
        sightline::Config::Load(ServerConfigTable(), {.flags = {{"grpc", "127.0.0.1:0"},
                                                                {"http", "127.0.0.1:0"},
                                                                {"data", dir_->path() + "/data"},
                                                                {"log-level", "error"}}});
    ServerConfig out = ReadServerConfig(*config).value();
    out.media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    out.grace = absl::Seconds(20);
    out.filters = filters_;
    return out;
  }

  void Start(std::unique_ptr<model::Generator> generator = nullptr, bool reranker = false) {
    model::LoadedModel model;
    model.encoder = std::make_unique<FakeEncoder>();
    model.generator = std::move(generator);
    if (reranker) model.reranker = std::make_unique<FakeReranker>();
    auto server = Server::Start(Config(), std::move(model), "1.2.3");
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
    query_ = v1::QueryService::NewStub(channel_);
  }

  static void SetDeadline(grpc::ClientContext& context, int seconds = 60) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  }

  // Ingests one file and waits until it is searchable.
  void Ingest(const std::string& source, const std::string& bytes, const std::string& lang = "en") {
    auto stub = v1::IngestService::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(context);
    auto stream = stub->IngestDocuments(&context);
    v1::IngestRequest request;
    request.set_tag(1);
    v1::DocumentHeader& header = *request.mutable_header();
    header.set_collection("c");
    header.set_source(source);
    header.set_create_collection(true);
    (*header.mutable_metadata()->mutable_fields())["lang"].set_string_value(lang);
    ASSERT_TRUE(stream->Write(request));
    request.mutable_chunk()->set_data(bytes);
    request.mutable_chunk()->set_last(true);
    ASSERT_TRUE(stream->Write(request));
    stream->WritesDone();
    v1::IngestOutcome outcome = v1::INGEST_OUTCOME_UNSPECIFIED;
    v1::IngestStatus status;
    while (stream->Read(&status)) {
      if (status.has_finished()) outcome = status.finished().outcome();
    }
    ASSERT_THAT(edge::FromGrpcStatus(stream->Finish()), IsOk());
    ASSERT_EQ(outcome, v1::INGEST_OUTCOME_INDEXED) << status.ShortDebugString();
  }

  void IngestSamples() {
    Ingest("mill.txt", "The mill was built in 1850. It burned down in 1901.");
    Ingest("bridge.txt", "The bridge is 120 metres long.");
    Ingest("tower.txt", "这座塔高45米。塔建于1970年。", "zh");
    Ingest("photo.jpg", GoldenPicture("photo_120x88.jpg"));
  }

  static v1::SearchRequest Query(const std::string& text) {
    v1::SearchRequest request;
    request.set_collection("c");
    if (!text.empty()) request.add_query()->set_text(text);
    return request;
  }

  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SearchResponse response;
    const absl::Status status = edge::FromGrpcStatus(query_->Search(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  absl::StatusOr<std::vector<v1::AnswerEvent>> Ask(const v1::SearchAndAnswerRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    auto reader = query_->SearchAndAnswer(&context, request);
    std::vector<v1::AnswerEvent> events;
    v1::AnswerEvent event;
    while (reader->Read(&event)) events.push_back(event);
    const absl::Status status = edge::FromGrpcStatus(reader->Finish());
    if (!status.ok()) return status;
    return events;
  }

  // A unary call whose messages are raw bytes, for services whose proto files are not ours.
  std::string RawCall(const std::string& method, const std::string& request, bool stream) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    SetDeadline(context);
    grpc::CompletionQueue queue;
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      return ok;
    };
    auto call = stub.PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    if (!wait()) return "";
    const grpc::Slice slice(request);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    if (!wait()) return "";
    if (!stream) {
      call->WritesDone(nullptr);
      wait();
    }
    grpc::ByteBuffer reply;
    call->Read(&reply, nullptr);
    std::string out;
    if (wait()) {
      std::vector<grpc::Slice> slices;
      reply.Dump(&slices);
      for (const grpc::Slice& part : slices) {
        out.append(reinterpret_cast<const char*>(part.begin()), part.size());
      }
    }
    context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return out;
  }

  std::unique_ptr<TempDir> dir_;
  query::FilterOptions filters_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::QueryService::Stub> query_;
};

TEST_F(ServerTest, FindsByTextByPhotoAndByBoth) {
  Start();
  IngestSamples();
  ASSERT_OK_AND_ASSIGN(auto by_text, Search(Query("how long is the bridge")));
  ASSERT_GT(by_text.hits_size(), 0);
  EXPECT_EQ(by_text.hits(0).passage().source(), "bridge.txt");
  EXPECT_TRUE(by_text.hits(0).scores().has_dense());
  EXPECT_GT(by_text.timings().total_ms(), 0);

  v1::SearchRequest photo = Query("");
  photo.add_query()->set_image(GoldenPicture("photo_120x88.jpg"));
  ASSERT_OK_AND_ASSIGN(auto by_photo, Search(photo));
  ASSERT_GT(by_photo.hits_size(), 0);
  EXPECT_EQ(by_photo.hits(0).passage().source(), "photo.jpg");
  EXPECT_TRUE(by_photo.hits(0).passage().has_image());

  photo.add_query()->set_text("photo");
  ASSERT_OK_AND_ASSIGN(auto by_both, Search(photo));
  EXPECT_EQ(by_both.hits(0).passage().source(), "photo.jpg");
}

TEST_F(ServerTest, WeightsAndStoredDocumentsAreQueriesThroughGrpcAndRest) {
  Start();
  IngestSamples();
  v1::SearchRequest request = Query("The mill and the bridge");
  v1::Content& less = *request.add_query();
  less.set_text("The mill was built in 1850. It burned down in 1901.");
  less.set_weight(-1);
  request.set_mode(v1::SEARCH_MODE_DENSE);
  ASSERT_OK_AND_ASSIGN(const auto weighted, Search(request));
  EXPECT_EQ(weighted.hits(0).passage().source(), "bridge.txt");
  EXPECT_GT(weighted.timings().encode_ms(), 0);

  const std::string mill = [&] {
    const auto found = Search(Query("mill"));
    return found.ok() ? found->hits(0).passage().document_id() : "";
  }();
  request = Query("");
  request.add_query()->set_document_id(mill);
  ASSERT_OK_AND_ASSIGN(const auto alike, Search(request));
  ASSERT_GT(alike.hits_size(), 0);
  for (const auto& hit : alike.hits()) EXPECT_NE(hit.passage().document_id(), mill);
  const auto rest = gateway::PostJson(
      server_->http_address(), "/v1/search",
      absl::StrCat(R"({"collection":"c","parts":[{"document_id":")", mill, "\"}]}"));
  EXPECT_THAT(rest.body,
              HasSubstr(absl::StrCat(R"("passage_id":")", alike.hits(0).passage().passage_id())));

  request.mutable_query(0)->set_document_id("nowhere");
  const auto missing = Search(request);
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(edge::Reason(missing.status()), "no_document");
  v1::SearchAndAnswerRequest ask;
  *ask.mutable_search() = request;
  EXPECT_EQ(edge::Reason(Ask(ask).status()), "empty_query");
}

TEST_F(ServerTest, EveryFormOfQueryHoldsTogetherThroughGrpcAndRest) {
  Start(nullptr, true);
  IngestSamples();
  v1::SearchRequest request = Query("The mill and the bridge");
  v1::Content& less = *request.add_query();
  less.set_text("metres");
  less.set_weight(-0.5f);
  request.set_rerank(true);
  request.set_group_by_document(true);
  request.set_neighbours(1);
  request.set_explain(true);
  ASSERT_OK_AND_ASSIGN(const auto found, Search(request));
  ASSERT_GT(found.hits_size(), 1);
  std::set<std::string> documents;
  for (const v1::Hit& hit : found.hits()) {
    EXPECT_TRUE(documents.insert(hit.passage().document_id()).second);
    EXPECT_TRUE(hit.scores().has_rerank());
    EXPECT_TRUE(hit.scores().has_dense());
    EXPECT_EQ(hit.explanation().group_rank(), 1);
    EXPECT_GT(hit.explanation().fused_rank(), 0);
  }
  EXPECT_GT(found.timings().encode_ms(), 0);
  EXPECT_GT(found.timings().dense_ms(), 0);
  EXPECT_GT(found.timings().lexical_ms(), 0);
  EXPECT_GT(found.timings().fuse_ms(), 0);
  EXPECT_GT(found.timings().rerank_ms(), 0);

  const auto rest = gateway::PostJson(
      server_->http_address(), "/v1/search",
      R"({"collection":"c","text":"The mill and the bridge","parts":[{"text":"metres",)"
      R"("weight":-0.5}],"rerank":true,"group_by_document":true,"neighbours":1,"explain":true})");
  EXPECT_EQ(rest.status, 200);
  EXPECT_EQ(rest.body.substr(0, rest.body.find("\"timings_ms\"")),
            SearchReplyJson(found).substr(0, SearchReplyJson(found).find("\"timings_ms\"")));

  request.set_time_from("yesterday");
  const auto bad = Search(request);
  EXPECT_EQ(edge::Reason(bad.status()), "bad_time");
  EXPECT_EQ(edge::Fields(bad.status())[0].field, "time_from");
  request.set_time_from("2024-01-01");
  ASSERT_OK_AND_ASSIGN(const auto dated, Search(request));
  EXPECT_EQ(dated.hits_size(), 0);
}

TEST_F(ServerTest, ASearchReadsPhrasesAndPrefixesAndAQuestionDoesNot) {
  Start();
  IngestSamples();
  ASSERT_OK_AND_ASSIGN(const auto phrase, Search(Query("\"burned down\"")));
  ASSERT_EQ(phrase.hits_size(), 1);
  EXPECT_EQ(phrase.hits(0).passage().source(), "mill.txt");
  v1::SearchRequest prefix = Query("metr*");
  prefix.set_mode(v1::SEARCH_MODE_LEXICAL);
  ASSERT_OK_AND_ASSIGN(const auto begun, Search(prefix));
  ASSERT_EQ(begun.hits_size(), 1);
  EXPECT_EQ(begun.hits(0).passage().source(), "bridge.txt");

  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("What \"long mill\" burned down?");
  request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  ASSERT_FALSE(events.empty());
  EXPECT_GT(events.back().done().hits_size(), 1);
}

TEST_F(ServerTest, FiltersLimitTheHitsAndMalformedOnesNameTheirPosition) {
  Start();
  IngestSamples();
  v1::SearchRequest request = Query("tower mill bridge");
  request.set_filter("lang = \"zh\"");
  ASSERT_OK_AND_ASSIGN(auto found, Search(request));
  ASSERT_GT(found.hits_size(), 0);
  for (const auto& hit : found.hits()) EXPECT_EQ(hit.passage().source(), "tower.txt");

  request.set_filter("lang = = \"zh\"");
  EXPECT_THAT(Search(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("7")));
}

TEST_F(ServerTest, ABlockedQuestionIsRefusedAndAMaskedOneSearched) {
  filters_.questions = query::ContentRules::Parse("block card\nmask words town: Ulm").value();
  Start();
  IngestSamples();
  const auto refused = Search(Query("Who paid with 4111 1111 1111 1111?"));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rule card")));
  EXPECT_THAT(std::string(refused.status().message()), Not(HasSubstr("4111")));
  EXPECT_EQ(edge::Reason(refused.status()), "content_blocked");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "query[0]");
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("4111-1111-1111-1111");
  EXPECT_THAT(Ask(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rule card")));

  v1::SearchRequest search = Query("bridge Ulm");
  search.set_mode(v1::SEARCH_MODE_LEXICAL);
  search.set_explain(true);
  ASSERT_OK_AND_ASSIGN(const auto found, Search(search));
  EXPECT_EQ(found.hits(0).passage().source(), "bridge.txt");
  Ingest("ulm.txt", "Ulm.");
  ASSERT_OK_AND_ASSIGN(const auto masked, Search(search));
  for (const v1::Hit& hit : masked.hits()) EXPECT_NE(hit.passage().source(), "ulm.txt");
}

TEST_F(ServerTest, AnswersPassagesAndSnippetsAreMaskedAndCitationsStayInPlace) {
  filters_.answers = query::ContentRules::Parse("mask email").value();
  Start(std::make_unique<FakeGenerator>(
      "Ann of the mill is ann@example.org [1]. The bridge is 120 metres long [2]."));
  Ingest("mill.txt", "Ann of the mill is ann@example.org.");
  Ingest("bridge.txt", "The bridge is 120 metres long.");
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("Ann of the mill");
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  std::string text;
  std::vector<v1::Citation> citations;
  for (const v1::AnswerEvent& event : events) {
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("ann@")));
    if (event.has_delta()) text += event.delta().text();
    if (event.has_citation()) citations.push_back(event.citation());
  }
  const v1::AnswerResponse& done = events.back().done();
  EXPECT_EQ(done.answer(), "Ann of the mill is [email] [1]. The bridge is 120 metres long [2].");
  EXPECT_EQ(text, done.answer());
  ASSERT_EQ(done.citations_size(), 2);
  ASSERT_EQ(citations.size(), 2u);
  EXPECT_EQ(citations[0].snippet(), "Ann of the mill is [email].");
  const auto cited = [&](const v1::Citation& c) {
    return text.substr(c.start(), c.end() - c.start());
  };
  for (const auto& both : {citations, {done.citations().begin(), done.citations().end()}}) {
    EXPECT_THAT(cited(both[0]), HasSubstr("Ann of the mill is [email]"));
    EXPECT_THAT(cited(both[1]), HasSubstr("The bridge is 120 metres long"));
    EXPECT_THAT(cited(both[1]), Not(HasSubstr("Ann")));
  }

  v1::GetPassageRequest get;
  get.set_passage_id(done.citations(0).hit().passage().passage_id());
  v1::GetPassageResponse passage;
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_THAT(edge::FromGrpcStatus(query_->GetPassage(&context, get, &passage)), IsOk());
  EXPECT_EQ(passage.passage().text(), "Ann of the mill is [email].");
}

TEST_F(ServerTest, ABlockedAnswerEndsAndSaysSo) {
  filters_.answers = query::ContentRules::Parse("block words fire: burned").value();
  auto generator = std::make_unique<FakeGenerator>("The mill was built in 1850 [1]. It burned.");
  Start(std::move(generator));
  Ingest("mill.txt", "The mill was built in 1850.");
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("mill");
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  const v1::AnswerResponse& done = events.back().done();
  EXPECT_EQ(done.answer(), "The mill was built in 1850 [1]. It ");
  EXPECT_EQ(done.finish_reason(), "content_filter");
  EXPECT_EQ(done.mode(), v1::ANSWER_MODE_GENERATIVE);
  EXPECT_EQ(done.citations_size(), 1);

  const std::string chat = R"({"messages":[{"role":"user","content":"mill"}],"collection":"c"})";
  const gateway::RawReply reply =
      gateway::PostJson(server_->http_address(), "/v1/chat/completions", chat);
  EXPECT_THAT(reply.body, HasSubstr(R"("finish_reason":"content_filter")"));
}

TEST_F(ServerTest, AFollowUpIsRewrittenSearchedAndAnsweredInItsConversation) {
  auto owned = std::make_unique<FakeGenerator>(std::vector<std::string>{
      "When did the mill burn down?", "It burned down in 1901 [1]. It is old [3]."});
  const FakeGenerator& generator = *owned;
  Start(std::move(owned));
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("And when did it burn down?");
  v1::Turn& asked = *request.mutable_search()->add_history();
  asked.set_role("user");
  asked.add_content()->set_text("When was the mill built?");
  v1::Turn& answered = *request.mutable_search()->add_history();
  answered.set_role("assistant");
  answered.add_content()->set_text("In 1850 [1].");
  request.mutable_search()->set_k(1);
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  const v1::AnswerResponse& done = events.back().done();
  EXPECT_EQ(done.follow_up().rewritten_query(), "When did the mill burn down?");
  EXPECT_TRUE(done.follow_up().generated());
  EXPECT_EQ(events.front().retrieved().search().follow_up().rewritten_query(),
            done.follow_up().rewritten_query());
  EXPECT_EQ(done.hits(0).passage().source(), "mill.txt");
  EXPECT_EQ(done.answer(), "It burned down in 1901 [1]. It is old.");
  const model::GenerateInput input = generator.last_input();
  ASSERT_EQ(input.messages.size(), 4u);
  EXPECT_EQ(std::get<std::string>(input.messages[2].parts.front()), "In 1850.");
  EXPECT_GT(done.usage().completion_tokens(), 13);  // the rewriting's count too
}

TEST_F(ServerTest, ARuleSeesWhatARewritingPutsTogether) {
  filters_.questions = query::ContentRules::Parse("block words arson: mill burn down").value();
  Start(std::make_unique<FakeGenerator>(
      std::vector<std::string>{"When did the mill burn down?", "Never."}));
  IngestSamples();
  v1::SearchRequest request = Query("And when did it burn down?");
  v1::Turn& asked = *request.add_history();
  asked.set_role("user");
  asked.add_content()->set_text("When was the mill built?");
  const auto refused = Search(request);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rule arson")));
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "history");
}

TEST_F(ServerTest, AnEarlierPhotoIsSearchedWithAQuestionAboutIt) {
  Start();
  IngestSamples();
  v1::SearchRequest request = Query("this one");
  ASSERT_OK_AND_ASSIGN(const auto alone, Search(request));
  EXPECT_NE(alone.hits(0).passage().source(), "photo.jpg");
  EXPECT_FALSE(alone.has_follow_up());
  v1::Turn& turn = *request.add_history();
  turn.set_role("user");
  turn.add_content()->set_text("Do we have it?");
  turn.add_content()->set_image(GoldenPicture("photo_120x88.jpg"));
  ASSERT_OK_AND_ASSIGN(const auto found, Search(request));
  EXPECT_EQ(found.hits(0).passage().source(), "photo.jpg");
  ASSERT_EQ(found.follow_up().pictures_size(), 1);
  EXPECT_EQ(found.follow_up().pictures(0).part(), 1);

  turn.set_role("king");
  const auto refused = Search(request);
  EXPECT_EQ(edge::Reason(refused.status()), "bad_role");
  EXPECT_EQ(edge::Fields(refused.status()).at(0).field, "history[0].role");
}

TEST_F(ServerTest, ContentRulesHoldForAChatWithoutACollection) {
  filters_.questions = query::ContentRules::Parse("block card\nmask email").value();
  filters_.answers = query::ContentRules::Parse("mask email\nblock words fire: burned").value();
  auto owned = std::make_unique<FakeGenerator>(
      std::vector<std::string>{"Write to ann@example.org today.", "The mill burned down in 1901."});
  const FakeGenerator& generator = *owned;
  Start(std::move(owned));
  const auto chat = [&](const std::string& text, const std::string& fields) {
    return gateway::PostJson(
               server_->http_address(), "/v1/chat/completions",
               R"({"messages":[{"role":"user","content":")" + text + "\"}]" + fields + "}")
        .body;
  };
  EXPECT_THAT(chat("Pay with 4111 1111 1111 1111", ""), HasSubstr("content_blocked"));
  EXPECT_THAT(chat("I am bob@example.org", ""), HasSubstr("Write to [email] today."));
  EXPECT_EQ(std::get<std::string>(generator.last_input().messages[0].parts[0]), "I am [email]");
  const std::string blocked = chat("And the mill?", R"(,"stream":true)");
  EXPECT_THAT(blocked, HasSubstr(R"("finish_reason":"content_filter")"));
  EXPECT_THAT(blocked, HasSubstr("the content rule fire"));
  EXPECT_THAT(blocked, Not(HasSubstr("1901")));
}

TEST_F(ServerTest, CallsOfToolsAreTakenOutOfTheText) {
  auto owned = std::make_unique<FakeGenerator>(
      "Let me look.\n<tool_call>\n{\"name\": \"stock\", \"arguments\": {\"part\": "
      "\"hinge\"}}\n</tool_call>");
  const FakeGenerator& generator = *owned;
  Start(std::move(owned));
  const gateway::RawReply reply =
      gateway::PostJson(server_->http_address(), "/v1/chat/completions",
                        R"({"messages":[{"role":"user","content":"How many hinges?"}],
          "tools":[{"type":"function","function":{"name":"stock"}}]})");
  EXPECT_THAT(reply.body, HasSubstr(R"("content":"Let me look.")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("name":"stock","arguments":"{\"part\": \"hinge\"}")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("finish_reason":"tool_calls")"));
  EXPECT_EQ(generator.last_input().tools,
            std::vector<std::string>{R"({"type": "function", "function": {"name": "stock"}})"});
}

TEST_F(ServerTest, ErrorsCarryReasonFieldAndResource) {
  Start();
  IngestSamples();
  v1::SearchRequest request = Query("x");
  request.set_collection("none");
  const auto unknown = Search(request);
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  ASSERT_TRUE(edge::ResourceOf(unknown.status()).has_value());
  EXPECT_EQ(edge::ResourceOf(unknown.status())->type, "collection");

  request = Query("");
  request.add_query()->set_image("this is no picture");
  const auto bad = Search(request);
  EXPECT_THAT(bad, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(edge::Reason(bad.status()), "");
  ASSERT_FALSE(edge::Fields(bad.status()).empty());
  EXPECT_EQ(edge::Fields(bad.status())[0].field, "query[0].image");

  request = Query("x");
  request.set_k(5000);
  EXPECT_THAT(Search(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("5000")));

  request = Query("x");
  request.set_rerank(true);
  EXPECT_EQ(edge::Reason(Search(request).status()), "no_reranker");
}

TEST_F(ServerTest, ADeadlineOfOneMillisecondIsExceededAndLeavesNothingBehind) {
  Start();
  IngestSamples();
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    // The first has passed already: on a busy machine an answer can overtake the timer of any
    // other.
    context.set_deadline(
        std::chrono::system_clock::now() +
        (i == 0 ? std::chrono::microseconds(-1000) : std::chrono::microseconds(i * 50)));
    v1::SearchAndAnswerRequest request;
    *request.mutable_search() = Query("mill");
    auto reader = query_->SearchAndAnswer(&context, request);
    v1::AnswerEvent event;
    while (reader->Read(&event)) {
    }
    const auto code = reader->Finish().error_code();
    EXPECT_TRUE(code == grpc::StatusCode::DEADLINE_EXCEEDED || code == grpc::StatusCode::OK);
    if (i == 0) {
      EXPECT_EQ(code, grpc::StatusCode::DEADLINE_EXCEEDED);
    }
  }
  ASSERT_OK_AND_ASSIGN(auto found, Search(Query("mill")));
  server_->Stop();
  EXPECT_THAT(server_->MetricsText(),
              Not(HasSubstr("requests_in_flight{method=\"QueryService/SearchAndAnswer\"} -")));
  EXPECT_THAT(server_->MetricsText(),
              HasSubstr("requests_in_flight{method=\"QueryService/Search\"} 0"));
}

TEST_F(ServerTest, ExtractiveAnswersStreamInOrderAndCite) {
  Start();
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("When was the mill built?");
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  ASSERT_GE(events.size(), 4u);
  EXPECT_TRUE(events.front().has_retrieved());
  EXPECT_TRUE(events.back().has_done());
  std::string text;
  int citations = 0;
  for (const auto& event : events) {
    if (event.has_delta()) text += event.delta().text();
    citations += event.has_citation();
  }
  const v1::AnswerResponse& done = events.back().done();
  EXPECT_EQ(done.answer(), text);
  EXPECT_THAT(text, HasSubstr("The mill was built in 1850. [1]"));
  EXPECT_EQ(done.mode(), v1::ANSWER_MODE_EXTRACTIVE);
  EXPECT_EQ(done.citations_size(), citations);
  ASSERT_GT(citations, 0);
  EXPECT_EQ(done.citations(0).hit().passage().source(), "mill.txt");
  EXPECT_EQ(done.citations(0).verdict(), v1::VERDICT_SUPPORTED);

  *request.mutable_search() = Query("Who painted the cathedral ceiling?");
  ASSERT_OK_AND_ASSIGN(const auto none, Ask(request));
  EXPECT_TRUE(none.back().done().abstained());
  EXPECT_EQ(none.back().done().finish_reason(), "abstained");
}

TEST_F(ServerTest, GeneratedAnswersHoldNoForeignMarkers) {
  Start(std::make_unique<FakeGenerator>("The mill was built in 1850 [1][42]. It stands [77]."));
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("mill built");
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  const v1::AnswerResponse& done = events.back().done();
  EXPECT_EQ(done.answer(), "The mill was built in 1850 [1]. It stands.");
  EXPECT_EQ(done.mode(), v1::ANSWER_MODE_GENERATIVE);
  ASSERT_EQ(done.citations_size(), 1);
  EXPECT_EQ(done.citations(0).marker(), 1);
  EXPECT_GT(done.usage().completion_tokens(), 0);

  v1::AnswerResponse unary;
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_THAT(edge::FromGrpcStatus(query_->Answer(&context, request, &unary)), IsOk());
  EXPECT_EQ(unary.answer(), done.answer());
}

TEST_F(ServerTest, JsonAnswersNeedAGenerator) {
  Start();
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("mill");
  request.set_json_schema("{}");
  EXPECT_THAT(Ask(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("json_schema")));
}

// One answer by every way out: as events, unary, and both again through the gateway.
TEST_F(ServerTest, TheSameAnswerComesWithTheSameCitationsEveryWay) {
  struct Case {
    std::string text;
    std::string schema;
    v1::VerdictPolicy policy = v1::VERDICT_POLICY_UNSPECIFIED;
    bool reasoning = false;
  };
  const Case cases[] = {
      {"The mill was built in 1850 [1][42]. Trust me.\n塔高45米【2】。 It burned down in 1999 [1].",
       "", v1::VERDICT_POLICY_FLAG, true},
      {"The mill was built in 1850 [1]. It burned down in 1999 [1].", "", v1::VERDICT_POLICY_DROP},
      {R"({"year": 1850, "note": "é", "list": [1, 77]})", R"({"type":"object"})"},
      {"The answer is not in this corpus.", ""}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    Start(std::make_unique<FakeGenerator>(c.text));
    IngestSamples();
    v1::SearchAndAnswerRequest request;
    *request.mutable_search() = Query("mill built");
    request.set_json_schema(c.schema);
    request.set_verdict_policy(c.policy);
    request.set_reasoning(c.reasoning);
    const auto plain = [](v1::AnswerResponse reply) {
      reply.clear_timings();
      return AnswerReplyJson(reply);
    };
    ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
    const v1::AnswerResponse& done = events.back().done();
    const std::string expected = plain(done);
    v1::AnswerResponse told;
    for (const v1::AnswerEvent& event : events) {
      if (event.has_reasoning()) told.mutable_reasoning()->append(event.reasoning().text());
      if (event.has_delta()) told.mutable_answer()->append(event.delta().text());
      if (event.has_citation()) *told.add_citations() = event.citation();
      if (event.has_field_citation()) *told.add_field_citations() = event.field_citation();
    }
    EXPECT_EQ(told.reasoning(), done.reasoning());
    EXPECT_EQ(told.answer(), done.answer());
    // A stream that ends as an abstention takes its citations back.
    v1::AnswerResponse cited = done;
    *cited.mutable_citations() = told.citations();
    *cited.mutable_field_citations() = told.field_citations();
    EXPECT_EQ(plain(cited), expected);
    EXPECT_EQ(done.abstained(), c.text[0] == 'T' && c.text[4] == 'a');
    EXPECT_EQ(done.field_citations_size() > 0, !c.schema.empty());
    EXPECT_EQ(done.reasoning().empty(), !c.reasoning);
    EXPECT_GT(done.hits_size(), 0);

    v1::AnswerResponse unary;
    grpc::ClientContext context;
    SetDeadline(context);
    ASSERT_THAT(edge::FromGrpcStatus(query_->Answer(&context, request, &unary)), IsOk());
    EXPECT_EQ(plain(unary), expected);

    const char* const policy = c.policy == v1::VERDICT_POLICY_DROP ? "drop" : "flag";
    const std::string body =
        absl::StrCat(R"({"collection":"c","text":"mill built","verdict_policy":")", policy, "\"",
                     c.schema.empty() ? "" : absl::StrCat(R"(,"json_schema":)", c.schema),
                     c.reasoning ? R"(,"reasoning":true)" : "");
    const auto without_times = [](std::string json) {
      const size_t begin = json.find("\"timings_ms\":{");
      json.erase(begin, json.find('}', begin) + 1 - begin);
      return json;
    };
    const gateway::RawReply rest =
        gateway::PostJson(server_->http_address(), "/v1/answer", body + "}");
    EXPECT_EQ(rest.status, 200) << rest.body;
    EXPECT_EQ(without_times(rest.body), without_times(AnswerReplyJson(done)));
    const gateway::RawReply stream =
        gateway::PostJson(server_->http_address(), "/v1/answer", body + R"(,"stream":true})");
    EXPECT_EQ(stream.status, 200) << stream.body;
    const size_t last = stream.body.find("event: done\ndata: ");
    ASSERT_NE(last, std::string::npos) << stream.body;
    std::string data = stream.body.substr(last + std::string("event: done\ndata: ").size());
    data.erase(data.find('\n'));
    EXPECT_EQ(without_times(data), without_times(AnswerReplyJson(done)));
    server_.reset();
  }
}

// A question whose answer repeats.
v1::SearchAndAnswerRequest Seeded(v1::SearchRequest search) {
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = std::move(search);
  request.mutable_sampling()->set_seed(1);
  return request;
}

// The events without what is of one call alone.
std::vector<std::string> WithoutTimes(std::vector<v1::AnswerEvent> events) {
  std::vector<std::string> out;
  for (v1::AnswerEvent& event : events) {
    if (event.has_retrieved()) {
      event.mutable_retrieved()->mutable_search()->clear_timings();
    }
    if (event.has_done()) {
      event.mutable_done()->clear_timings();
      event.mutable_done()->clear_cached();
    }
    out.push_back(event.SerializeAsString());
  }
  return out;
}

TEST_F(ServerTest, AnIdenticalQuestionGetsTheSameEventsWithoutTheGenerator) {
  auto owned = std::make_unique<FakeGenerator>(std::vector<std::string>{
      "The mill was built in 1850 [1]. 塔高45米 [2]. It burned down.", "written anew"});
  const FakeGenerator& generator = *owned;
  Start(std::move(owned));
  IngestSamples();
  const v1::SearchAndAnswerRequest request = Seeded(Query("mill built"));
  ASSERT_OK_AND_ASSIGN(const auto first, Ask(request));
  ASSERT_OK_AND_ASSIGN(const auto second, Ask(request));
  EXPECT_EQ(generator.inputs().size(), 1u);
  EXPECT_EQ(WithoutTimes(first), WithoutTimes(second));
  EXPECT_FALSE(first.back().done().cached());
  EXPECT_TRUE(second.back().done().cached());
  const v1::StageTimings& times = second.back().done().timings();
  EXPECT_GT(times.total_ms(), 0);
  EXPECT_EQ(times.generate_ms() + times.encode_ms() + times.dense_ms(), 0);
  EXPECT_GT(second.front().retrieved().search().timings().total_ms(), 0);

  v1::AnswerResponse unary;
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_THAT(edge::FromGrpcStatus(query_->Answer(&context, request, &unary)), IsOk());
  EXPECT_TRUE(unary.cached());
  EXPECT_EQ(unary.answer(), first.back().done().answer());
  const gateway::RawReply rest = gateway::PostJson(
      server_->http_address(), "/v1/answer", R"({"collection":"c","text":"mill built","seed":1})");
  EXPECT_THAT(rest.body, HasSubstr("\"cached\":true"));
  EXPECT_THAT(rest.body, HasSubstr("塔高45米"));
  const gateway::RawReply chat = gateway::PostJson(
      server_->http_address(), "/v1/chat/completions",
      R"({"messages":[{"role":"user","content":"mill built"}],"collection":"c","seed":1})");
  EXPECT_THAT(chat.body, HasSubstr("\"cached\":true"));
  EXPECT_EQ(generator.inputs().size(), 1u);

  const std::string metrics = server_->MetricsText();
  EXPECT_THAT(metrics, HasSubstr("sightline_cache_hits_total{cache=\"answers\"} 4"));
  EXPECT_THAT(metrics, HasSubstr("sightline_cache_misses_total{cache=\"answers\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("sightline_cache_evictions_total{cache=\"embeddings\"} 0"));
  EXPECT_THAT(metrics, Not(HasSubstr("sightline_cache_bytes{cache=\"answers\"} 0\n")));
  EXPECT_THAT(metrics, HasSubstr("sightline_stage_seconds_count{stage=\"encode\"} 1\n"));
}

TEST_F(ServerTest, WhoRefusesCachesIsAnsweredAnewAndSoIsADrawnAnswer) {
  auto owned =
      std::make_unique<FakeGenerator>(std::vector<std::string>{"one", "two", "three", "four", "5"});
  const FakeGenerator& generator = *owned;
  Start(std::move(owned));
  IngestSamples();
  v1::SearchAndAnswerRequest request = Seeded(Query("mill"));
  ASSERT_OK_AND_ASSIGN(const auto kept, Ask(request));
  request.mutable_search()->set_no_cache(true);
  ASSERT_OK_AND_ASSIGN(const auto anew, Ask(request));
  EXPECT_EQ(anew.back().done().answer(), "two");
  const std::string body = R"({"collection":"c","text":"mill","seed":1})";
  for (const char* header : {"Cache-Control: no-store", "cache-control: max-age=0, No-Cache"}) {
    const auto rest = gateway::PostJson(server_->http_address(), "/v1/answer", body, {header});
    EXPECT_THAT(rest.body, HasSubstr("\"cached\":false")) << header;
  }
  EXPECT_EQ(generator.inputs().size(), 4u);
  const auto rest = gateway::PostJson(server_->http_address(), "/v1/answer", body);
  EXPECT_THAT(rest.body, HasSubstr(R"("answer":"one")"));  // what was kept at first

  request.mutable_search()->clear_no_cache();
  request.mutable_sampling()->clear_seed();
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto drawn, Ask(request));
    EXPECT_FALSE(drawn.back().done().cached());
    EXPECT_EQ(drawn.back().done().answer(), "5");
  }
}

TEST_F(ServerTest, ADeletedDocumentIsInNoKeptAnswer) {
  Start();
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("When did the mill burn down?");
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
    EXPECT_THAT(events.back().done().answer(), HasSubstr("1901"));
    EXPECT_EQ(events.back().done().cached(), i == 1);
  }
  ASSERT_OK_AND_ASSIGN(const auto found, Search(Query("mill")));
  v1::DeleteDocumentRequest remove;
  remove.set_collection("c");
  remove.set_document_id(found.hits(0).passage().document_id());
  v1::DeleteDocumentResponse removed;
  grpc::ClientContext context;
  SetDeadline(context);
  ASSERT_THAT(edge::FromGrpcStatus(
                  v1::IngestService::NewStub(channel_)->DeleteDocument(&context, remove, &removed)),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto events, Ask(request));
  EXPECT_FALSE(events.back().done().cached());
  for (const v1::AnswerEvent& event : events) {
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("1901")));
  }
}

TEST_F(ServerTest, WhatFiltersDoHoldsForKeptAnswers) {
  filters_.questions = query::ContentRules::Parse("block card\nmask words town: Ulm").value();
  filters_.answers = query::ContentRules::Parse("mask email\nblock words fire: burned").value();
  Start(std::make_unique<FakeGenerator>("Ann is ann@example.org [1]. It burned."));
  Ingest("mill.txt", "Ann of the mill is ann@example.org.");
  const v1::SearchAndAnswerRequest request = Seeded(Query("Ann of the mill"));
  ASSERT_OK_AND_ASSIGN(const auto first, Ask(request));
  ASSERT_OK_AND_ASSIGN(const auto second, Ask(request));
  EXPECT_TRUE(second.back().done().cached());
  EXPECT_EQ(second.back().done().finish_reason(), "content_filter");
  EXPECT_EQ(WithoutTimes(first), WithoutTimes(second));
  for (const v1::AnswerEvent& event : second) {
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("ann@")));
    EXPECT_THAT(event.ShortDebugString(), Not(HasSubstr("burned")));
  }
  EXPECT_THAT(Ask(Seeded(Query("4111 1111 1111 1111"))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rule card")));
  // Questions that the rules make equal are one question.
  ASSERT_OK_AND_ASSIGN(const auto ulm, Ask(Seeded(Query("Ann of Ulm"))));
  ASSERT_OK_AND_ASSIGN(const auto again, Ask(Seeded(Query("Ann of [town]"))));
  EXPECT_TRUE(again.back().done().cached());
}

TEST_F(ServerTest, AnAnswerThatIsCutShortIsNotKept) {
  auto owned = std::make_unique<EndlessGenerator>();
  const EndlessGenerator& generator = *owned;
  Start(std::move(owned));
  IngestSamples();
  const v1::SearchAndAnswerRequest request = Seeded(Query("mill"));
  for (int i = 0; i < 2; ++i) {
    grpc::ClientContext context;
    SetDeadline(context, 1);
    v1::AnswerResponse reply;
    EXPECT_EQ(query_->Answer(&context, request, &reply).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  while (generator.running) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_THAT(server_->MetricsText(), HasSubstr("sightline_cache_bytes{cache=\"answers\"} 0\n"));
}

TEST_F(ServerTest, CancellingAStreamStopsTheGeneration) {
  auto owned = std::make_unique<EndlessGenerator>();
  EndlessGenerator& generator = *owned;
  Start(std::move(owned));
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("mill");
  grpc::ClientContext context;
  auto reader = query_->SearchAndAnswer(&context, request);
  v1::AnswerEvent event;
  int deltas = 0;
  while (deltas < 3 && reader->Read(&event)) deltas += event.has_delta();
  ASSERT_EQ(deltas, 3);
  EXPECT_TRUE(generator.running);
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (generator.running && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_FALSE(generator.running);
}

TEST_F(ServerTest, StopCancelsEndlessWorkAtTheEndOfTheGrace) {
  auto owned = std::make_unique<EndlessGenerator>();
  EndlessGenerator& generator = *owned;
  model::LoadedModel model;
  model.encoder = std::make_unique<FakeEncoder>();
  model.generator = std::move(owned);
  ServerConfig config = Config();
  config.grace = absl::Milliseconds(200);
  ASSERT_OK_AND_ASSIGN(server_, Server::Start(config, std::move(model), "1.2.3"));
  channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
  query_ = v1::QueryService::NewStub(channel_);
  IngestSamples();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = Query("mill");
  grpc::ClientContext context;
  auto reader = query_->SearchAndAnswer(&context, request);
  v1::AnswerEvent event;
  while (reader->Read(&event) && !event.has_delta()) {
  }
  EXPECT_THAT(server_->Ready(), IsOk());
  std::thread stopper([this] { server_->Stop(); });
  while (reader->Read(&event)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
  stopper.join();
  EXPECT_FALSE(generator.running);
  EXPECT_THAT(server_->Ready(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(Search(Query("mill")).ok());
}

TEST_F(ServerTest, StoppedServerKeepsItsDocumentsForTheNext) {
  Start();
  IngestSamples();
  server_->Stop();
  server_.reset();
  Start();
  ASSERT_OK_AND_ASSIGN(auto found, Search(Query("bridge")));
  ASSERT_GT(found.hits_size(), 0);
  EXPECT_EQ(found.hits(0).passage().source(), "bridge.txt");
}

TEST_F(ServerTest, PassagesAndTheirPicturesCanBeFetched) {
  Start();
  IngestSamples();
  v1::SearchRequest photo = Query("");
  photo.add_query()->set_image(GoldenPicture("photo_120x88.jpg"));
  ASSERT_OK_AND_ASSIGN(auto found, Search(photo));
  const std::string id = found.hits(0).passage().passage_id();

  v1::GetPassageRequest get;
  get.set_passage_id(id);
  v1::GetPassageResponse passage;
  {
    grpc::ClientContext context;
    ASSERT_THAT(edge::FromGrpcStatus(query_->GetPassage(&context, get, &passage)), IsOk());
    EXPECT_EQ(passage.passage().source(), "photo.jpg");
  }
  const auto image = [&](const std::string& passage_id, int side) {
    grpc::ClientContext context;
    v1::GetPassageImageRequest request;
    request.set_passage_id(passage_id);
    request.set_max_side(side);
    v1::GetPassageImageResponse response;
    const absl::Status status =
        edge::FromGrpcStatus(query_->GetPassageImage(&context, request, &response));
    return status.ok() ? absl::StatusOr<v1::GetPassageImageResponse>(response) : status;
  };
  ASSERT_OK_AND_ASSIGN(const auto stored, image(id, 0));
  EXPECT_EQ(stored.data(), GoldenPicture("photo_120x88.jpg"));
  EXPECT_EQ(stored.media_type(), "image/jpeg");
  ASSERT_OK_AND_ASSIGN(const auto small, image(id, 32));
  EXPECT_EQ(std::max(small.width(), small.height()), 32);
  EXPECT_THAT(image(id, 5), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(image("999999", 0), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(image("+1", 0), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(auto text, Search(Query("bridge")));
  EXPECT_EQ(edge::Reason(image(text.hits(0).passage().passage_id(), 0).status()), "no_picture");
}

TEST_F(ServerTest, AHeatmapShowsWhereThePictureMatches) {
  Start();
  Ingest("pair.png", GoldenPicture("big_333x251.png"));
  Ingest("bridge.txt", "The bridge is 120 metres long.");
  const auto id_of = [&](const std::string& source) -> std::string {
    v1::SearchRequest request = Query("bridge");
    const auto found = Search(request);
    for (const v1::Hit& hit : found->hits()) {
      if (hit.passage().source() == source) return hit.passage().passage_id();
    }
    return "";
  };
  const auto heatmap = [&](const v1::GetPassageHeatmapRequest& request) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::GetPassageHeatmapResponse response;
    const absl::Status status =
        edge::FromGrpcStatus(query_->GetPassageHeatmap(&context, request, &response));
    return status.ok() ? absl::StatusOr<v1::GetPassageHeatmapResponse>(response) : status;
  };
  v1::GetPassageHeatmapRequest request;
  request.set_passage_id(id_of("pair.png"));
  // The very pixels of one of its regions, which the fake encoder knows again.
  v1::Content& part = *request.add_query();
  part.set_image(GoldenPicture("big_333x251.png"));
  part.mutable_crop()->set_x0(64.3f / 333);
  part.mutable_crop()->set_y0(32.3f / 251);
  part.mutable_crop()->set_x1(95.7f / 333);
  part.mutable_crop()->set_y1(63.7f / 251);
  ASSERT_OK_AND_ASSIGN(const auto found, heatmap(request));
  EXPECT_EQ(found.rows(), 7);
  EXPECT_EQ(found.columns(), 10);
  EXPECT_EQ(found.width(), 333);
  EXPECT_EQ(found.height(), 251);
  ASSERT_EQ(found.values_size(), 70);
  const auto hottest = std::max_element(found.values().begin(), found.values().end());
  const auto cell = static_cast<int>(hottest - found.values().begin());
  EXPECT_EQ(cell, 1 * 10 + 2);
  EXPECT_NEAR(found.values(cell), 1, 1e-5);
  EXPECT_FLOAT_EQ(found.box().x0(), 0.2f);
  EXPECT_FLOAT_EQ(found.box().y1(), 2 / 7.0f);
  EXPECT_EQ(found.words_size(), 0);
  EXPECT_TRUE(found.drawn().empty());

  request.add_query()->set_text("left side, 红色");
  request.set_words(true);
  request.set_picture(v1::HEATMAP_PICTURE_OVER);
  request.set_max_side(64);
  ASSERT_OK_AND_ASSIGN(const auto drawn, heatmap(request));
  ASSERT_EQ(drawn.words_size(), 3);
  EXPECT_EQ(drawn.words(1).text(), "side");
  EXPECT_EQ(drawn.words(1).start(), 5);
  EXPECT_EQ(drawn.words(1).end(), 9);
  EXPECT_EQ(drawn.words(2).values_size(), 70);
  EXPECT_EQ(drawn.drawn().substr(1, 3), "PNG");
  EXPECT_EQ(drawn.drawn_width(), 64);
  EXPECT_EQ(drawn.drawn_height(), 48);

  request.set_word(3);
  EXPECT_THAT(heatmap(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request.set_word(2);
  ASSERT_OK_AND_ASSIGN(const auto of_word, heatmap(request));
  EXPECT_NE(of_word.drawn(), drawn.drawn());
  request.set_max_side(5);
  EXPECT_THAT(heatmap(request), StatusIs(absl::StatusCode::kInvalidArgument));

  // What leans on what was said before is looked for with it.
  EXPECT_FALSE(found.has_follow_up());
  v1::GetPassageHeatmapRequest leaning;
  leaning.set_passage_id(id_of("pair.png"));
  leaning.add_query()->set_text("And how long is it?");
  leaning.set_words(true);
  v1::Turn& turn = *leaning.add_history();
  turn.set_role("user");
  turn.add_content()->set_text("Where is the bridge?");
  ASSERT_OK_AND_ASSIGN(const auto with_history, heatmap(leaning));
  EXPECT_THAT(with_history.follow_up().rewritten_query(), HasSubstr("bridge"));
  EXPECT_THAT(with_history.words(),
              ::testing::Contains(::testing::Property(&v1::HeatmapWord::text, "bridge")));
  turn.set_role("narrator");
  EXPECT_EQ(edge::Reason(heatmap(leaning).status()), "bad_role");

  v1::GetPassageHeatmapRequest bad;
  bad.set_passage_id(id_of("pair.png"));
  EXPECT_EQ(edge::Reason(heatmap(bad).status()), "empty_query");
  bad.add_query()->set_text(std::string(40 << 10, 'a'));
  EXPECT_EQ(edge::Reason(heatmap(bad).status()), "text_too_long");
  bad.mutable_query(0)->set_text("bridge");
  bad.set_passage_id(id_of("bridge.txt"));
  EXPECT_EQ(edge::Reason(heatmap(bad).status()), "no_picture");
  bad.set_passage_id("999999");
  EXPECT_THAT(heatmap(bad), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ServerTest, LocateGivesPlacesOfTheWholePicture) {
  Start(std::make_unique<FakeGenerator>(R"({"bbox_2d": [0, 500, 500, 1000]})"));
  auto stub = v1::ModelService::NewStub(channel_);
  v1::LocateRequest request;
  v1::Content& picture = *request.add_content();
  picture.set_image(GoldenPicture("square_64x64.png"));
  const auto locate = [&]() -> absl::StatusOr<v1::LocateResponse> {
    grpc::ClientContext context;
    v1::LocateResponse response;
    const absl::Status status = edge::FromGrpcStatus(stub->Locate(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  };
  EXPECT_EQ(edge::Reason(locate().status()), "no_text");
  request.add_content()->set_text("Where is the red cup?");
  {
    ASSERT_OK_AND_ASSIGN(const v1::LocateResponse found, locate());
    ASSERT_EQ(found.places_size(), 1);
    EXPECT_FLOAT_EQ(found.places(0).box().y0(), 0.5f);
    EXPECT_FLOAT_EQ(found.places(0).box().x1(), 0.5f);
    EXPECT_EQ(found.places(0).says(), R"({"bbox_2d": [0, 500, 500, 1000]})");
    EXPECT_EQ(found.model(), "fake-generator");
    EXPECT_GT(found.usage().completion_tokens(), 0);
  }
  picture.mutable_crop()->set_x0(0.51f);  // in the middle of a pixel: all of that is looked at
  picture.mutable_crop()->set_x1(1);
  picture.mutable_crop()->set_y1(0.5f);
  {
    ASSERT_OK_AND_ASSIGN(const v1::LocateResponse found, locate());
    ASSERT_EQ(found.places_size(), 1);
    EXPECT_FLOAT_EQ(found.places(0).box().x0(), 0.5f);
    EXPECT_FLOAT_EQ(found.places(0).box().y0(), 0.25f);
    EXPECT_FLOAT_EQ(found.places(0).box().x1(), 0.75f);
    EXPECT_FLOAT_EQ(found.places(0).box().y1(), 0.5f);
  }
  *request.add_content() = picture;
  EXPECT_EQ(edge::Reason(locate().status()), "too_many_pictures");
  request.clear_content();
  request.add_content()->set_text("Where is the red cup?");
  EXPECT_EQ(edge::Reason(locate().status()), "no_picture");
}

TEST_F(ServerTest, WhatIsLookedForAndWhatStandsThereIsFiltered) {
  filters_.questions = query::ContentRules::Parse("block card\nmask words town: Ulm").value();
  filters_.answers = query::ContentRules::Parse("mask words place: bbox_2d").value();
  auto generator = std::make_unique<FakeGenerator>(R"({"bbox_2d": [0, 500, 500, 1000]})");
  const FakeGenerator& asked = *generator;
  Start(std::move(generator));
  auto stub = v1::ModelService::NewStub(channel_);
  v1::LocateRequest request;
  request.add_content()->set_image(GoldenPicture("square_64x64.png"));
  v1::Content& text = *request.add_content();
  text.set_text("Where is Ulm?");
  v1::LocateResponse response;
  {
    grpc::ClientContext context;
    ASSERT_THAT(edge::FromGrpcStatus(stub->Locate(&context, request, &response)), IsOk());
  }
  ASSERT_EQ(response.places_size(), 1);
  EXPECT_EQ(response.places(0).says(), R"({"[place]": [0, 500, 500, 1000]})");
  EXPECT_EQ(std::get<std::string>(asked.inputs().at(0).messages.at(0).parts.at(1)),
            "Where is [town]?");
  text.set_text("4111 1111 1111 1111");
  grpc::ClientContext context;
  EXPECT_EQ(edge::Reason(edge::FromGrpcStatus(stub->Locate(&context, request, &response))),
            "content_blocked");
}

TEST_F(ServerTest, ModelServiceSpeaksForTheLoadedParts) {
  Start(std::make_unique<FakeGenerator>("hello there"), /*reranker=*/true);
  auto stub = v1::ModelService::NewStub(channel_);
  {
    grpc::ClientContext context;
    v1::GetModelResponse model;
    ASSERT_THAT(edge::FromGrpcStatus(stub->GetModel(&context, {}, &model)), IsOk());
    EXPECT_EQ(model.encoder().dimension(), 64);
    EXPECT_EQ(model.generator().name(), "fake-generator");
  }
  {
    grpc::ClientContext context;
    v1::EmbedRequest request;
    request.add_inputs()->add_content()->set_text("a");
    request.add_inputs()->add_content()->set_image(GoldenPicture("square_64x64.png"));
    request.set_dimension(16);
    v1::EmbedResponse response;
    ASSERT_THAT(edge::FromGrpcStatus(stub->Embed(&context, request, &response)), IsOk());
    ASSERT_EQ(response.embeddings_size(), 2);
    EXPECT_EQ(response.embeddings(0).values_size(), 16);
  }
  {
    grpc::ClientContext context;
    v1::EmbedRequest request;
    request.add_inputs()->add_content()->set_text("a");
    request.set_dimension(65);
    v1::EmbedResponse response;
    EXPECT_THAT(edge::FromGrpcStatus(stub->Embed(&context, request, &response)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  {
    grpc::ClientContext context;
    v1::RerankRequest request;
    request.add_query()->set_text("red car");
    request.add_documents()->add_content()->set_text("a blue boat");
    request.add_documents()->add_content()->set_text("a red car");
    v1::RerankResponse response;
    ASSERT_THAT(edge::FromGrpcStatus(stub->Rerank(&context, request, &response)), IsOk());
    ASSERT_EQ(response.scores_size(), 2);
    EXPECT_LT(response.scores(0), response.scores(1));
  }
  {
    grpc::ClientContext context;
    v1::GenerateRequest request;
    v1::ChatMessage& message = *request.add_messages();
    message.set_role("user");
    message.add_content()->set_text("hi");
    auto reader = stub->Generate(&context, request);
    std::string text;
    v1::GenerateEvent event;
    while (reader->Read(&event)) text += event.delta().text();
    ASSERT_THAT(edge::FromGrpcStatus(reader->Finish()), IsOk());
    EXPECT_EQ(text, "hello there");
    EXPECT_EQ(event.done().text(), "hello there");
  }
}

// Thinks, answers, and remembers what it was asked.
class ThinkingGenerator : public FakeGenerator {
 public:
  ThinkingGenerator() : FakeGenerator("four") {}
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput& input,
                                                 const model::CallOptions& call,
                                                 const model::OnText& on_text) override {
    if (!on_text({.text = "two and two", .reasoning = true})) return absl::CancelledError("stop");
    auto result = FakeGenerator::Generate(input, call, on_text);
    if (!result.ok()) return result;
    for (model::GenerateChoice& choice : result->choices) {
      choice.reasoning = "two and two";
      choice.token_ids = {7};
      if (!input.sampling.logprobs.has_value()) continue;
      choice.logprobs = {{.chosen = {7, "\xf0", -0.5f}, .top = {{7, "\xf0", -0.5f}, {9, "x", -1}}}};
    }
    return result;
  }
};

TEST_F(ServerTest, GenerateCarriesSamplingFormatChoicesAndReasoning) {
  auto owned = std::make_unique<ThinkingGenerator>();
  const ThinkingGenerator& generator = *owned;
  Start(std::move(owned));
  const auto stub = v1::ModelService::NewStub(channel_);
  v1::GenerateRequest request;
  v1::ChatMessage& message = *request.add_messages();
  message.set_role("user");
  message.add_content()->set_text("hi");
  v1::SamplingOptions& sampling = *request.mutable_sampling();
  sampling.set_min_p(0.25f);
  sampling.set_frequency_penalty(0.5f);
  (*sampling.mutable_logit_bias())[5] = -1.5f;
  sampling.add_stop_token_ids(11);
  request.set_n(2);
  request.set_logprobs(2);
  request.set_json_schema("{}");
  request.set_adapter("style");
  const auto generate = [&](v1::GenerateEvent& event, std::string& text, std::string& reasoning) {
    grpc::ClientContext context;
    SetDeadline(context);
    auto reader = stub->Generate(&context, request);
    while (reader->Read(&event)) {
      text += event.delta().text();
      reasoning += event.delta().reasoning();
    }
    return edge::FromGrpcStatus(reader->Finish());
  };
  v1::GenerateEvent event;
  std::string text, reasoning;
  ASSERT_THAT(generate(event, text, reasoning), IsOk());
  EXPECT_EQ(text, "four");
  EXPECT_EQ(reasoning, "two and two");
  const v1::GenerateDone& done = event.done();
  EXPECT_EQ(done.text(), "four");
  EXPECT_EQ(done.reasoning(), "two and two");
  EXPECT_EQ(done.usage().completion_tokens(), 2);
  ASSERT_EQ(done.choices_size(), 2);
  EXPECT_EQ(done.choices(1).token_ids(0), 7);
  ASSERT_EQ(done.choices(1).logprobs_size(), 1);
  EXPECT_EQ(done.choices(1).logprobs(0).chosen().bytes(), "\xf0");
  EXPECT_EQ(done.choices(1).logprobs(0).top(1).id(), 9);

  const model::GenerateInput& input = generator.last_input();
  EXPECT_EQ(generator.last_adapter(), "style");
  EXPECT_EQ(input.n, 2);
  EXPECT_EQ(input.sampling.logprobs, 2);
  EXPECT_EQ(input.sampling.min_p, 0.25f);
  EXPECT_EQ(input.sampling.frequency_penalty, 0.5f);
  EXPECT_EQ(input.sampling.stop_token_ids, std::vector<int32_t>{11});
  ASSERT_EQ(input.sampling.logit_bias.size(), 1u);
  EXPECT_EQ(input.sampling.logit_bias[0], std::pair(5, -1.5f));
  ASSERT_TRUE(std::holds_alternative<model::JsonSchemaFormat>(input.format));
  request.clear_json_schema();
  request.set_regex("a+");
  ASSERT_THAT(generate(event, text, reasoning), IsOk());
  ASSERT_TRUE(std::holds_alternative<model::RegexFormat>(generator.last_input().format));

  const auto refused = [&](auto change, const char* field) {
    const v1::GenerateRequest kept = request;
    change(request);
    EXPECT_THAT(generate(event, text, reasoning),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
    request = kept;
  };
  refused([](v1::GenerateRequest& r) { r.set_n(17); }, "n:");
  refused([](v1::GenerateRequest& r) { r.set_logprobs(21); }, "logprobs");
  refused([](v1::GenerateRequest& r) { r.set_json_schema("{}"); }, "regex");
  refused([](v1::GenerateRequest& r) { r.mutable_sampling()->set_min_p(2); }, "min_p");
  refused([](v1::GenerateRequest& r) { r.mutable_sampling()->set_frequency_penalty(11); },
          "frequency_penalty");
  refused([](v1::GenerateRequest& r) { (*r.mutable_sampling()->mutable_logit_bias())[1] = 101; },
          "logit_bias");
}

TEST_F(ServerTest, HealthFollowsReadiness) {
  Start();
  EXPECT_EQ(RawCall("/grpc.health.v1.Health/Check", "", false), "\x08\x01");  // SERVING
  const std::string name = "sightline.v1.QueryService";
  EXPECT_EQ(RawCall("/grpc.health.v1.Health/Check",
                    "\x0a" + std::string(1, static_cast<char>(name.size())) + name, false),
            "\x08\x01");
}

// Gives the vectors of a good encoder with two numbers changed over.
class TurnedEncoder : public FakeEncoder {
 public:
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    auto vectors = FakeEncoder::Encode(inputs, dimension, call);
    for (auto& vector : *vectors) std::swap(vector[0], vector[1]);
    return vectors;
  }
};

TEST_F(ServerTest, AModelThatDriftedFromItsSealIsNotServedAndSaysSo) {
  const std::string folder = dir_->path() + "/model";
  std::filesystem::create_directory(folder);
  model::LoadedModel good;
  good.encoder = std::make_unique<FakeEncoder>();
  ASSERT_THAT(model::WriteSeal(good, folder), IsOk());

  ServerConfig config = Config();
  const auto start = [&](std::unique_ptr<model::Encoder> encoder) {
    model::LoadedModel model;
    model.folder = folder;
    model.encoder = std::move(encoder);
    server_.reset();
    auto server = Server::Start(config, std::move(model), "1.2.3");
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
  };
  const auto readyz = [&] { return gateway::Fetch(server_->http_address(), "GET", "/readyz"); };

  start(std::make_unique<TurnedEncoder>());
  EXPECT_THAT(server_->Ready(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("encoder: cosine of input")));
  EXPECT_EQ(readyz().status, 503);
  EXPECT_THAT(readyz().body, HasSubstr("at least 1"));
  EXPECT_EQ(gateway::Fetch(server_->http_address(), "GET", "/livez").status, 200);
  EXPECT_EQ(RawCall("/grpc.health.v1.Health/Check", "", false), "\x08\x02");  // NOT_SERVING
  grpc::ClientContext context;
  SetDeadline(context);
  v1::EmbedRequest request;
  request.add_inputs()->add_content()->set_text("mill");
  v1::EmbedResponse response;
  const absl::Status refused = edge::FromGrpcStatus(
      v1::ModelService::NewStub(channel_)->Embed(&context, request, &response));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("sealed")));
  EXPECT_EQ(edge::Reason(refused), "model_drift");

  config.self_test = false;
  start(std::make_unique<TurnedEncoder>());
  EXPECT_THAT(server_->Ready(), IsOk());
  config.self_test = true;
  start(std::make_unique<FakeEncoder>());
  EXPECT_THAT(server_->Ready(), IsOk());
  EXPECT_EQ(readyz().status, 200);
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  Start();
  const std::string reply =
      RawCall("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*", true);
  for (const char* service : {"sightline.v1.QueryService", "sightline.v1.IngestService",
                              "sightline.v1.CollectionService", "sightline.v1.ModelService"}) {
    EXPECT_THAT(reply, HasSubstr(service));
  }
}

TEST_F(ServerTest, MetricsShowRequestsIndexAndIngest) {
  Start();
  IngestSamples();
  ASSERT_OK_AND_ASSIGN(auto found, Search(Query("mill")));
  const std::string text = server_->MetricsText();
  EXPECT_THAT(text, HasSubstr("sightline_build_info{version=\"1.2.3\"} 1"));
  EXPECT_THAT(text, HasSubstr("sightline_index_documents{collection=\"c\"} 4"));
  EXPECT_THAT(text, HasSubstr("sightline_ingest_documents_total{outcome=\"indexed\"} 4"));
  EXPECT_THAT(text, HasSubstr("sightline_ingest_stage_items_total{stage=\"commit\"} 4"));
  EXPECT_THAT(text, HasSubstr("sightline_ingest_stage_threads{stage=\"embed\"} 1"));
  EXPECT_THAT(text, HasSubstr("sightline_stage_seconds_count{stage=\"encode\"} 1"));
}

TEST_F(ServerTest, AnInvalidUtf8StringDoesNotBringTheServerDown) {
  Start();
  // SearchRequest.collection (field 1) = "\xff".
  EXPECT_EQ(RawCall("/sightline.v1.QueryService/Search", "\x0a\x01\xff", false), "");
  EXPECT_THAT(server_->Ready(), IsOk());
  EXPECT_THAT(Search(Query("x")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ServerTest, ASecondServerOnTheSameDataFolderIsRefused) {
  Start();
  model::LoadedModel model;
  model.encoder = std::make_unique<FakeEncoder>();
  EXPECT_THAT(Server::Start(Config(), std::move(model), "1.2.3"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(dir_->path())));
}

TEST_F(ServerTest, AModelWithoutEncoderIsRefused) {
  EXPECT_THAT(Server::Start(Config(), {}, "1.2.3"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("encoder")));
}

TEST_F(ServerTest, AGatewayAloneStandsInFrontOfAServer) {
  Start();
  IngestSamples();
  ServerConfig config = Config();
  config.roles = {.index = false, .query = false, .ingest = false, .gateway = true};
  config.upstream = server_->grpc_address();
  ASSERT_OK_AND_ASSIGN(auto gateway, Server::Start(config, {}, "1.2.3"));
  EXPECT_EQ(gateway->grpc_address(), server_->grpc_address());
  EXPECT_THAT(gateway->http_address(), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(gateway->Ready(), IsOk());
  gateway->Stop();
}

// The gateway within the server calls the services itself, the one alone goes over gRPC.
TEST_F(ServerTest, RestAnswersTheSameWithinTheServerAndInFrontOfIt) {
  Start();
  IngestSamples();
  ServerConfig config = Config();
  config.roles = {.index = false, .query = false, .ingest = false, .gateway = true};
  config.upstream = server_->grpc_address();
  ASSERT_OK_AND_ASSIGN(auto alone, Server::Start(config, {}, "1.2.3"));
  const auto both = [&](const char* method, const std::string& target, const std::string& body) {
    const auto ask = [&](const std::string& address) {
      const gateway::RawReply reply = gateway::Fetch(
          address, method, target, body,
          {"Content-Type: application/json", "Cache-Control: no-cache", "X-Request-Id: same"});
      // But for the times.
      return absl::StrCat(reply.status, " ",
                          std::regex_replace(reply.body, std::regex(R"("[a-z_]+":\d+\.\d+)"), ""));
    };
    const std::string here = ask(server_->http_address());
    EXPECT_EQ(here, ask(alone->http_address())) << method << " " << target << " " << body;
    return here;
  };
  EXPECT_THAT(both("POST", "/v1/search", R"({"collection":"c","text":"mill 1850","k":3})"),
              HasSubstr("mill.txt"));
  EXPECT_THAT(both("POST", "/v1/search", R"({"collection":"c","text":"塔","mode":"lexical"})"),
              HasSubstr("这座塔高45米"));
  EXPECT_THAT(both("POST", "/v1/search", R"({"collection":"c","text":"a","filter":"lang = "})"),
              HasSubstr("400 "));
  EXPECT_THAT(both("POST", "/v1/search", R"({"collection":"c","text":"a","rerank":true})"),
              HasSubstr("no_reranker"));
  EXPECT_THAT(both("POST", "/v1/search", R"({"collection":"nowhere","text":"a"})"),
              HasSubstr("404 "));
  EXPECT_THAT(both("POST", "/v1/answer", R"({"collection":"c","text":"How long is the bridge?"})"),
              HasSubstr("120 metres"));
  EXPECT_THAT(both("POST", "/v1/verify", R"({"collection":"c","claims":["The bridge is 120 m."]})"),
              HasSubstr("verdicts"));
  EXPECT_THAT(both("GET", "/v1/collections", ""), HasSubstr(R"("name":"c")"));
  EXPECT_THAT(both("GET", "/v1/collections/c", ""), HasSubstr(R"("documents":4)"));
  EXPECT_THAT(both("GET", "/v1/collections/c/documents", ""), HasSubstr("bridge.txt"));
  EXPECT_THAT(both("GET", "/v1/collections/c/documents/none", ""), HasSubstr("404 "));
  EXPECT_THAT(both("GET", "/v1/collections/c/duplicates", ""), HasSubstr("groups"));
  EXPECT_THAT(both("GET", "/v1/jobs", ""), HasSubstr("jobs"));
  EXPECT_THAT(both("GET", "/v1/jobs/none", ""), HasSubstr("404 "));
  EXPECT_THAT(both("POST", "/v1/jobs/none/retry", ""), HasSubstr("404 "));
  EXPECT_THAT(both("GET", "/v1/passages/none", ""), HasSubstr("400 "));
  ASSERT_OK_AND_ASSIGN(const v1::SearchResponse found, Search(Query("bridge")));
  const std::string passage = "/v1/passages/" + found.hits(0).passage().passage_id();
  EXPECT_THAT(both("GET", passage, ""), HasSubstr("120 metres"));
  EXPECT_THAT(both("GET", passage + "/image", ""), HasSubstr("no_picture"));
  EXPECT_THAT(both("GET", passage + "/heatmap?query=a", ""), HasSubstr("40"));
  EXPECT_THAT(both("GET", "/v1/models", ""), HasSubstr("data"));
  EXPECT_THAT(both("POST", "/v1/embeddings", R"({"input":"a boat"})"), HasSubstr("200 "));
  EXPECT_THAT(both("POST", "/v1/rerank", R"({"query":"a","documents":["b"]})"), HasSubstr("40"));
  EXPECT_THAT(both("POST", "/v1/collections", R"({"name":"c"})"), HasSubstr("409 "));
  EXPECT_THAT(both("DELETE", "/v1/collections/nowhere", ""), HasSubstr("404 "));
  EXPECT_THAT(both("DELETE", "/v1/collections/c/documents/none", ""), HasSubstr("404 "));
  alone->Stop();
}

}  // namespace
}  // namespace sightline::services
