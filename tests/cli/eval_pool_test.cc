#include "cli/eval_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "tests/support/status_matchers.h"

namespace sightline::cli {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;

TEST(ForEachTest, EveryNumberComesOnce) {
  std::array<std::atomic<int>, 100> seen = {};
  EXPECT_THAT(ForEach(100,
                      [&](int i) {
                        ++seen[i];
                        return absl::OkStatus();
                      }),
              IsOk());
  for (const auto& count : seen) EXPECT_EQ(count, 1);
  EXPECT_THAT(ForEach(0, [](int) { return absl::InternalError("never"); }), IsOk());
}

TEST(ForEachTest, AFailureEndsIt) {
  std::atomic<int> begun = 0;
  EXPECT_THAT(ForEach(1000,
                      [&](int) {
                        ++begun;
                        return absl::DataLossError("x");
                      }),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_LE(begun, kEvalClients);
}

}  // namespace
}  // namespace sightline::cli
