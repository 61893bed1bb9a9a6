#include "ingest/media/block_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::media {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Box Row(int n) { return {0, static_cast<float>(n) / 10, 1, static_cast<float>(n + 1) / 10}; }

// "N:TEXT" of each line, N being that of its Row.
std::vector<std::string> LinesOf(const TextBlock& block) {
  std::vector<std::string> out;
  for (size_t i = 0; i < block.lines.size(); ++i) {
    const size_t begin = block.lines[i].begin;
    const size_t end = i + 1 < block.lines.size() ? block.lines[i + 1].begin : block.text.size();
    const auto& box = block.lines[i].box;
    out.push_back((box.has_value() ? std::to_string(static_cast<int>(box->y0 * 10 + 0.5f)) : "-") +
                  ":" + block.text.substr(begin, end - begin));
  }
  return out;
}

TEST(BlockSinkTest, LinesStayAtTheirWordsWhenTextIsCleaned) {
  BlockSink sink(1000);
  sink.Add(TextBlock{.text = " \x01\x02one\x7f\r\ntw\xFFo\nthree  ",
                     .box = std::nullopt,
                     .lines = {{0, Row(1)}, {9, Row(2)}, {14, Row(3)}}});
  const auto blocks = sink.Take();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].text, "one\ntw\uFFFDo\nthree");
  EXPECT_THAT(LinesOf(blocks[0]), ElementsAre("1:one\n", "2:tw\uFFFDo\n", "3:three"));
}

TEST(BlockSinkTest, LinesOfWhichNothingIsLeftGo) {
  BlockSink sink(1000);
  sink.Add(TextBlock{.text = "\n\none\x01\x02  ",
                     .box = std::nullopt,
                     .lines = {{0, Row(1)}, {1, Row(2)}, {2, Row(3)}, {5, Row(4)}, {6, Row(5)}}});
  const auto blocks = sink.Take();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].text, "one");
  EXPECT_THAT(LinesOf(blocks[0]), ElementsAre("3:one"));
}

TEST(BlockSinkTest, BeyondItsBlocksTheLastGrowsWithItsLines) {
  BlockSink sink(10'000'000);
  for (int i = 0; i < 99'999; ++i) sink.Add(BlockKind::kParagraph, "x");
  sink.Add(TextBlock{.text = "a", .box = std::nullopt, .lines = {{0, Row(1)}}});
  sink.Add(BlockKind::kParagraph, "b");
  sink.Add(TextBlock{.text = "c", .box = std::nullopt, .lines = {{0, Row(3)}}});
  const auto blocks = sink.Take();
  ASSERT_EQ(blocks.size(), 100'000u);
  EXPECT_EQ(blocks.back().text, "a\nb\nc");
  EXPECT_THAT(LinesOf(blocks.back()), ElementsAre("1:a\n", "-:b\n", "3:c"));
}

TEST(BlockSinkTest, BeyondANumberOfLinesTheirPlacesAreNotKept) {
  BlockSink sink(10'000'000);
  TextBlock many = {.text = std::string(200'000, 'x'), .box = std::nullopt};
  for (uint32_t i = 0; i < 200'000; ++i) many.lines.push_back({i, Row(static_cast<int>(i % 2))});
  sink.Add(many);
  sink.Add(TextBlock{.text = "a", .box = std::nullopt, .lines = {{0, Row(1)}}});
  const auto blocks = sink.Take();
  EXPECT_EQ(blocks[0].lines.size(), 200'000u);
  EXPECT_THAT(blocks[1].lines, IsEmpty());
}

}  // namespace
}  // namespace sightline::media
