#include "base/text_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace sightline {
namespace {

using ::testing::ElementsAre;

const Box kTop = {0.1f, 0.1f, 0.9f, 0.2f};
const Box kMiddle = {0.1f, 0.2f, 0.8f, 0.3f};
const Box kBottom = {0.2f, 0.3f, 0.5f, 0.4f};

std::vector<uint32_t> Begins(const std::vector<TextLine>& lines) {
  std::vector<uint32_t> out;
  for (const TextLine& line : lines) out.push_back(line.begin);
  return out;
}

// Three lines of ten bytes.
const std::vector<TextLine> kLines = {{0, kTop}, {10, kMiddle}, {20, kBottom}};

TEST(TextLineTest, TheBoxIsAroundTheLinesThatBytesTouch) {
  EXPECT_EQ(BoxAround(kLines, 0, 10)->y1, kTop.y1);
  EXPECT_EQ(BoxAround(kLines, 12, 13)->y0, kMiddle.y0);
  const auto two = BoxAround(kLines, 19, 21);
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->x0, kMiddle.x0);
  EXPECT_EQ(two->y0, kMiddle.y0);
  EXPECT_EQ(two->x1, kMiddle.x1);
  EXPECT_EQ(two->y1, kBottom.y1);
  EXPECT_EQ(BoxAround(kLines, 25, 99)->y0, kBottom.y0);
}

TEST(TextLineTest, WhatHasNoPlaceHasNoBox) {
  EXPECT_FALSE(BoxAround({}, 0, 9).has_value());
  EXPECT_FALSE(BoxAround(kLines, 5, 5).has_value());
  const std::vector<TextLine> later = {{5, std::nullopt}, {10, kTop}};
  EXPECT_FALSE(BoxAround(later, 0, 10).has_value());
  EXPECT_EQ(BoxAround(later, 0, 11)->y0, kTop.y0);
}

TEST(TextLineTest, APartHasTheLinesItTouches) {
  const auto part = LinesWithin(kLines, 5, 15);
  EXPECT_THAT(Begins(part), ElementsAre(0, 5));
  EXPECT_EQ(part[0].box->y0, kTop.y0);
  EXPECT_EQ(part[1].box->y0, kMiddle.y0);
  EXPECT_THAT(Begins(LinesWithin(kLines, 10, 20)), ElementsAre(0));
  EXPECT_THAT(LinesWithin(kLines, 0, 0), ElementsAre());
  const std::vector<TextLine> later(kLines.begin() + 1, kLines.end());
  EXPECT_THAT(Begins(LinesWithin(later, 0, 30)), ElementsAre(10, 20));
}

TEST(TextLineTest, AppendedTextWithoutLinesHasNoPlace) {
  std::vector<TextLine> lines = kLines;
  AppendLines({}, 30, lines);
  AppendLines(kLines, 40, lines);
  EXPECT_THAT(Begins(lines), ElementsAre(0, 10, 20, 30, 40, 50, 60));
  EXPECT_FALSE(lines[3].box.has_value());
  EXPECT_TRUE(AreLinesOf(lines, 61));
  EXPECT_FALSE(AreLinesOf(lines, 60));
  std::vector<TextLine> none;
  AppendLines({}, 30, none);
  EXPECT_TRUE(none.empty());
}

TEST(TextLineTest, ALineThatCameToNothingGoes) {
  std::vector<TextLine> lines = {{0, kTop}, {4, kMiddle}};
  AddLine(4, kBottom, lines);
  EXPECT_THAT(Begins(lines), ElementsAre(0, 4));
  EXPECT_EQ(lines[1].box->y0, kBottom.y0);
}

TEST(TextLineTest, PartsOfALineAreOne) {
  std::vector<TextLine> lines;
  AppendLines(LinesWithin(kLines, 0, 15), 0, lines);
  AppendLines(LinesWithin(kLines, 15, 30), 15, lines);
  AppendLines({}, 30, lines);
  AppendLines({}, 40, lines);
  EXPECT_THAT(Begins(lines), ElementsAre(0, 10, 20, 30));
}

TEST(TextLineTest, LinesAreInOrderWithinTheTextAndHaveRealBoxes) {
  EXPECT_TRUE(AreLinesOf({}, 0));
  EXPECT_TRUE(AreLinesOf(kLines, 21));
  EXPECT_FALSE(AreLinesOf(kLines, 20));
  EXPECT_FALSE(AreLinesOf(std::vector<TextLine>{{3, kTop}, {3, kTop}}, 9));
  EXPECT_FALSE(AreLinesOf(std::vector<TextLine>{{3, kTop}, {2, kTop}}, 9));
  EXPECT_FALSE(AreLinesOf(std::vector<TextLine>{{3, Box{0, 0, 0, 1}}}, 9));
  EXPECT_FALSE(AreLinesOf(std::vector<TextLine>{{3, Box{0, 0, 1, std::nanf("")}}}, 9));
  EXPECT_FALSE(AreLinesOf(std::vector<TextLine>{{3, Box{0, 0, 1.5f, 1}}}, 9));
}

}  // namespace
}  // namespace sightline
