// What happens around the children: deaths, stops, deadlines, crowds, and children that lie.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/process.h"
#include "ingest/media/media_client.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::ChildrenOfThisProcess;
using ::sightline::media::testing::Encode;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Jpeg;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::Pdf;
using ::sightline::media::testing::PdfPage;
using ::sightline::media::testing::Png;
using ::sightline::media::testing::TestOptions;
using ::sightline::media::testing::TestPicture;
using ::sightline::media::testing::TextContent;
using ::sightline::media::testing::Zip;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

constexpr absl::Time kNoDeadline = absl::InfiniteFuture();

PdfPage WordsPage() {
  PdfPage page;
  page.content = TextContent({"Words"});
  return page;
}

TEST(ChildPoolTest, StartsChildrenOnlyWhenNeededAndEndsThem) {
  {
    const auto client = MakeClient();
    EXPECT_TRUE(ChildrenOfThisProcess().empty());
    ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
    ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
    EXPECT_EQ(ChildrenOfThisProcess().size(), 1u);
  }
  EXPECT_TRUE(ChildrenOfThisProcess().empty());
}

TEST(ChildPoolTest, ChildThatDiedBetweenRequestsIsReplaced) {
  const auto client = MakeClient();
  for (const int signal : {SIGKILL, SIGSEGV, SIGTERM}) {
    ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
    for (const pid_t pid : ChildrenOfThisProcess()) ::kill(pid, signal);
    EXPECT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk()) << signal;
  }
}

TEST(ChildPoolTest, StoppedChildCostsItsOneRequest) {
  MediaOptions options = TestOptions();
  options.workers = 1;
  options.image_timeout = absl::Milliseconds(500);
  const auto client = MakeClient(options);
  ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
  for (const pid_t pid : ChildrenOfThisProcess()) ::kill(pid, SIGSTOP);
  const auto stuck = client->DecodeImage(Png(4, 4), kNoDeadline);
  EXPECT_THAT(stuck, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(ErrorReason(stuck.status()), "timeout");
  EXPECT_THAT(client->DecodeImage(Png(4, 4), absl::Now() + absl::Seconds(20)), IsOk());
  EXPECT_EQ(ChildrenOfThisProcess().size(), 1u);  // the stopped one is gone
}

TEST(ChildPoolTest, KillsDuringACrowdOfRequestsHurtNoOthers) {
  MediaOptions options = TestOptions();
  options.workers = 3;
  const auto client = MakeClient(options);
  const std::string bytes = Jpeg(600, 400);
  constexpr int kThreads = 6;
  constexpr int kRequests = 30;
  std::atomic<int> wrong = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRequests; ++i, ++done) {
        const auto decoded = client->DecodeImage(bytes, kNoDeadline);
        if (decoded.ok()) {
          wrong += decoded->image->width == 600 && decoded->image->height == 400 ? 0 : 1;
        } else {
          wrong += ErrorReason(decoded.status()) == "crashed" ? 0 : 1;
          ++failed;
        }
      }
    });
  }
  int kills = 0;
  while (done < kThreads * kRequests) {
    const int signal = kills % 2 == 0 ? SIGKILL : SIGSEGV;
    const auto children = ChildrenOfThisProcess();
    if (!children.empty()) {
      ::kill(children[kills % children.size()], signal);
      ++kills;
    }
    absl::SleepFor(absl::Milliseconds(60));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(kills, 0);
  EXPECT_LE(failed, kills);
  EXPECT_THAT(client->DecodeImage(bytes, kNoDeadline), IsOk());
}

TEST(ChildPoolTest, ManyThreadsShareFewChildren) {
  MediaOptions options = TestOptions();
  options.workers = 2;
  const auto client = MakeClient(options);
  const std::string pdf = Pdf({WordsPage()});
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const int side = 10 + t;
        const auto decoded = client->DecodeImage(Png(side, 7), kNoDeadline);
        failed += decoded.ok() && decoded->image->width == side ? 0 : 1;
        if (t % 4 != 0 || i > 0) continue;
        failed += ExtractAll(*client, pdf).status.ok() ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(ChildrenOfThisProcess().size(), 5u);  // two of each role and one for queries at most
}

