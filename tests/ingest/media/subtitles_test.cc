#include "ingest/media/subtitles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::MakeClient;
using ::sightline::testing::IsOk;

// "0.5-2 Hello|there" for each cue, a line each.
std::string Show(const std::vector<TextBlock>& blocks) {
  std::string out;
  for (const TextBlock& block : blocks) {
    std::string text = block.text;
    std::replace(text.begin(), text.end(), '\n', '|');
    absl::StrAppend(&out, block.time->start, "-", block.time->end, " ", text, "\n");
  }
  return out;
}

std::string Read(absl::string_view text) {
  BlockSink sink(1 << 20);
  ReadSubtitles(text, sink);
  return Show(sink.Take());
}

TEST(SubtitlesTest, ReadsSubRip) {
  EXPECT_EQ(Read("1\r\n00:00:00,500 --> 00:00:02,000\r\nHello\r\n<i>there</i>\r\n\r\n"
                 "2\r\n01:00:03,000 --> 01:00:04,250 X1:10 X2:20\r\n{\\an8}Bye\r\n"),
            "0.5-2 Hello|there\n3603-3604.25 Bye\n");
}

TEST(SubtitlesTest, ReadsWebVtt) {
  EXPECT_EQ(
      Read("WEBVTT - a title\n\nNOTE\nnot said --> by anyone\n\nSTYLE\n::cue { color: red }\n\n"
           "intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>One &amp; <00:01.500>two\n\n"
           "00:00:05.000 --> 00:00:06.000\n1 < 2, a <3\n"),
      "1-2 One & two\n5-6 1 < 2, a <3\n");
}

TEST(SubtitlesTest, ARollingCaptionIsReadOnce) {
  EXPECT_EQ(Read("WEBVTT\n\n00:01.000 --> 00:02.000\nfirst\n\n00:02.000 --> 00:03.000\nfirst\n"
                 "second\n\n00:03.000 --> 00:04.000\nsecond\n\n00:09.000 --> 00:10.000\nsecond\n"),
            "1-2 first\n2-3 second\n9-10 second\n");
}

TEST(SubtitlesTest, WhatIsDamagedIsSkipped) {
  EXPECT_EQ(Read("1\n00:00:09,000 --> 00:00:02,000\nbackwards\n\n2\n00:xx --> 1\nnever\n\n"
                 "3\n00:00:01,000 --> 00:00:02,000\n\n4\n00:00:03,000 --> 00:00:04,000\nkept"),
            "3-4 kept\n");
}

TEST(SubtitlesTest, KnowsThemByTheirFirstLines) {
  EXPECT_EQ(SubtitlesOf("WEBVTT"), SubtitleFormat::kWebVtt);
  EXPECT_EQ(SubtitlesOf("WEBVTT\n\n"), SubtitleFormat::kWebVtt);
  EXPECT_EQ(SubtitlesOf("\n1\n00:00:01,000 --> 00:00:02,000\nx"), SubtitleFormat::kSubRip);
  EXPECT_EQ(SubtitlesOf("00:00:01,000 --> 00:00:02,000\nx"), SubtitleFormat::kSubRip);
  EXPECT_EQ(SubtitlesOf("WEBVTTX"), std::nullopt);
  EXPECT_EQ(SubtitlesOf("1\n2 --> 3\n"), std::nullopt);
  EXPECT_EQ(SubtitlesOf(""), std::nullopt);
}

TEST(SubtitlesTest, AFileOfSubtitlesIsADocumentWithTimes) {
  const auto client = MakeClient();
  const auto got = ExtractAll(*client, "1\n00:00:01,000 --> 00:00:02,500\nHello\n");
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.info.media_type, "application/x-subrip");
  EXPECT_EQ(Show(got.pages.at(0).blocks), "1-2.5 Hello\n");
  EXPECT_EQ(ExtractAll(*client, "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n").info.media_type,
            "text/vtt");
}

}  // namespace
}  // namespace sightline::media
