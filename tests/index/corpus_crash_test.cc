#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "base/file.h"
#include "tests/index/ledger.h"
#include "tests/support/status_matchers.h"

// Kills a writing process again and again, without warning, and looks whether what it had
// acknowledged is there and what it had deleted is gone. This process itself never opens a corpus:
// its children do, so that each is forked from a process without threads.

namespace sightline::index {
namespace {

// How a collection keeps its vectors, and how often it is killed, times SIGHTLINE_ROUNDS.
struct Kept {
  std::string vectors;
  int rounds;
};

int Times() {
  const char* const times = std::getenv("SIGHTLINE_ROUNDS");
  return times == nullptr ? 1 : std::max(1, std::atoi(times));
}

template <typename Body>
pid_t InChild(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(body());
  }
  return child;
}

class CorpusCrashTest : public ::testing::TestWithParam<Kept> {};

TEST_P(CorpusCrashTest, NothingAcknowledgedIsLostAndNothingDeletedComesBackOverKills) {
  ::setenv("SIGHTLINE_VECTORS", GetParam().vectors.c_str(), 1);
  const int rounds = GetParam().rounds * Times();
  auto folder = TempDir::Create("crash");
  ASSERT_THAT(folder, testing::IsOk());
  const std::string path = (*folder)->path() + "/data";
  const std::string ledger = (*folder)->path() + "/ledger";
  std::ofstream(ledger).flush();
  std::mt19937 random(42);
  int64_t acknowledged = 0;
  std::vector<int64_t> checks_ms;
  for (int round = 0; round < rounds; ++round) {
    const uint32_t seed = static_cast<uint32_t>(round + 1);
    const pid_t writer = InChild([&]() -> int { WriteForEver(path, ledger, seed); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random() % 400));
    ::kill(writer, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(writer, &status, 0), writer);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer stopped by itself with " << WEXITSTATUS(status);
    std::ifstream in(ledger);
    acknowledged += std::count(std::istreambuf_iterator<char>(in), {}, '\n');
    const auto begun = std::chrono::steady_clock::now();
    const pid_t checker = InChild([&] {
      const int faults = VerifyLedger(path, ledger);
      if (faults == 0) StartLedger(path, ledger);
      return faults;
    });
    ASSERT_EQ(::waitpid(checker, &status, 0), checker);
    checks_ms.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::chrono::steady_clock::now() - begun)
                            .count());
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "after round " << round;
  }
  // The kills came late enough for writes to have been going on.
  EXPECT_GT(acknowledged, 4 * rounds);
  std::sort(checks_ms.begin(), checks_ms.end());
  std::cout << checks_ms.size() << " kills, " << acknowledged / 2
            << " writes, opened and compared within " << checks_ms[checks_ms.size() / 2]
            << " ms (median), " << checks_ms.back() << " ms at most\n";
}

INSTANTIATE_TEST_SUITE_P(Vectors, CorpusCrashTest,
                         ::testing::Values(Kept{"f16", 18}, Kept{"int8", 4}, Kept{"binary", 4},
                                           Kept{"pq", 4}),
                         [](const auto& info) { return info.param.vectors; });

}  // namespace
}  // namespace sightline::index
