// `sightline ingest` against a server that remembers what it was sent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/cli/fake_server.h"
#include "tests/cli/run_program.h"

namespace sightline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class IngestProgramTest : public ::testing::Test {
 protected:
  ProgramResult Ingest(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ingest");
    arguments.insert(arguments.end(), {"-c", "office", "--server", server_.address()});
    return work_.Run(arguments);
  }

  // Names, below the workplace, of what the server has.
  std::vector<std::string> Stored() {
    std::vector<std::string> names;
    const size_t prefix = std::filesystem::canonical(work_.path("")).string().size() + 1;
    for (const auto& [source, document] : server_.ingest.stored()) {
      names.push_back(source.substr(prefix));
    }
    return names;
  }

  std::string Source(const std::string& name) {
    return (std::filesystem::canonical(work_.path("")) / name).string();
  }

  FakeServer server_{"127.0.0.1:0"};
  Workplace work_;
};

TEST_F(IngestProgramTest, SendsBytesSourceAndMetadata) {
  const std::string large(2'500'000, 'x');  // three chunks
  work_.Write("in/large.md", large);
  work_.Write("in/empty.md", "");
  const ProgramResult result =
      Ingest({"in", "--metadata", "year=2024", "--metadata", "lang=zh", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto stored = server_.ingest.stored();
  EXPECT_THAT(Stored(), ElementsAre("in/empty.md", "in/large.md"));
  const auto& document = stored.at(Source("in/large.md"));
  EXPECT_EQ(document.bytes, large);
  EXPECT_EQ(document.header.collection(), "office");
  EXPECT_EQ(document.header.total_bytes(), 2'500'000);
  EXPECT_TRUE(document.header.create_collection());
  EXPECT_EQ(document.header.metadata().fields().at("year").number_value(), 2024);
  EXPECT_EQ(document.header.metadata().fields().at("lang").string_value(), "zh");
  const auto summary = nlohmann::json::parse(result.out);
  EXPECT_EQ(summary["documents"], 2);
  EXPECT_EQ(summary["indexed"], 2);
  EXPECT_EQ(summary["passages"], 6);
  EXPECT_EQ(summary["failed_list"], nullptr);
}

TEST_F(IngestProgramTest, FoldersAreEnteredOnlyWhenAskedAndHiddenNamesAreLeftOut) {
  work_.Write("in/a.md", "a");
  work_.Write("in/sub/b.md", "b");
  work_.Write("in/.hidden.md", "h");
  work_.Write("in/.git/c.md", "c");
  const ProgramResult flat = Ingest({"in"});
  EXPECT_EQ(flat.code, 0);
  EXPECT_THAT(flat.out, HasSubstr("1 sub-folder not entered"));
  EXPECT_THAT(Stored(), ElementsAre("in/a.md"));
  Ingest({"in", "--recursive"});
  EXPECT_THAT(Stored(), ElementsAre("in/a.md", "in/sub/b.md"));
  Ingest({"in/.hidden.md"});
  EXPECT_THAT(Stored(), ElementsAre("in/.hidden.md", "in/a.md", "in/sub/b.md"));
}

TEST_F(IngestProgramTest, GlobsIncludeAndExclude) {
  for (const char* name : {"a.md", "a.txt", "old/b.md", "new/c.md"}) {
    work_.Write(absl::StrCat("in/", name), name);
  }
  Ingest({"in", "-r", "--glob", "*.md", "--glob", "!old/*"});
  EXPECT_THAT(Stored(), ElementsAre("in/a.md", "in/new/c.md"));
}

TEST_F(IngestProgramTest, IgnoreFilesLeaveOutWhatTheySay) {
  for (const char* name :
       {"a.md", "a.log", "keep.log", "build/x.md", "sub/a.log", "sub/build", "sub/own.md",
        "sub/deep/only.md", "sub/deep/secret.md", "sub/deep/a.log", "drafts/b.md"}) {
    work_.Write(absl::StrCat("in/", name), name);
  }
  work_.Write("in/.sightlineignore", "*.log\n!/keep.log\nbuild/\n/drafts\nsub/deep/secret.md\n");
  work_.Write("in/drafts/.sightlineignore", "!b.md\n");  // too late: its folder is not entered
  work_.Write("in/sub/.sightlineignore", "/own.md\n!a.log\n");
  work_.Write("in/sub/deep/.sightlineignore", "a.log\n");
  EXPECT_EQ(Ingest({"in", "-r"}).code, 0);
  EXPECT_THAT(Stored(), ElementsAre("in/a.md", "in/keep.log", "in/sub/a.log", "in/sub/build",
                                    "in/sub/deep/only.md"));
  Ingest({"in/sub/own.md"});
  EXPECT_THAT(Stored(), ::testing::Contains("in/sub/own.md")) << "it was named";
  Ingest({"in", "-r", "--no-ignore"});
  EXPECT_EQ(Stored().size(), 11u);
}

TEST_F(IngestProgramTest, AFolderWhoseIgnoreFileCannotBeReadIsLeftOut) {
  work_.Write("in/a.md", "a");
  work_.Write("in/sub/b.md", "b");
  work_.Write("in/sub/.sightlineignore/x", "a folder of that name");
  const ProgramResult result = Ingest({"in", "-r"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("sub/.sightlineignore"));
  EXPECT_THAT(Stored(), ElementsAre("in/a.md"));
}

TEST_F(IngestProgramTest, WhatIsNotAFileIsListedAndTheRestGoesOn) {
  work_.Write("in/a.md", "a");
  std::filesystem::create_symlink("a.md", work_.path("in/link.md"));
  std::filesystem::create_directory_symlink(".", work_.path("in/loop"));
  ASSERT_EQ(::mkfifo(work_.path("in/pipe").c_str(), 0600), 0);
  work_.Write("in/bad\xff.md", "b");
  const ProgramResult result = Ingest({"in", "-r", "--json"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(Stored(), ElementsAre("in/a.md"));
  const auto summary = nlohmann::json::parse(result.out);
  EXPECT_EQ(summary["indexed"], 1);
  EXPECT_EQ(summary["skipped"], 4);
  std::map<std::string, int> reasons;
  for (const auto& failure : summary["failures"]) ++reasons[failure["reason"]];
  EXPECT_EQ(reasons["symbolic_link"], 2);
  EXPECT_EQ(reasons["not_a_file"], 1);
  EXPECT_EQ(reasons["name_not_utf8"], 1);
}

TEST_F(IngestProgramTest, AFileThatMayNotBeReadIsListed) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser may read everything";
  const std::string path = work_.Write("in/secret.md", "s");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const ProgramResult result = Ingest({"in"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("secret.md: Permission denied"));
}

TEST_F(IngestProgramTest, AMissingPathEndsItBeforeAnythingIsSent) {
  work_.Write("a.md", "a");
  const ProgramResult result = Ingest({"a.md", "typo.md"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("typo.md: No such file"));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(IngestProgramTest, FailuresAreListedInAFileThatTheManifestTakesBack) {
  work_.Write("in/fail.pdf", "x");
  work_.Write("in/good.pdf", "y");
  work_.Write("in/partial.pdf", "z");
  const ProgramResult result = Ingest({"in", "--metadata", "year=2024"});
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("fail.pdf: no trailer \\x1b[2J (bad_pdf)"));
  EXPECT_THAT(result.out, HasSubstr("2 documents indexed"));
  EXPECT_THAT(result.out, HasSubstr("1 failed"));
  const std::string list = ReadFile(work_.path("sightline-failed.jsonl")).value();
  const std::vector<std::string> lines = absl::StrSplit(list, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) {
    const auto failure = nlohmann::json::parse(line);
    EXPECT_EQ(failure["metadata"]["year"], 2024);
    EXPECT_FALSE(failure["reason"].get<std::string>().empty());
  }
  Ingest({"--manifest", "sightline-failed.jsonl", "--failed-list", "again.jsonl"});
  EXPECT_EQ(server_.ingest.arrivals(Source("in/fail.pdf")), 2);
  EXPECT_EQ(server_.ingest.arrivals(Source("in/good.pdf")), 1);
  EXPECT_TRUE(std::filesystem::exists(work_.path("again.jsonl")));
}

TEST_F(IngestProgramTest, NoFailuresLeaveNoList) {
  work_.Write("a.md", "a");
  EXPECT_EQ(Ingest({"a.md"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(work_.path("sightline-failed.jsonl")));
}

TEST_F(IngestProgramTest, StopEndsAtTheFirstFailure) {
  work_.Write("in/1-fail.md", "x");
  work_.Write("in/2.md", "y");
  const ProgramResult result = Ingest({"in", "--on-error", "stop", "--jobs", "1"});
  EXPECT_EQ(result.code, 1);
  EXPECT_LE(server_.ingest.arrivals(Source("in/2.md")), 1);
  work_.Write("in/0-fail.md", "x");
  for (int i = 3; i < 9; ++i) work_.Write(absl::StrCat("in/", i, ".md"), "z");
  Ingest({"in", "--on-error", "stop", "--jobs", "1"});
  EXPECT_EQ(server_.ingest.arrivals(Source("in/8.md")), 0);
}

TEST_F(IngestProgramTest, ManifestNamesFilesIdsCaptionsAndUris) {
  work_.Write("pictures/a.png", "png");
  work_.Write(
      "pictures/list.jsonl",
      "{\"path\":\"a.png\",\"id\":\"A\",\"caption\":\"a red door\",\"media_type\":\"image/png\","
      "\"metadata\":{\"year\":1999}}\n\n{\"uri\":\"https://example.org/b.pdf\"}\n");
  const ProgramResult result =
      Ingest({"--manifest", "pictures/list.jsonl", "--metadata", "year=1", "--metadata", "x=true"});
  EXPECT_EQ(result.code, 0) << result.err;
  const auto stored = server_.ingest.stored();
  ASSERT_EQ(stored.count(Source("pictures/a.png")), 1u);
  const auto& header = stored.at(Source("pictures/a.png")).header;
  EXPECT_EQ(header.document_id(), "A");
  EXPECT_EQ(header.media_type(), "image/png");
  EXPECT_EQ(header.metadata().fields().at("caption").string_value(), "a red door");
  EXPECT_EQ(header.metadata().fields().at("year").number_value(), 1999);
  EXPECT_TRUE(header.metadata().fields().at("x").bool_value());
  EXPECT_EQ(stored.at("https://example.org/b.pdf").header.uri(), "https://example.org/b.pdf");
}

TEST_F(IngestProgramTest, AWrongManifestLineIsNamedBeforeAnythingIsSent) {
  work_.Write("a.md", "a");
  work_.Write("list.jsonl", "{\"path\":\"a.md\"}\n{\"pth\":\"a.md\"}\n");
  const ProgramResult result = Ingest({"--manifest", "list.jsonl"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err, HasSubstr("list.jsonl:2: unknown key \"pth\""));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(IngestProgramTest, AManifestEntryWithoutItsFileIsListed) {
  work_.Write("a.md", "a");
  work_.Write("list.jsonl", "{\"path\":\"gone.md\"}\n{\"path\":\"a.md\"}\n");
  EXPECT_EQ(Ingest({"--manifest", "list.jsonl"}).code, 3);
  EXPECT_THAT(Stored(), ElementsAre("a.md"));
}

TEST_F(IngestProgramTest, ABusyServerIsAskedAgain) {
  work_.Write("busy.md", "a");
  EXPECT_EQ(Ingest({"busy.md"}).code, 0);
  EXPECT_EQ(server_.ingest.arrivals(Source("busy.md")), 2);
}

TEST_F(IngestProgramTest, AStreamThatBreaksIsOpenedAgain) {
  for (int i = 0; i < 8; ++i) work_.Write(absl::StrCat("in/", i, ".md"), "a");
  work_.Write("in/4-drop.md", "b");
  const ProgramResult result = Ingest({"in", "--jobs", "3", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(Stored().size(), 9u);
  EXPECT_EQ(nlohmann::json::parse(result.out)["documents"], 9);
}

TEST_F(IngestProgramTest, ResumeDoesNotSendWhatIsThere) {
  work_.Write("in/a.md", "a");
  work_.Write("in/b.md", "b");
  work_.Write("in/c.md", "c");
  ASSERT_EQ(Ingest({"in", "--metadata", "year=2024"}).code, 0);
  work_.Write("in/b.md", "changed");
  const ProgramResult result = Ingest({"in", "--resume", "--metadata", "year=2024", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["already_held"], 2);
  EXPECT_EQ(server_.ingest.arrivals(Source("in/a.md")), 1);
  EXPECT_EQ(server_.ingest.arrivals(Source("in/b.md")), 2);
  // Other metadata is other content.
  Ingest({"in", "--resume", "--metadata", "year=2025"});
  EXPECT_EQ(server_.ingest.arrivals(Source("in/a.md")), 2);
}

TEST_F(IngestProgramTest, ResumeLeavesToTheServerWhatIsToBeFoundOut) {
  work_.Write("a.md", "a");
  ASSERT_EQ(Ingest({"a.md"}).code, 0);
  Ingest({"a.md", "--resume"});
  EXPECT_EQ(server_.ingest.arrivals(Source("a.md")), 1);
  Ingest({"a.md", "--resume", "--summarize"});
  EXPECT_EQ(server_.ingest.arrivals(Source("a.md")), 2);
  EXPECT_TRUE(server_.ingest.stored().at(Source("a.md")).header.enrichment().summarize());
}

TEST_F(IngestProgramTest, TheSummaryNamesTheSlowestStage) {
  work_.Write("a.md", "a");
  Ingest({"a.md"});
  work_.Write("b.md", "b");
  work_.Write("c.md", "c");
  const auto summary = nlohmann::json::parse(Ingest({"b.md", "c.md", "--json"}).out);
  EXPECT_EQ(summary["slowest_stage"], "embed");
  ASSERT_EQ(summary["stages"].size(), 2u);
  const auto& embed = summary["stages"][1];
  EXPECT_EQ(embed["stage"], "embed");
  EXPECT_EQ(embed["items"], 2) << "the first document is of another run";
  EXPECT_EQ(embed["seconds"], 0.002);
  EXPECT_THAT(Ingest({"a.md"}).out, HasSubstr("slowest stage: embed, at work"));
}

TEST_F(IngestProgramTest, AServerThatIsRestartedIsWaitedFor) {
  work_.Write("in/1.md", "a");
  work_.Write("in/2-stuck.md", "b");
  auto server = std::make_unique<FakeServer>("127.0.0.1:0");
  const std::string address = server->address();
  const auto process =
      work_.Start({"ingest", "in", "-c", "office", "--jobs", "1", "--server", address});
  while (!server->ingest.hanging()) absl::SleepFor(absl::Milliseconds(5));
  server.reset();
  const auto told = [&] { return ReadFile(work_.path("err"), 1 << 20).value_or(""); };
  while (!absl::StrContains(told(), "the server is away")) absl::SleepFor(absl::Milliseconds(5));
  server = std::make_unique<FakeServer>(address);
  server->ingest.LetGo();
  const ProgramResult result = work_.Wait(*process);
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("2 documents indexed"));
}

TEST_F(IngestProgramTest, AServerThatStaysAwayIsGivenUp) {
  work_.Write("in/2-stuck.md", "b");
  auto server = std::make_unique<FakeServer>("127.0.0.1:0");
  const auto process =
      work_.Start({"ingest", "in", "-c", "office", "--wait", "1", "--server", server->address()});
  while (!server->ingest.hanging()) absl::SleepFor(absl::Milliseconds(5));
  server.reset();
  const ProgramResult result = work_.Wait(*process);
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_THAT(result.err, HasSubstr("at most 1.0 s"));
  EXPECT_THAT(result.out, HasSubstr("1 failed"));
}

TEST_F(IngestProgramTest, CtrlCEndsTheWaitForAServer) {
  work_.Write("in/2-stuck.md", "b");
  auto server = std::make_unique<FakeServer>("127.0.0.1:0");
  const auto process = work_.Start({"ingest", "in", "-c", "office", "--server", server->address()});
  while (!server->ingest.hanging()) absl::SleepFor(absl::Milliseconds(5));
  server.reset();
  const auto told = [&] { return ReadFile(work_.path("err"), 1 << 20).value_or(""); };
  while (!absl::StrContains(told(), "the server is away")) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_TRUE(process->Signal(SIGINT).ok());
  EXPECT_EQ(work_.Wait(*process).code, 130);
}

TEST_F(IngestProgramTest, RepeatingIsHarmless) {
  work_.Write("a.md", "a");
  Ingest({"a.md"});
  const ProgramResult result = Ingest({"a.md"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, HasSubstr("0 documents indexed"));
  EXPECT_THAT(result.out, HasSubstr("1 unchanged"));
}

TEST_F(IngestProgramTest, DryRunNeedsNoServerAndSendsNothing) {
  work_.Write("in/a.md", "abc");
  work_.Write("in/b.md", "");
  const ProgramResult result = work_.Run({"ingest", "in", "-c", "x", "--dry-run", "--json"});
  EXPECT_EQ(result.code, 0) << result.err;
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(lines[0])["bytes"], 3);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["source"], Source("in/b.md"));
}

TEST_F(IngestProgramTest, CtrlCWaitsUntilWhatWasSentIsRecordedAndSaysHowToGoOn) {
  work_.Write("in/1.md", "a");
  work_.Write("in/2-stuck.md", "b");
  work_.Write("in/3-stuck.md", "c");
  const auto process =
      work_.Start({"ingest", "in", "-c", "office", "--jobs", "1", "--server", server_.address()});
  while (!server_.ingest.hanging()) absl::SleepFor(absl::Milliseconds(5));
  ASSERT_TRUE(process->Signal(SIGINT).ok());
  const ProgramResult result = work_.Wait(*process);
  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(result.err,
              HasSubstr("interrupted after 1 document; the server has recorded 1 more"));
  EXPECT_THAT(result.err, HasSubstr("--resume"));
  EXPECT_THAT(result.out, HasSubstr("1 document indexed"));
}

TEST_F(IngestProgramTest, OutputToAFileHasNoBar) {
  work_.Write("a.md", "a");
  const ProgramResult result = Ingest({"a.md"});
  EXPECT_THAT(result.err, Not(HasSubstr("\r")));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace sightline::testing
