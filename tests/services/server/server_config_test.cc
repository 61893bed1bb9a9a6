#include "services/server_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "services/server.h"
#include "tests/support/status_matchers.h"

namespace sightline::services {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;

absl::StatusOr<ServerConfig> Read(
    std::vector<std::pair<std::string, std::string>> flags,
    std::vector<std::pair<std::string, std::string>> environment = {}) {
  const auto config =
      Config::Load(ServerConfigTable(), {.environment = environment, .flags = flags});
  if (!config.ok()) return config.status();
  return ReadServerConfig(*config);
}

TEST(ServerConfigTest, DefaultsAreThoseOfTheParts) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig config, Read({}));
  EXPECT_EQ(config.grpc.address, "127.0.0.1:50051");
  EXPECT_EQ(config.gateway.address, "127.0.0.1:8080");
  EXPECT_TRUE(config.http);
  EXPECT_EQ(config.data_path, "sightline-data");
  EXPECT_EQ(config.ingest.passage_tokens, ingest::IngestOptions().passage_tokens);
  EXPECT_EQ(config.corpus.exact_below, index::CorpusOptions().exact_below);
  EXPECT_EQ(config.corpus.map_vectors, index::CorpusOptions().map_vectors);
  EXPECT_EQ(config.corpus.build_threads, 0);
  EXPECT_EQ(config.media.limits.max_pixels, media::MediaLimits().max_pixels);
  EXPECT_EQ(config.content.max_pictures, query::ContentLimits().max_pictures);
  EXPECT_EQ(config.answer.max_tokens, query::AnswerOptions().max_tokens);
  EXPECT_EQ(config.grpc.max_threads, edge::GrpcOptions().max_threads);
}