TEST(ChildPoolTest, PassedDeadlineIsHonouredBeforeAnyWork) {
  const auto client = MakeClient();
  const auto late = client->DecodeImage(Png(4, 4), absl::Now() - absl::Seconds(1));
  EXPECT_THAT(late, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(ErrorReason(late.status()), "timeout");
}

TEST(ChildPoolTest, WaitingForAFreeChildEndsAtTheDeadline) {
  MediaOptions options = TestOptions();
  options.workers = 1;
  const auto client = MakeClient(options);
  ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
  const auto children = ChildrenOfThisProcess();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children[0], SIGSTOP);
  std::thread holder([&] {
    EXPECT_FALSE(
        client->DecodeImage(Png(4, 4), absl::Now() + absl::Seconds(1), Caller::kIngest).ok());
  });
  absl::SleepFor(absl::Milliseconds(300));
  const absl::Time deadline = absl::Now() + absl::Milliseconds(300);
  EXPECT_THAT(client->DecodeImage(Png(4, 4), deadline, Caller::kIngest),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  holder.join();
}

TEST(ChildPoolTest, AQueryDoesNotWaitForIngest) {
  MediaOptions options = TestOptions();
  options.workers = 1;
  options.image_timeout = absl::Seconds(60);
  const auto client = MakeClient(options);
  ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline, Caller::kIngest), IsOk());
  const auto children = ChildrenOfThisProcess();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children[0], SIGSTOP);
  std::thread ingest(
      [&] { EXPECT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline, Caller::kIngest), IsOk()); });
  const double before = client->stages()[0].seconds;
  while (client->stages()[0].seconds == before) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_THAT(client->DecodeImage(Png(4, 4), absl::Now() + absl::Seconds(30)), IsOk());
  ::kill(children[0], SIGCONT);
  ingest.join();
}

TEST(ChildPoolTest, WhatIsDoneForIngestIsMeasuredByStage) {
  const auto client = MakeClient();
  ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
  EXPECT_EQ(client->stages()[0].items, 0) << "of a query";
  const std::string png = Png(4, 4);
  ASSERT_THAT(client->DecodeImage(png, kNoDeadline, Caller::kIngest), IsOk());
  ASSERT_THAT(ExtractAll(*client, Pdf({WordsPage(), WordsPage()})).status, IsOk());
  const std::vector<StageWork> stages = client->stages();
  ASSERT_EQ(stages.size(), 3u);
  EXPECT_EQ(stages[0].stage, "decode");
  EXPECT_EQ(stages[0].items, 1);
  EXPECT_EQ(stages[0].bytes, static_cast<int64_t>(png.size()));
  EXPECT_GT(stages[0].seconds, 0);
  EXPECT_EQ(stages[1].stage, "render");
  EXPECT_EQ(stages[1].items, 2) << "pages; finding out how many there are is none";
  EXPECT_EQ(stages[2].stage, "ocr");
}

TEST(ChildPoolTest, FileThatNeedsTooMuchMemoryFailsAlone) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take more address space than any limit leaves";
#endif
  MediaOptions options = TestOptions();
  options.worker_memory_bytes = int64_t{64} << 20;
  const auto client = MakeClient(options);
  // Interlaced pictures are decoded as a whole: 90 MB.
  const std::string bytes = Encode(TestPicture(6000, 5000), ".png[interlace,compression=1]");
  const auto decoded = client->DecodeImage(bytes, kNoDeadline);
  ASSERT_FALSE(decoded.ok());
  EXPECT_THAT(ErrorReason(decoded.status()),
              ::testing::AnyOf("out_of_memory", "crashed", "bad_image"));
  EXPECT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
}

