#include "base/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace sightline {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ConfigTable Table() {
  return {
      {.section = "server",
       .name = "grpc",
       .default_value = "127.0.0.1:1",
       .help = "Where.",
       .flag = "grpc"},
      {.section = "server",
       .name = "threads",
       .type = ValueType::kInt,
       .default_value = "4",
       .help = "How many.",
       .least = 1,
       .most = 64},
      {.section = "server", .name = "token", .help = "Shared secret.", .secret = true},
      {.section = "log",
       .name = "level",
       .default_value = "info",
       .help = "Least level.",
       .flag = "log-level",
       .one_of = {"debug", "info"}},
      {.section = "log",
       .name = "ratio",
       .type = ValueType::kNumber,
       .default_value = "0.5",
       .help = "Share."},
      {.section = "log",
       .name = "colour",
       .type = ValueType::kBool,
       .default_value = "false",
       .help = "Colours.",
       .flag = "colour"},
  };
}

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create()); }
  std::string File(const std::string& content, const std::string& name = "c.yaml") {
    const std::string path = dir_->path() + "/" + name;
    EXPECT_THAT(WriteFileAtomic(path, content), IsOk());
    return path;
  }
  std::unique_ptr<TempDir> dir_;
};

TEST_F(ConfigTest, WithoutSourcesEveryKeyHasItsDefault) {
  ASSERT_OK_AND_ASSIGN(const Config config, Config::Load(Table(), {}));
  EXPECT_EQ(config.String("server.grpc"), "127.0.0.1:1");
  EXPECT_EQ(config.Int("server.threads"), 4);
  EXPECT_EQ(config.Number("log.ratio"), 0.5);
  EXPECT_FALSE(config.Bool("log.colour"));
  EXPECT_EQ(config.String("server.token"), "");
}

TEST_F(ConfigTest, FlagsWinOverEnvironmentOverFile) {
  const std::string file = File("server:\n  grpc: from-file\n  threads: 8\nlog:\n  ratio: 0.25\n");
  ASSERT_OK_AND_ASSIGN(
      const Config config,
      Config::Load(Table(), {.file = file,
                             .environment = {{"SIGHTLINE__SERVER__GRPC", "from-env"},
                                             {"SIGHTLINE__SERVER__THREADS", "9"},
                                             {"HOME", "/root"}},
                             .flags = {{"grpc", "from-flag"}}}));
  EXPECT_EQ(config.String("server.grpc"), "from-flag");
  EXPECT_EQ(config.Int("server.threads"), 9);
  EXPECT_EQ(config.Number("log.ratio"), 0.25);
}