TEST(ServerConfigTest, UrlsAreFetchedOnlyWhereSaidAndFromHostsThatAreNamed) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig off, Read({}));
  EXPECT_FALSE(off.fetch.has_value());
  EXPECT_THAT(Read({}, {{"SIGHTLINE__FETCH__ENABLED", "true"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fetch.allowed_hosts")));
  ASSERT_OK_AND_ASSIGN(const ServerConfig on,
                       Read({}, {{"SIGHTLINE__FETCH__ENABLED", "true"},
                                 {"SIGHTLINE__FETCH__ALLOWED_HOSTS", "example.org,*.example.net"},
                                 {"SIGHTLINE__FETCH__ALLOW_PRIVATE", "10.0.0.0/8"}}));
  ASSERT_TRUE(on.fetch.has_value());
  const fetch::FetchPolicy defaults;
  EXPECT_EQ(on.fetch->allowed_hosts.size(), 2u);
  EXPECT_EQ(on.fetch->private_addresses.size(), 1u);
  EXPECT_EQ(on.fetch->ports, defaults.ports);
  EXPECT_EQ(on.fetch->max_bytes, defaults.max_bytes);
  EXPECT_EQ(on.fetch->timeout, defaults.timeout);
  EXPECT_EQ(on.fetch->max_redirects, defaults.max_redirects);
  EXPECT_EQ(on.fetch->concurrent, defaults.concurrent);
  EXPECT_EQ(on.content.max_urls, query::ContentLimits().max_urls);
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"allowed_hosts", "http://a"}, {"ports", "80,x"}, {"allow_private", "10.0.0.0/99"}}) {
    EXPECT_THAT(Read({}, {{EnvironmentName({.section = "fetch", .name = key}), value}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fetch." + key)));
  }
}

TEST(ServerConfigTest, EveryKeyAndFlagIsThereOnce) {
  std::set<std::string> keys;
  std::set<std::string> flags;
  for (const ConfigKey& key : ServerConfigTable()) {
    EXPECT_TRUE(keys.insert(key.section + "." + key.name).second) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    if (key.flag.empty()) continue;
    EXPECT_TRUE(flags.insert(key.flag).second) << key.flag;
  }
  EXPECT_EQ(flags,
            (std::set<std::string>{"backup-path", "data", "device", "grpc", "http", "log-format",
                                   "log-level", "model", "roles", "self-test", "server"}));
}

TEST(ServerConfigTest, RolesThatCannotStandTogetherAreRefused) {
  EXPECT_THAT(Read({{"roles", "query"}}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read({{"roles", "ingest,gateway"}}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read({{"roles", ""}}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read({{"roles", "index,cook"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cook")));
  EXPECT_THAT(Read({{"roles", "query, index"}}), IsOk());
}

TEST(ServerConfigTest, AGatewayAloneNeedsItsServer) {
  EXPECT_THAT(Read({{"roles", "gateway"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--server")));
  EXPECT_THAT(Read({{"roles", "gateway"}, {"server", "h:1"}}), IsOk());
  EXPECT_THAT(Read({{"roles", "gateway"}, {"server", "h:1"}, {"http", "off"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read({{"server", "h:1"}}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ServerConfigTest, HttpCanBeOff) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig off, Read({{"http", "off"}}));
  EXPECT_FALSE(off.http);
  ASSERT_OK_AND_ASSIGN(const ServerConfig no_role, Read({{"roles", "index,query"}}));
  EXPECT_FALSE(no_role.http);
}

TEST(ServerConfigTest, EnvironmentReachesTheParts) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig config,
                       Read({}, {{"SIGHTLINE__INGEST__WORKERS", "7"},
                                 {"SIGHTLINE__HTTP__ALLOWED_HOSTS", "A.example, b.example"},
                                 {"SIGHTLINE__LOG__FORMAT", "json"}}));
  EXPECT_EQ(config.ingest.workers, 7);
  EXPECT_EQ(config.gateway.allowed_hosts, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(config.log_format, log::Format::kJson);
}

TEST(ServerConfigTest, WhatTheModelDecidesUnlessTheServerDoes) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig unsaid, Read({}));
  EXPECT_EQ(unsaid.answer.reread, std::nullopt);
  EXPECT_EQ(unsaid.judge_by_reading, std::nullopt);
  EXPECT_EQ(unsaid.judge_by_reranker, std::nullopt);
  EXPECT_EQ(unsaid.retriever.rerank_weight, 0);
  ASSERT_OK_AND_ASSIGN(const ServerConfig said,
                       Read({}, {{"SIGHTLINE__ANSWER__REREAD", "on"},
                                 {"SIGHTLINE__ANSWER__JUDGE_BY_READING", "off"},
                                 {"SIGHTLINE__ANSWER__JUDGE_BY_RERANKER", "on"},
                                 {"SIGHTLINE__QUERY__RERANK_WEIGHT", "0.05"}}));
  EXPECT_EQ(said.answer.reread, true);
  EXPECT_EQ(said.judge_by_reading, false);
  EXPECT_EQ(said.judge_by_reranker, true);
  EXPECT_EQ(said.retriever.rerank_weight, 0.05);
}

TEST(ServerConfigTest, NoWorkerHereIsForServersThatTakeOthers) {
  EXPECT_THAT(Read({}, {{"SIGHTLINE__INGEST__WORKERS", "0"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ingest.remote_workers")));
  ASSERT_OK_AND_ASSIGN(const ServerConfig config,
                       Read({}, {{"SIGHTLINE__INGEST__WORKERS", "0"},
                                 {"SIGHTLINE__INGEST__REMOTE_WORKERS", "true"},
                                 {"SIGHTLINE__INGEST__LEASE_SECONDS", "1.5"}}));
  EXPECT_EQ(config.ingest.workers, 0);
  EXPECT_TRUE(config.ingest.remote_workers);
  EXPECT_EQ(config.ingest.lease, absl::Milliseconds(1500));
}

TEST(ServerConfigTest, CachesTakeTheirBytesAndTheRedisItsAddress) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig plain, Read({}));
  EXPECT_EQ(plain.cache.answers_bytes, 64 << 20);
  EXPECT_EQ(plain.model.vision_cache_bytes, model::LoadOptions().vision_cache_bytes);
  EXPECT_FALSE(plain.cache.redis.has_value());
  ASSERT_OK_AND_ASSIGN(const ServerConfig redis,
                       Read({}, {{"SIGHTLINE__CACHE__REDIS_URL", "redis://cache:7000/2"},
                                 {"SIGHTLINE__CACHE__REDIS_TTL_SECONDS", "60"}}));
  EXPECT_EQ(redis.cache.redis->address.Name(), "cache:7000");
  EXPECT_EQ(redis.cache.redis->ttl, absl::Minutes(1));
  EXPECT_EQ(redis.cache.settings, plain.cache.settings);
  EXPECT_THAT(Read({}, {{"SIGHTLINE__CACHE__REDIS_URL", "cache"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cache.redis_url")));
}

TEST(ServerConfigTest, SettingsThatAnswersHangOnNameThem) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig plain, Read({}));
  for (const char* name : {"SIGHTLINE__ANSWER__PASSAGES", "SIGHTLINE__QUERY__RERANK_TOP",
                           "SIGHTLINE__INDEX__HNSW_SEARCH_BEAM", "SIGHTLINE__MEDIA__MAX_PAGES"}) {
    ASSERT_OK_AND_ASSIGN(const ServerConfig other, Read({}, {{name, "9"}}));
    EXPECT_NE(other.cache.settings, plain.cache.settings) << name;
  }
  ASSERT_OK_AND_ASSIGN(const ServerConfig filters,
                       Read({}, {{"SIGHTLINE__FILTERS__ANSWERS", "mask email"}}));
  EXPECT_NE(filters.cache.settings, plain.cache.settings);
}

TEST(ServerConfigTest, WeightsOfFieldsReachTheCorpusAndAreNotBothZero) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig plain, Read({}));
  EXPECT_EQ(plain.corpus.field_weights.heading, index::FieldWeights().heading);
  EXPECT_EQ(plain.corpus.field_weights.text, index::FieldWeights().text);
  ASSERT_OK_AND_ASSIGN(const ServerConfig set, Read({}, {{"SIGHTLINE__INDEX__HEADING_WEIGHT", "3"},
                                                         {"SIGHTLINE__INDEX__TEXT_WEIGHT", "2"}}));
  EXPECT_EQ(set.corpus.field_weights.heading, 3);
  EXPECT_EQ(set.corpus.field_weights.text, 2);
  EXPECT_THAT(Read({}, {{"SIGHTLINE__INDEX__HEADING_WEIGHT", "11"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("heading_weight")));
  EXPECT_THAT(
      Read({}, {{"SIGHTLINE__INDEX__HEADING_WEIGHT", "0"}, {"SIGHTLINE__INDEX__TEXT_WEIGHT", "0"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text_weight")));
}

TEST(ServerConfigTest, OverlapMustBeSmallerThanAPassage) {
  EXPECT_THAT(Read({}, {{"SIGHTLINE__INGEST__OVERLAP_TOKENS", "256"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("overlap_tokens")));
}

TEST(ServerConfigTest, ContentRulesAreReadAndFaultsNameTheKey) {
  ASSERT_OK_AND_ASSIGN(const ServerConfig none, Read({}));
  EXPECT_EQ(none.filters.questions, nullptr);
  EXPECT_EQ(none.filters.answers, nullptr);
  ASSERT_OK_AND_ASSIGN(const ServerConfig some,
                       Read({}, {{"SIGHTLINE__FILTERS__ANSWERS", "mask email\nmask card"}}));
  ASSERT_NE(some.filters.answers, nullptr);
  EXPECT_EQ(some.filters.answers->size(), 2u);
  EXPECT_THAT(Read({}, {{"SIGHTLINE__FILTERS__QUESTIONS", "mask mails"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("filters.questions: line 1")));
}

TEST(ServerConfigTest, ContentRulesStandInTheFileLineByLine) {
  ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create());
  const std::string file = dir->path() + "/server.yaml";
  ASSERT_THAT(WriteFileAtomic(file,
                              "filters:\n"
                              "  answers: |\n"
                              "    # of answers\n"
                              "    mask words project: Nightfall; Blue Heron\n"
                              "    block regex ticket: TCK-[0-9]{6}\n"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const Config config, Config::Load(ServerConfigTable(), {.file = file}));
  ASSERT_OK_AND_ASSIGN(const ServerConfig read, ReadServerConfig(config));
  ASSERT_NE(read.filters.answers, nullptr);
  ASSERT_EQ(read.filters.answers->size(), 2u);
  EXPECT_EQ(read.filters.answers->name(1), "ticket");
  EXPECT_EQ(read.filters.answers->action(1), query::RuleAction::kBlock);
}

TEST(ConfigurationPageTest, IsWhatTheTableSays) {
  ASSERT_OK_AND_ASSIGN(const std::string page,
                       ReadFile(std::string(SIGHTLINE_SOURCE_DIR) + "/docs/configuration.md"));
  EXPECT_EQ(page, ConfigReference(ServerConfigTable(), "Configuration of sightline-server"))
      << "write it anew: sightline-server --config-docs > docs/configuration.md";
}

TEST(FindModelTest, LooksBesideTheProgramThenAboveIt) {
  ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create());
  const std::string root = dir->path();
  std::filesystem::create_directories(root + "/build/x/bin");
  const std::string bin = root + "/build/x/bin";
  EXPECT_THAT(FindModel("", bin), StatusIs(absl::StatusCode::kNotFound, HasSubstr("--model")));
  std::filesystem::create_directories(root + "/models/demo");
  ASSERT_THAT(WriteFileAtomic(root + "/models/demo/sightline.json", "{}"), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string above, FindModel("", bin));
  EXPECT_EQ(above, root + "/models/demo");
  std::filesystem::create_directories(root + "/build/x/share/sightline/models/demo");
  ASSERT_THAT(WriteFileAtomic(root + "/build/x/share/sightline/models/demo/sightline.json", "{}"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string beside, FindModel("", bin));
  EXPECT_EQ(beside, root + "/build/x/share/sightline/models/demo");
  EXPECT_THAT(FindModel(root + "/none", bin), StatusIs(absl::StatusCode::kNotFound));
}

TEST(FindWebRootTest, LooksBesideTheProgramThenAboveIt) {
  ASSERT_OK_AND_ASSIGN(auto dir, TempDir::Create());
  const std::string root = dir->path();
  std::filesystem::create_directories(root + "/build/bin");
  EXPECT_EQ(FindWebRoot("", root + "/build/bin"), "");
  EXPECT_EQ(FindWebRoot("/given", root + "/build/bin"), "/given");
  std::filesystem::create_directories(root + "/web/dist");
  ASSERT_THAT(WriteFileAtomic(root + "/web/dist/index.html", ""), IsOk());
  EXPECT_EQ(FindWebRoot("", root + "/build/bin"), root + "/web/dist");
}

}  // namespace
}  // namespace sightline::services
