// The demo's encoder on pictures of the made-up shop, whose places are known.

#include <gtest/gtest.h>

#include "model/load.h"
#include "tests/support/pointing_game.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::ItemsToPointAt;
using ::sightline::testing::LinesToPointAt;
using ::sightline::testing::PlayPointingGame;
using ::sightline::testing::PointingScore;

constexpr uint64_t kSeed = 11;

class PointingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LoadOptions options;
    options.device = "cpu";
    auto loaded = Load(SIGHTLINE_SOURCE_DIR "/models/demo", options);
    ASSERT_THAT(loaded, IsOk());
    model_ = *std::move(loaded);
  }

  const demo_world::World world_ = demo_world::World::Make(
      demo_world::kFirstEvaluationSeed + kSeed, {.items = 100, .pages = 20, .texts = 20});
  LoadedModel model_;
};

TEST_F(PointingTest, TheHottestRegionIsTheItemThatTheQueryDescribes) {
  ASSERT_OK_AND_ASSIGN(const PointingScore score,
                       PlayPointingGame(*model_.encoder, ItemsToPointAt(world_, 20, kSeed)));
  EXPECT_LT(score.by_chance, 12);
  EXPECT_GE(score.hits, 18);
}

TEST_F(PointingTest, TheHottestRegionIsTheLineThatTheQueryQuotes) {
  ASSERT_OK_AND_ASSIGN(const PointingScore score,
                       PlayPointingGame(*model_.encoder, LinesToPointAt(world_, 20, kSeed)));
  EXPECT_LT(score.by_chance, 8);
  EXPECT_GE(score.hits, 12);
}

}  // namespace
}  // namespace sightline::model