TEST_F(ConfigTest, UnknownNamesAreErrorsThatNameTheNearestKey) {
  EXPECT_THAT(Config::Load(Table(), {.file = File("server:\n  treads: 8\n")}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("c.yaml"), HasSubstr("\"server.treads\""),
                             HasSubstr("did you mean \"server.threads\"?"))));
  EXPECT_THAT(Config::Load(Table(), {.file = File("sever:\n  threads: 8\n")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"server\"")));
  EXPECT_THAT(Config::Load(Table(), {.environment = {{"SIGHTLINE__SERVER__GRCP", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SIGHTLINE__SERVER__GRPC")));
  EXPECT_THAT(Config::Load(Table(), {.flags = {{"log-levle", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("log-level")));
  EXPECT_THAT(Config::Load(Table(), {.flags = {{"zzzzzzzzzzzz", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("did you mean"))));
}

TEST_F(ConfigTest, WrongValuesAreErrorsThatSayWhatWasExpected) {
  const auto load = [](const char* name, const char* value) {
    return Config::Load(Table(), {.environment = {{name, value}}});
  };
  EXPECT_THAT(
      load("SIGHTLINE__SERVER__THREADS", "many"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("server.threads"), HasSubstr("integer"), HasSubstr("many"))));
  EXPECT_THAT(load("SIGHTLINE__SERVER__THREADS", "65"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1..64")));
  EXPECT_THAT(load("SIGHTLINE__SERVER__THREADS", "99999999999999999999"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(load("SIGHTLINE__LOG__LEVEL", "loud"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("debug, info")));
  EXPECT_THAT(load("SIGHTLINE__LOG__RATIO", "nan"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(load("SIGHTLINE__LOG__COLOUR", "yes"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ConfigTest, MalformedFilesAreErrors) {
  for (const char* content :
       {"server: [1, 2", "- a\n- b\n", "server: 3\n", "server:\n  grpc: [1]\n",
        "server:\n  grpc: a\n  grpc: b\n", "server:\n  grpc: {a: b}\n"}) {
    EXPECT_THAT(Config::Load(Table(), {.file = File(content)}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << content;
  }
  EXPECT_THAT(Config::Load(Table(), {.file = dir_->path() + "/none.yaml"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.yaml")));
}

TEST_F(ConfigTest, EmptyFilesAndSectionsAreFine) {
  EXPECT_THAT(Config::Load(Table(), {.file = File("")}), IsOk());
  EXPECT_THAT(Config::Load(Table(), {.file = File("server:\n")}), IsOk());
}

TEST_F(ConfigTest, SecretsComeFromFilesAndAreNeverShown) {
  const std::string secret = File("hunter2\n", "secret");
  ASSERT_OK_AND_ASSIGN(
      const Config config,
      Config::Load(Table(), {.file = File("server:\n  token_file: " + secret + "\n")}));
  EXPECT_EQ(config.String("server.token"), "hunter2");
  EXPECT_THAT(config.ToYaml(), AllOf(HasSubstr("<hidden>"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(
      Config::Load(Table(), {.environment = {{"SIGHTLINE__SERVER__TOKEN_FILE", "/no/such"}}}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("server.token_file")));
  EXPECT_THAT(Config::Load(Table(), {.environment = {{"SIGHTLINE__SERVER__TOKEN_FILE", secret},
                                                     {"SIGHTLINE__SERVER__TOKEN", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("given twice")));
}

TEST_F(ConfigTest, PrintedConfigurationReadsBackAsTheSame) {
  ASSERT_OK_AND_ASSIGN(
      const Config config,
      Config::Load(Table(), {.flags = {{"grpc", "odd \"text\" # \\ here"}, {"colour", "true"}}}));
  const std::string yaml = config.ToYaml();
  EXPECT_THAT(yaml, HasSubstr("# flag"));
  EXPECT_THAT(yaml, HasSubstr("# default"));
  ASSERT_OK_AND_ASSIGN(const Config again, Config::Load(Table(), {.file = File(yaml)}));
  EXPECT_EQ(again.String("server.grpc"), "odd \"text\" # \\ here");
  EXPECT_TRUE(again.Bool("log.colour"));
}

TEST_F(ConfigTest, ReferenceListsEveryKeyWithItsNames) {
  const std::string page = ConfigReference(Table(), "Configuration");
  EXPECT_THAT(page, HasSubstr("# Configuration\n"));
  for (const ConfigKey& key : Table()) EXPECT_THAT(page, HasSubstr(EnvironmentName(key)));
  EXPECT_THAT(page, HasSubstr("integer, 1..64"));
  EXPECT_THAT(page, HasSubstr("`--log-level`"));
  EXPECT_THAT(page, HasSubstr("`token_file`"));
}

TEST(ProcessEnvironmentTest, HoldsWhatWasSet) {
  ASSERT_EQ(::setenv("SIGHTLINE_TEST_VALUE", "a=b", 1), 0);
  EXPECT_THAT(ProcessEnvironment(),
              ::testing::Contains(::testing::Pair("SIGHTLINE_TEST_VALUE", "a=b")));
  ::unsetenv("SIGHTLINE_TEST_VALUE");
}

TEST(ConfigDeathTest, AskingForAKeyThatIsNotInTheTableAborts) {
  auto config = Config::Load(Table(), {});
  ASSERT_THAT(config, IsOk());
  EXPECT_DEATH(config->String("server.nothing"), "no such key");
  EXPECT_DEATH(config->Int("server.grpc"), "no such key");
}

}  // namespace
}  // namespace sightline
