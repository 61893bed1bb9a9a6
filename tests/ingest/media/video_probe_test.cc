#include "ingest/media/video_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sightline::media {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(VideoProbeTest, TakesTheFirstStreamThatIsNoCover) {
  const auto got = ParseProbe(R"({"streams": [
      {"codec_name": "mjpeg", "codec_type": "video", "width": 9, "height": 9,
       "disposition": {"attached_pic": 1}},
      {"codec_name": "aac", "codec_type": "audio"},
      {"codec_name": "h264", "codec_type": "video", "width": 320, "height": 240, "duration": "3.5"},
      {"codec_name": "dvd_subtitle", "codec_type": "subtitle", "disposition": {"default": 1}},
      {"codec_name": "subrip", "codec_type": "subtitle", "disposition": {"forced": 1}}],
    "format": {"start_time": "1.25", "duration": "20.5",
      "tags": {"title": "Film", "artist": "Ann", "creation_time": "2024-05-01T10:00:00.000000Z"}}})");
  ASSERT_TRUE(got.has_value());
  ASSERT_TRUE(got->video.has_value());
  EXPECT_EQ(got->video->codec, "h264");
  EXPECT_EQ(got->video->width, 320);
  EXPECT_EQ(got->video->height, 240);
  EXPECT_EQ(got->video->duration, 3.5);
  EXPECT_EQ(got->start, 1.25);
  EXPECT_EQ(got->duration, 20.5);
  ASSERT_EQ(got->subtitles.size(), 2u);
  EXPECT_EQ(got->subtitles[1].number, 1);
  EXPECT_EQ(got->subtitles[1].codec, "subrip");
  EXPECT_TRUE(got->subtitles[1].is_forced);
  EXPECT_THAT(got->properties, ElementsAre(Pair("title", "Film"), Pair("author", "Ann"),
                                           Pair("date", "2024-05-01T10:00:00")));
}

TEST(VideoProbeTest, NonsenseIsNothing) {
  EXPECT_FALSE(ParseProbe("").has_value());
  EXPECT_FALSE(ParseProbe("[1]").has_value());
  EXPECT_FALSE(ParseProbe(R"({"streams": {}, "format": {}})").has_value());
  EXPECT_FALSE(ParseProbe(R"({"streams": [], "format": {}})").has_value());
  EXPECT_FALSE(ParseProbe(R"({"streams": [{}]})").has_value());
  const auto odd = ParseProbe(
      R"({"streams": [7, {"codec_type": "video", "width": -5, "height": "x", "duration": "-1"}],
          "format": {"duration": "1e300", "start_time": 3,
                     "tags": {"title": 5, "creation_time": "2024-99-01T10:00:00"}}})");
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->video->codec, "unknown");
  EXPECT_EQ(odd->video->width, 0);
  EXPECT_FALSE(odd->video->duration.has_value());
  EXPECT_FALSE(odd->duration.has_value());
  EXPECT_EQ(odd->start, 0);
  EXPECT_THAT(odd->properties, IsEmpty());
}

TEST(VideoProbeTest, PacketsTellWhenPicturesBeginAndEnd) {
  const auto got =
      ParsePackets("0.08,0.0,0.04,K_\n0.04,0.02,0.04,K__,\n\nN/A,0.12,N/A\nbad\n0.1,0,0.05");
  ASSERT_TRUE(got.has_value());
  EXPECT_DOUBLE_EQ(got->first, 0.04);
  EXPECT_DOUBLE_EQ(got->last_end, 0.15);
  EXPECT_THAT(got->keyframes, ElementsAre(0.04, 0.08));
  EXPECT_FALSE(ParsePackets("").has_value());
  EXPECT_FALSE(ParsePackets("N/A,N/A,0.04").has_value());
  EXPECT_FALSE(ParsePackets("nan,inf,1").has_value());
}

}  // namespace
}  // namespace sightline::media