TEST(ChildPoolTest, ChildrenDieWithTheirParent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string picture = Png(4, 4);  // libvips does not work on in a forked process
  const pid_t server = ::fork();
  if (server == 0) {
    const auto client = MakeClient();
    const bool good = client->DecodeImage(picture, kNoDeadline).ok();
    const auto children = ChildrenOfThisProcess();
    const pid_t child = good && children.size() == 1 ? children[0] : -1;
    (void)!::write(ends[1], &child, sizeof(child));
    ::kill(::getpid(), SIGKILL);
  }
  pid_t child = -1;
  ASSERT_EQ(::read(ends[0], &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
  ::waitpid(server, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_GT(child, 0);
  // Gone, or a zombie that the system's first process has yet to collect.
  const auto alive = [child] {
    const auto stat = ReadFile("/proc/" + std::to_string(child) + "/stat");
    return stat.ok() && stat->find(") Z ") == std::string::npos;
  };
  for (int i = 0; i < 200 && alive(); ++i) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_FALSE(alive());
}

TEST(ChildPoolTest, LeavesNoDescriptorsBehind) {
  const auto count = [] {
    int descriptors = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      static_cast<void>(entry);
      ++descriptors;
    }
    return descriptors;
  };
  const auto client = MakeClient();
  ASSERT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
  const int before = count();
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(client->DecodeImage("GIF89a rubbish", kNoDeadline).ok());
    EXPECT_THAT(client->Thumbnail(Png(9, 9), 4, kNoDeadline), IsOk());
  }
  for (const pid_t pid : ChildrenOfThisProcess()) ::kill(pid, SIGKILL);
  EXPECT_THAT(client->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
  EXPECT_EQ(count(), before);
}

TEST(ChildPoolTest, MissingProgramIsNotFound) {
  MediaOptions options = TestOptions();
  options.program = "/nonexistent/sightline-media";
  EXPECT_THAT(MediaClient::Create(options), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ChildPoolTest, OptionsOutOfRangeAreRefused) {
  MediaOptions options = TestOptions();
  options.workers = 0;
  EXPECT_THAT(MediaClient::Create(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ChildPoolTest, ProgramThatSpeaksAnotherLanguageIsUnavailable) {
  for (const char* program : {"/bin/true", "/bin/echo"}) {
    MediaOptions options = TestOptions();
    options.program = program;
    const auto client = MakeClient(options);
    const auto decoded = client->DecodeImage(Png(4, 4), absl::Now() + absl::Seconds(10));
    EXPECT_THAT(decoded, StatusIs(absl::StatusCode::kUnavailable)) << program;
    EXPECT_EQ(ErrorReason(decoded.status()), "crashed");
  }
}

// A child taken over by a hostile file could answer anything: see media_liar.cc.
TEST(ChildPoolTest, LiesOfAChildAreNotBelieved) {
  const std::string picture = Png(4, 4);
  for (const char* lie : {"too_few_pixels", "too_many_pixels", "huge_size", "no_channels",
                          "no_attachment", "pipe_attachment", "unsealed_attachment",
                          "two_attachments", "huge_frame", "garbage", "silence_then_exit"}) {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    // The client passes no environment on, so the lie travels in the program's name.
    const std::string program = (*folder)->path() + "/" + lie;
    std::filesystem::create_symlink(SIGHTLINE_TEST_LIAR, program);
    MediaOptions options = TestOptions();
    options.program = program;
    const auto client = MakeClient(options);
    const auto decoded = client->DecodeImage(picture, absl::Now() + absl::Seconds(20));
    EXPECT_EQ(ErrorReason(decoded.status()), "crashed") << lie << ": " << decoded.status();
  }
}

TEST(ChildPoolTest, LiesAboutMembersAreNotBelieved) {
  for (const char* lie : {"archive", "archive_type", "archive_path", "archive_offset",
                          "archive_size", "archive_loop", "archive_property", "archive_pages"}) {
    auto folder = TempDir::Create();
    ASSERT_THAT(folder, IsOk());
    const std::string program = (*folder)->path() + "/" + lie;
    std::filesystem::create_symlink(SIGHTLINE_TEST_LIAR, program);
    MediaOptions options = TestOptions();
    options.program = program;
    options.limits.max_pages = 2;
    const auto got = ExtractAll(*MakeClient(options), Zip({{"a", "x"}}));
    if (lie == std::string("archive")) {
      EXPECT_THAT(got.status, IsOk());
      EXPECT_EQ(got.members.size(), 1u);
    } else {
      EXPECT_EQ(ErrorReason(got.status), "crashed") << lie << ": " << got.status;
    }
  }
}

TEST(ChildPoolTest, HonestFakeChildIsBelieved) {
  auto folder = TempDir::Create();
  ASSERT_THAT(folder, IsOk());
  const std::string program = (*folder)->path() + "/honest";
  std::filesystem::create_symlink(SIGHTLINE_TEST_LIAR, program);
  MediaOptions options = TestOptions();
  options.program = program;
  EXPECT_THAT(MakeClient(options)->DecodeImage(Png(4, 4), kNoDeadline), IsOk());
}

TEST(SandboxTest, RefusesWhatDecodersMustNotDo) {
  ProcessOptions options;
  options.argv = {SIGHTLINE_BIN_DIR "/sightline-media", "--self-test-sandbox"};
  options.out = ChildStream::kPipe;
  auto process = Process::Start(options);
  ASSERT_THAT(process, IsOk());
  std::string output;
  while (true) {
    auto line = ReadLine((*process)->out_fd(), absl::Now() + absl::Seconds(30));
    if (!line.ok()) break;
    output += *line + "\n";
  }
  const auto exit = (*process)->Wait(absl::Now() + absl::Seconds(30));
  ASSERT_THAT(exit, IsOk());
  EXPECT_TRUE(exit->ok()) << output;
  for (const char* line :
       {"decoder: open an internet socket: refused", "decoder: start a program: refused",
        "decoder: open a file: refused", "decoder: trace the parent: refused",
        "documents: open an internet socket: refused", "documents: create a file: refused",
        "decoder: tried 17"}) {
    EXPECT_THAT(output, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace sightline::media
