#include "model/stop_filter.h"

#include <gtest/gtest.h>

namespace sightline::model {
namespace {

TEST(StopFilterTest, CutsBeforeTheFirstStopString) {
  StopFilter filter({"END", "\n\n"});
  EXPECT_EQ(filter.Push("one\n\ntwo END"), "one");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.Push("three"), "");
  EXPECT_EQ(filter.Finish(), "");
}

TEST(StopFilterTest, KeepsBackWhatCouldBecomeAStopString) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("the E"), "the ");
  EXPECT_EQ(filter.Push("N"), "");
  EXPECT_EQ(filter.Push("T"), "ENT");
  EXPECT_FALSE(filter.stopped());
}

TEST(StopFilterTest, GivesOutWhatWasKeptBackAtTheEnd) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("the EN"), "the ");
  EXPECT_EQ(filter.Finish(), "EN");
}

TEST(StopFilterTest, FindsAStopStringAcrossPieces) {
  StopFilter filter({"aab"});
  EXPECT_EQ(filter.Push("a"), "");
  EXPECT_EQ(filter.Push("a"), "");
  EXPECT_EQ(filter.Push("a"), "a");
  EXPECT_EQ(filter.Push("b"), "");
  EXPECT_TRUE(filter.stopped());
}

TEST(StopFilterTest, PassesEverythingWithoutStopStrings) {
  StopFilter filter({});
  EXPECT_EQ(filter.Push("text"), "text");
  EXPECT_EQ(filter.Finish(), "");
}

}  // namespace
}  // namespace sightline::model
