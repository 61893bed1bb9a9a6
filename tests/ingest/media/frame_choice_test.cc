#include "ingest/media/frame_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sightline::media {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using ::testing::SizeIs;

// Ten frames a second; `cuts` gives the change at a frame, by number.
std::vector<ScannedFrame> Film(int frames, const std::map<int, float>& cuts) {
  std::vector<ScannedFrame> out;
  for (int i = 0; i < frames; ++i) {
    const auto cut = cuts.find(i);
    out.push_back({i / 10.0, cut == cuts.end() ? 0.01f : cut->second});
  }
  return out;
}

TEST(FrameChoiceTest, OneFrameForEachScene) {
  EXPECT_THAT(ChooseFrames(Film(80, {{30, 0.9f}, {55, 0.2f}}), 8, {}), ElementsAre(0, 3, 5.5));
}

TEST(FrameChoiceTest, SmallChangesAreNoScenes) {
  EXPECT_THAT(ChooseFrames(Film(80, {{30, 0.09f}}), 8, {}), ElementsAre(0));
}

TEST(FrameChoiceTest, LongScenesAreDividedEvenly) {
  const std::vector<double> wanted = {0, 12, 25};
  EXPECT_THAT(ChooseFrames(Film(380, {{120, 1}}), 38, {.interval = 13}),
              Pointwise(DoubleNear(0.1), wanted));
  EXPECT_THAT(ChooseFrames(Film(100, {}), 10, {.interval = 10}), ElementsAre(0));
}

TEST(FrameChoiceTest, FlashesGiveWayToWhatFollows) {
  EXPECT_THAT(ChooseFrames(Film(80, {{3, 0.9f}, {40, 0.9f}, {42, 0.9f}, {43, 0.9f}}), 8, {}),
              ElementsAre(0.3, 4.3));
}

TEST(FrameChoiceTest, TheIntervalWidensWhereThereWouldBeTooMany) {
  const auto film = Film(10'000, {{5'000, 1}});  // 1000 s
  for (const int most : {1, 2, 3, 10, 57}) {
    const std::vector<double> times =
        ChooseFrames(film, 1000, {.interval = 10, .max_frames = most});
    ASSERT_LE(times.size(), static_cast<size_t>(most));
    ASSERT_GE(times.size(), static_cast<size_t>(most) - 1);
    EXPECT_EQ(times.front(), 0);
    if (most > 3) {
      EXPECT_GT(times.back(), 700);  // spread over all of it, not cut off
    }
  }
}

TEST(FrameChoiceTest, OfTooManyScenesTheStrongestStay) {
  const auto film = Film(100, {{10, 0.3f}, {20, 0.9f}, {30, 0.2f}, {40, 0.5f}});
  EXPECT_THAT(ChooseFrames(film, 10, {.max_frames = 3}), ElementsAre(0, 2, 4));
}

TEST(FrameChoiceTest, WhereThePictureStandsStillNoFrameIsMadeUp) {
  std::vector<ScannedFrame> film = {{0, 0}, {0.1, 0.01f}, {90, 0.9f}};
  EXPECT_THAT(ChooseFrames(film, 91, {}), ElementsAre(0, 90));
}

TEST(FrameChoiceTest, SmallInputs) {
  EXPECT_THAT(ChooseFrames({}, 10, {}), IsEmpty());
  EXPECT_THAT(ChooseFrames(Film(1, {}), 0, {}), SizeIs(1));
  EXPECT_THAT(ChooseFrames(Film(1, {}), 0, {.max_frames = 1}), ElementsAre(0));
}

}  // namespace
}  // namespace sightline::media
