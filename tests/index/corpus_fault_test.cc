#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/index/ledger.h"
#include "tests/support/status_matchers.h"

// Lets the disk fail at one system call after the other of a process that writes (fault_shim.cc):
// whatever call it is, nothing is acknowledged after a write that failed, reads go on, and all that
// was acknowledged is there when the corpus is opened again.

namespace sightline::index {
namespace {

constexpr int kWrites = 30;
constexpr int kEvery = 12;  // of the calls, each; divided by SIGHTLINE_ROUNDS

struct Outcome {
  int exit = -1;
  int64_t calls = 0;
  int64_t struck = 0;
};

// What is preloaded comes before its runtime, which it else refuses.
std::string SanitizerOptions() {
  const char* const given = std::getenv("ASAN_OPTIONS");
  return absl::StrCat(given == nullptr ? "" : given, ":verify_asan_link_order=0");
}

class CorpusFaultTest : public ::testing::Test {
 protected:
  // Runs `words` with the variables, for a minute at most; -1: it did not end by itself.
  static int Run(const std::vector<std::string>& words,
                 const std::map<std::string, std::string>& variables, const std::string& errors) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
      if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(4);
      std::vector<char*> argv;
      for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      ::alarm(60);
      ::execv(argv[0], argv.data());
      ::_exit(4);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // One run of the writer in a folder of its own; then the folder is opened without faults.
  Outcome Write(const std::string& part, const std::string& call, int64_t first, int64_t last,
                int error) {
    auto folder = TempDir::Create("fault");
    EXPECT_THAT(folder, testing::IsOk());
    const std::string path = (*folder)->path() + "/data";
    const std::string ledger = (*folder)->path() + "/ledger";
    const std::string tally = (*folder)->path() + "/tally";
    const std::string errors = (*folder)->path() + "/errors";
    std::ofstream(tally) << std::string(16, '\0');
    std::ofstream(ledger).flush();
    Outcome out;
    out.exit = Run({SIGHTLINE_LEDGER_TOOL, "write", path, ledger, "7", std::to_string(kWrites)},
                   {{"LD_PRELOAD", SIGHTLINE_FAULT_SHIM},
                    {"ASAN_OPTIONS", SanitizerOptions()},
                    {"FAULT_FOLDER", path + part},
                    {"FAULT_SPARED", "OPTIONS-"},  // a note for people
                    {"FAULT_CALL", call},
                    {"FAULT_AT", std::to_string(first)},
                    {"FAULT_LAST", std::to_string(last)},
                    {"FAULT_ERRNO", std::to_string(error)},
                    {"FAULT_TALLY", tally}},
                   errors);
    std::ifstream counts(tally, std::ios::binary);
    counts.read(reinterpret_cast<char*>(&out.calls), 8);
    counts.read(reinterpret_cast<char*>(&out.struck), 8);
    const std::string where =
        absl::StrCat(call, " ", first, " of ", out.calls, ": ", std::strerror(error), "\n");
    EXPECT_TRUE(out.exit == 0 || out.exit == kRefused || out.exit == kNotOpened)
        << where << "exit " << out.exit << "\n"
        << std::ifstream(errors).rdbuf();
    const int verified = Run({SIGHTLINE_LEDGER_TOOL, "verify", path, ledger}, {}, errors);
    EXPECT_EQ(verified, 0) << where << std::ifstream(errors).rdbuf();
    return out;
  }

  // Lets the calls of a kind on files below a part of the data folder fail, one a run, or that one
  // and all later ones; returns the runs in which one did and those in which writes were refused.
  std::pair<int, int> FailEach(const std::string& part, const std::string& call, int error,
                               bool for_good) {
    const char* const rounds = std::getenv("SIGHTLINE_ROUNDS");
    const int every =
        std::max(1, kEvery / (rounds == nullptr ? 1 : std::max(1, std::atoi(rounds))));
    const int64_t calls = Write(part, call, 0, 0, error).calls;
    EXPECT_GT(calls, 0);
    int struck = 0;
    int refused = 0;
    for (int64_t at = 1; at <= calls && !HasFailure(); at += every) {
      const Outcome outcome = Write(part, call, at, for_good ? INT64_MAX : at, error);
      struck += outcome.struck > 0;
      refused += outcome.exit == kRefused || outcome.exit == kNotOpened;
    }
    std::cout << part << " " << call << ", " << std::strerror(error)
              << (for_good ? " from then on" : "") << ": " << struck << " faults of " << calls
              << " calls, " << refused << " refused\n";
    EXPECT_GT(struck, 0);
    return {struck, refused};
  }

  void ExpectRefusals(const std::string& call, int error, bool for_good) {
    const auto [struck, refused] = FailEach("/store", call, error, for_good);
    // A few calls are of a copy being made, of the note for people, or come after the last write.
    EXPECT_GT(refused * 2, struck);
  }
  // What lies there is a cache.
  void ExpectNone(const std::string& call, int error) {
    const auto [struck, refused] = FailEach("/index", call, error, true);
    EXPECT_EQ(refused, 0);
  }
};

TEST_F(CorpusFaultTest, ASyncThatFailsEndsWriting) { ExpectRefusals("sync", EIO, false); }
TEST_F(CorpusFaultTest, AWriteThatFailsEndsWriting) { ExpectRefusals("write", EIO, false); }
TEST_F(CorpusFaultTest, AFullDiskEndsWriting) { ExpectRefusals("write", ENOSPC, true); }
TEST_F(CorpusFaultTest, AFileThatCannotBeMadeEndsWriting) { ExpectRefusals("make", ENOSPC, true); }
TEST_F(CorpusFaultTest, ARenameThatFailsEndsWriting) { ExpectRefusals("name", EIO, false); }
TEST_F(CorpusFaultTest, SnapshotsThatCannotBeWrittenStopNothing) {
  ExpectNone("sync", EIO);
  ExpectNone("write", ENOSPC);
  ExpectNone("make", ENOSPC);
  ExpectNone("name", EIO);
}

}  // namespace
}  // namespace sightline::index
