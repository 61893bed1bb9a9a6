// Videos through the client, a real sandboxed child, ffprobe and ffmpeg.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "ingest/media/media_client.h"
#include "ingest/media/sniff.h"
#include "ingest/media/unique_fd.h"
#include "tests/ingest/media/media_fixtures.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

namespace fs = std::filesystem;

using ::sightline::media::testing::ChildrenOfThisProcess;
using ::sightline::media::testing::Describe;
using ::sightline::media::testing::ExtractAll;
using ::sightline::media::testing::Extracted;
using ::sightline::media::testing::MakeClient;
using ::sightline::media::testing::TestOptions;
using ::sightline::testing::IsOk;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::Pointwise;
using ::testing::SizeIs;

class VideoTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { client_ = MakeClient().release(); }
  static void TearDownTestSuite() {
    delete client_;
    client_ = nullptr;
  }

  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / absl::StrCat("video_test_", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What ffmpeg makes with these arguments, in a file of that name.
  std::string Ffmpeg(const std::string& arguments, const std::string& name) {
    const std::string path = (folder_ / name).string();
    const std::string command = absl::StrCat(
        "cd ", folder_.string(), " && ffmpeg -nostdin -v error -y ", arguments, " ", path);
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return Read(path);
  }

  std::string Read(const std::string& path) {
    auto bytes = ReadFile(path, size_t{1} << 30);
    EXPECT_THAT(bytes, IsOk());
    return bytes.ok() ? *bytes : "";
  }

  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_THAT(WriteFileAtomic((folder_ / name).string(), bytes), IsOk());
  }

  // 4 s red, 4 s blue, 12 s of a moving pattern, at 25 frames a second.
  static std::string Scenes() {
    return "-f lavfi -i color=red:s=320x240:r=25:d=4 -f lavfi -i color=blue:s=320x240:r=25:d=4 "
           "-f lavfi -i testsrc2=s=320x240:r=25:d=12 "
           "-filter_complex '[0][1][2]concat=n=3:v=1' -pix_fmt yuv420p ";
  }

  fs::path folder_;
  static MediaClient* client_;
};

MediaClient* VideoTest::client_ = nullptr;

std::vector<double> Starts(const Extracted& got) {
  std::vector<double> out;
  for (const ExtractedFrame& frame : got.frames) out.push_back(frame.time.start);
  return out;
}

std::string ReasonOf(const Extracted& got) { return ErrorReason(got.status); }

// The mean colour of a frame.
std::vector<int> Colour(MediaClient& client, const ExtractedFrame& frame) {
  const auto decoded = client.DecodeImage(frame.picture.bytes, absl::InfiniteFuture());
  EXPECT_THAT(decoded, IsOk());
  if (!decoded.ok()) return {};
  const Image& image = *decoded->image;
  std::vector<int> out;
  for (int c = 0; c < 3; ++c) {
    int64_t sum = 0;
    for (size_t i = c; i < image.pixels.size(); i += image.channels) sum += image.pixels[i];
    out.push_back(static_cast<int>(sum / (int64_t{image.width} * image.height)));
  }
  return out;
}

bool IsRed(const std::vector<int>& c) { return c.at(0) > 200 && c.at(1) < 60 && c.at(2) < 60; }
bool IsBlue(const std::vector<int>& c) { return c.at(0) < 60 && c.at(1) < 60 && c.at(2) > 200; }

struct Container {
  const char* name;
  const char* coding;
  const char* media_type;
};

class ContainerTest : public VideoTest, public ::testing::WithParamInterface<Container> {};

TEST_P(ContainerTest, ScenesBeginWhereTheyDo) {
  const std::string bytes = Ffmpeg(absl::StrCat(Scenes(), GetParam().coding), GetParam().name);
  const auto got = ExtractAll(*client_, bytes);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_EQ(got.infos, 1);
  EXPECT_EQ(got.info.media_type, GetParam().media_type);
  EXPECT_FALSE(got.info.has_pages);
  EXPECT_THAT(got.info.problems, IsEmpty());
  EXPECT_NEAR(got.info.seconds, 20, 0.1);
  EXPECT_THAT(got.pages, IsEmpty());
  // One frame is 0.04 s. The last scene is longer than the interval.
  EXPECT_THAT(Starts(got), Pointwise(DoubleNear(0.041), {0.0, 4.0, 8.0, 14.0}));
  ASSERT_THAT(got.frames, SizeIs(4));
  for (size_t i = 0; i < 4; ++i) {
    ASSERT_THAT(got.frames[i].status, IsOk());
    EXPECT_EQ(got.frames[i].picture.width, 320);
    EXPECT_EQ(got.frames[i].picture.height, 240);
    EXPECT_EQ(got.frames[i].picture.media_type, "image/jpeg");
    const double end = i < 3 ? got.frames[i + 1].time.start : got.info.seconds;
    EXPECT_EQ(got.frames[i].time.end, end);
  }
  // The first frame of the scene, not the last of the one before.
  EXPECT_TRUE(IsRed(Colour(*client_, got.frames[0])));
  EXPECT_TRUE(IsBlue(Colour(*client_, got.frames[1])));
  EXPECT_FALSE(IsBlue(Colour(*client_, got.frames[2])));
}

INSTANTIATE_TEST_SUITE_P(
    All, ContainerTest,
    ::testing::Values(
        Container{"a.mp4", "-c:v libx264 -preset ultrafast", "video/mp4"},
        Container{"b.mp4", "-c:v libx264 -bf 3 -g 250 -movflags faststart", "video/mp4"},
        Container{"c.mov", "-c:v mpeg4", "video/mp4"},
        Container{"d.mkv", "-c:v libx265 -preset ultrafast -x265-params log-level=0",
                  "video/x-matroska"},
        Container{"e.webm", "-c:v libvpx -deadline realtime -cpu-used 8", "video/webm"},
        Container{"f.avi", "-c:v mpeg4", "video/x-msvideo"},
        Container{"g.ts", "-c:v libx264 -preset ultrafast", "video/mp2t"},
        Container{"h.m2ts", "-c:v mpeg2video -f mpegts -mpegts_m2ts_mode 1", "video/mp2t"},
        Container{"i.mpg", "-c:v mpeg1video -q:v 3 -f mpeg", "video/mpeg"},
        Container{"j.ogv", "-c:v libtheora -q:v 6", "video/ogg"},
        // As a stream is recorded: no length, no index.
        Container{"k.mkv", "-c:v libx264 -f matroska - >", "video/x-matroska"},
        Container{"l.mp4", "-c:v libx264 -movflags frag_keyframe+empty_moov -f mp4 - >",
                  "video/mp4"}),
    [](const auto& test) {
      return std::string(1, test.param.name[0]) + "_" + (test.param.name + 2);
    });

TEST_F(VideoTest, FramesComeAtLeastOnceAnInterval) {
  const std::string bytes =
      Ffmpeg("-f lavfi -i testsrc2=s=160x120:r=10:d=65 -c:v libx264 -preset ultrafast", "a.mp4");
  MediaOptions options = TestOptions();
  options.video.interval = absl::Seconds(15);
  EXPECT_THAT(Starts(ExtractAll(*MakeClient(options), bytes)),
              Pointwise(DoubleNear(0.11), {0.0, 13.0, 26.0, 39.0, 52.0}));
  options.video.max_frames = 3;
  EXPECT_THAT(Starts(ExtractAll(*MakeClient(options), bytes)),
              Pointwise(DoubleNear(0.11), {0.0, 65 / 3.0, 130 / 3.0}));
}

TEST_F(VideoTest, ACutAtTheBorderOfTwoPiecesIsSeen) {
  const std::string bytes = Ffmpeg(
      "-f lavfi -i color=red:s=160x120:r=10:d=30 -f lavfi -i color=blue:s=160x120:r=10:d=10 "
      "-filter_complex '[0][1]concat=n=2:v=1' -pix_fmt yuv420p -c:v libx264",
      "a.mp4");
  MediaOptions options = TestOptions();
  options.video.interval = absl::Minutes(5);
  EXPECT_THAT(Starts(ExtractAll(*MakeClient(options), bytes)),
              Pointwise(DoubleNear(0.01), {0.0, 30.0}));
}

// Broadcasts have no index and keyframes far apart; this one is longer than a step.
TEST_F(VideoTest, FramesOfATransportStreamAreWhole) {
  const std::string bytes = Ffmpeg(
      "-f lavfi -i color=red:s=160x120:r=25:d=37 -f lavfi -i color=blue:s=160x120:r=25:d=8 "
      "-f lavfi -i sine=d=45 -filter_complex '[0][1]concat=n=2:v=1[v]' -map '[v]' -map 2 "
      "-pix_fmt yuv420p -c:v libx264 -bf 2 -g 300 -sc_threshold 0",
      "a.ts");
  MediaOptions options = TestOptions();
  options.video.interval = absl::Seconds(7);
  const auto got = ExtractAll(*MakeClient(options), bytes);
  ASSERT_THAT(got.status, IsOk());
  ASSERT_THAT(got.frames, SizeIs(8));
  for (const ExtractedFrame& frame : got.frames) {
    ASSERT_THAT(frame.status, IsOk());
    const bool before = frame.time.start < 36.9;
    EXPECT_TRUE(before ? IsRed(Colour(*client_, frame)) : IsBlue(Colour(*client_, frame)))
        << frame.time.start;
  }
  EXPECT_NEAR(got.frames[6].time.start, 37, 0.041);
}

TEST_F(VideoTest, TurnedFramesAreUpright) {
  Ffmpeg("-f lavfi -i color=red:s=320x240:r=5:d=2 -c:v libx264 -pix_fmt yuv420p", "flat.mp4");
  const auto got =
      ExtractAll(*client_, Ffmpeg("-i flat.mp4 -c copy -metadata:s:v:0 rotate=90", "turned.mp4"));
  ASSERT_THAT(got.frames, SizeIs(1));
  EXPECT_EQ(got.frames[0].picture.width, 240);
  EXPECT_EQ(got.frames[0].picture.height, 320);
}

TEST_F(VideoTest, OblongPixelsBecomeSquareAndLargeFramesSmaller) {
  const std::string bytes = Ffmpeg(
      "-f lavfi -i color=red:s=720x576:r=5:d=1 -vf setsar=16/11 -c:v libx264 -pix_fmt yuv420p",
      "a.mp4");
  ExtractOptions options;
  const auto got = ExtractAll(*client_, bytes, options);
  ASSERT_THAT(got.frames, SizeIs(1));
  EXPECT_NEAR(got.frames[0].picture.width, 720 * 16 / 11, 2);
  EXPECT_EQ(got.frames[0].picture.height, 576);
  options.render_long_side = 200;
  const auto small = ExtractAll(*client_, bytes, options);
  ASSERT_THAT(small.frames, SizeIs(1));
  EXPECT_EQ(small.frames[0].picture.width, 200);
}

TEST_F(VideoTest, TimesAreThoseOfPresentationWhateverTheRate) {
  // 2 s at 25 frames a second, then one frame every 2 s.
  const std::string bytes = Ffmpeg(
      "-f lavfi -i color=red:s=160x120:r=25:d=2 -f lavfi -i color=blue:s=160x120:r=0.5:d=16 "
      "-filter_complex \"[0]settb=1/1000[a];[1]settb=1/1000[b];[a][b]concat=n=2:v=1\" "
      "-fps_mode vfr -pix_fmt yuv420p -c:v libx264",
      "a.mkv");
  const auto got = ExtractAll(*client_, bytes);
  ASSERT_THAT(got.status, IsOk());
  EXPECT_THAT(Starts(got), Pointwise(DoubleNear(2.01), {0.0, 2.0, 10.0}));
  ASSERT_GE(got.frames.size(), 2u);
  EXPECT_NEAR(got.frames[1].time.start, 2, 0.05);
  EXPECT_TRUE(IsBlue(Colour(*client_, got.frames[1])));
}

TEST_F(VideoTest, ReadsSubtitlesAndProperties) {
  Write("s.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nHello <b>wombat</b>\n\n"
        "2\n00:00:05,000 --> 00:00:07,500\nBlue\nsecond\n");
  Write("t.srt", "1\n00:00:02,000 --> 00:00:03,000\nGuten Tag\n");
  const std::string base =
      "-f lavfi -i testsrc2=s=160x120:r=10:d=9 -i s.srt -i t.srt -map 0 -map 1 "
      "-map 2 -metadata title='My film' -metadata artist=Ann "
      "-metadata creation_time=2024-05-01T10:00:00 -disposition:s:1 default "
      "-disposition:s:0 0 -pix_fmt yuv420p ";
  for (const auto& [name, coding] : std::vector<std::pair<std::string, std::string>>{
           {"a.mp4", "-c:v libx264 -c:s mov_text"},
           {"b.mkv", "-c:v libx264 -c:s srt"},
           {"c.mkv", "-c:v libx264 -c:s ass"},
           {"d.webm", "-c:v libvpx -deadline realtime -c:s webvtt"}}) {
    const auto got = ExtractAll(*client_, Ffmpeg(base + coding, name));
    ASSERT_THAT(got.status, IsOk()) << name;
    ASSERT_THAT(got.info.subtitles, SizeIs(2)) << name;
    // That which players show comes first.
    EXPECT_EQ(Describe(got.info.subtitles[0]), "p Guten Tag\n") << name;
    EXPECT_EQ(Describe(got.info.subtitles[1]), "p Hello wombat\np Blue\nsecond\n") << name;
    EXPECT_NEAR(got.info.subtitles[1][1].time->start, 5, 0.02) << name;
    EXPECT_NEAR(got.info.subtitles[1][1].time->end, 7.5, 0.02) << name;
    ASSERT_FALSE(got.info.properties.empty()) << name;
    EXPECT_THAT(got.info.properties[0], Pair("title", "My film")) << name;
  }
}

TEST_F(VideoTest, SoundAloneIsNoVideo) {
  for (const char* name : {"a.mp4", "b.mkv", "c.ogg", "d.m4a"}) {
    EXPECT_EQ(ReasonOf(ExtractAll(*client_, Ffmpeg("-f lavfi -i sine=d=1", name))), "no_video")
        << name;
  }
}

TEST_F(VideoTest, ACoverPictureIsNoVideo) {
  Ffmpeg("-f lavfi -i color=red:s=64x64 -frames:v 1", "cover.png");
  EXPECT_EQ(ReasonOf(ExtractAll(*client_, Ffmpeg("-f lavfi -i sine=d=1 -i cover.png -map 0 -map 1 "
                                                 "-c:v copy -disposition:v attached_pic",
                                                 "a.m4a"))),
            "no_video");
}

TEST_F(VideoTest, ALongerSoundIsNotMissed) {
  const auto got = ExtractAll(
      *client_,
      Ffmpeg("-f lavfi -i sine=d=30 -f lavfi -i color=red:s=64x64:r=5:d=2 -c:v libx264", "a.mp4"));
  ASSERT_THAT(got.status, IsOk());
  EXPECT_NEAR(got.info.seconds, 2, 0.3);
  EXPECT_THAT(got.info.problems, IsEmpty());
}

TEST_F(VideoTest, ATruncatedFileIsReadAsFarAsItGoes) {
  for (const auto& [name, coding] : std::vector<std::pair<std::string, std::string>>{
           {"a.mp4", "-c:v libx264 -movflags faststart"}, {"b.mkv", "-c:v libx264"}}) {
    std::string bytes = Ffmpeg("-f lavfi -i testsrc2=s=160x120:r=10:d=60 " + coding, name);
    bytes.resize(bytes.size() / 2);
    const auto got = ExtractAll(*client_, bytes);
    ASSERT_THAT(got.status, IsOk()) << name;
    EXPECT_GT(got.info.seconds, 15) << name;
    EXPECT_LT(got.info.seconds, 45) << name;
    ASSERT_THAT(got.info.problems, SizeIs(1)) << name;
    EXPECT_EQ(ErrorReason(got.info.problems[0]), "cut_short") << name;
    EXPECT_GE(got.frames.size(), 2u) << name;
  }
}

TEST_F(VideoTest, WithoutItsIndexAFileIsDamaged) {
  std::string bytes =
      Ffmpeg("-f lavfi -i testsrc2=s=160x120:r=10:d=5 -c:v libx264 -pix_fmt yuv420p", "a.mp4");
  const size_t moov = bytes.find("moov");
  ASSERT_NE(moov, std::string::npos);
  bytes.resize(moov - 4);
  EXPECT_EQ(ReasonOf(ExtractAll(*client_, bytes)), "bad_video");
}

TEST_F(VideoTest, RubbishBehindAGoodHeadIsDamaged) {
  for (const std::string& head :
       {std::string("\0\0\0\x18"
                    "ftypisom",
                    12),
        std::string("\x1A\x45\xDF\xA3", 4), std::string("RIFF\x10\x10\0\0AVI ", 12),
        std::string("OggS\0", 5), std::string("\0\0\1\xBA", 4)}) {
    std::string bytes = head;
    for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * 7919 % 251);
    const auto got = ExtractAll(*client_, bytes);
    EXPECT_TRUE(ReasonOf(got) == "bad_video" || ReasonOf(got) == "no_video")
        << got.status.ToString();
    EXPECT_THAT(got.frames, IsEmpty());
  }
}

TEST_F(VideoTest, LongVideosAreRefused) {
  // Ten hours in little: a frame a second, all black.
  const std::string bytes =
      Ffmpeg("-f lavfi -i color=black:s=64x64:r=1:d=36000 -c:v libx264 -preset ultrafast -g 9999",
             "a.mp4");
  const auto got = ExtractAll(*client_, bytes);
  EXPECT_EQ(ReasonOf(got), "too_long");
  EXPECT_EQ(got.status.message(), "the video lasts 36000 seconds, the limit is 14400");
  MediaOptions options = TestOptions();
  options.video.max_length = absl::Hours(11);
  options.video.max_frames = 20;
  const auto all = ExtractAll(*MakeClient(options), bytes);
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.frames, SizeIs(20));
  EXPECT_NEAR(all.frames.back().time.start, 36000.0 * 19 / 20, 2);
}

TEST_F(VideoTest, LargeFramesAreRefused) {
  const std::string bytes =
      Ffmpeg("-f lavfi -i color=red:s=7680x4320:r=1:d=1 -c:v mpeg4 -frames:v 1", "a.mp4");
  MediaOptions options = TestOptions();
  options.limits.max_pixels = 7680 * 4320 - 1;
  EXPECT_EQ(ReasonOf(ExtractAll(*MakeClient(options), bytes)), "too_many_pixels");
  options.limits.max_pixels = 7680 * 4320;
  options.limits.max_side = 7679;
  EXPECT_EQ(ReasonOf(ExtractAll(*MakeClient(options), bytes)), "side_too_long");
  const auto read = ExtractAll(*client_, bytes);
  ASSERT_THAT(read.status, IsOk());
  ASSERT_THAT(read.frames, SizeIs(1));
  ASSERT_THAT(read.frames[0].status, IsOk());
  EXPECT_EQ(read.frames[0].picture.width, 1280);
}

// A file whose head says little and whose pictures are large.
TEST_F(VideoTest, AHeadThatLiesAboutTheSizeGainsNothing) {
  std::string bytes = Ffmpeg("-f lavfi -i testsrc2=s=1920x1080:r=5:d=1 -c:v mpeg4", "a.avi");
  // Little-endian, in the main header and the stream's.
  for (const auto& [large, small] :
       {std::pair(std::string("\x80\x07\0\0", 4), std::string("\x40\0\0\0", 4)),
        std::pair(std::string("\x38\x04\0\0", 4), std::string("\x40\0\0\0", 4))}) {
    absl::StrReplaceAll({{large, small}}, &bytes);
  }
  MediaOptions options = TestOptions();
  options.limits.max_pixels = 1'000'000;
  const auto got = ExtractAll(*MakeClient(options), bytes);
  EXPECT_FALSE(got.status.ok());
  EXPECT_THAT(got.frames, IsEmpty());
}

// Accepts connections, or rather sees that there are none.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  bool WasCalled() const { return ::accept(fd_.get(), nullptr, nullptr) >= 0; }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

TEST_F(VideoTest, ListsOfOtherFilesAreNotFollowed) {
  Ffmpeg("-f lavfi -i testsrc2=s=160x120:r=10:d=3 -c:v libx264 -pix_fmt yuv420p", "secret.ts");
  const std::string secret = (folder_ / "secret.ts").string();
  const Listener listener;
  const std::string url = absl::StrCat("http://127.0.0.1:", listener.port(), "/a.ts");
  const std::string ftyp(
      "\0\0\0\x10"
      "ftypisom\0\0\0\0",
      16);
  for (const std::string& target : {secret, "file://" + secret, url}) {
    for (const std::string& list :
         {absl::StrCat("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n", target,
                       "\n#EXT-X-ENDLIST\n"),
          absl::StrCat("ffconcat version 1.0\nfile '", target, "'\nduration 3\n"),
          absl::StrCat("<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">"
                       "<BaseURL>",
                       target, "</BaseURL></MPD>")}) {
      ExtractOptions options;
      options.file_name = "clip.mp4";
      options.media_type_hint = "video/mp4";
      // As it is it is no film; behind the head of a film, a damaged film.
      const auto bare = ExtractAll(*client_, list, options);
      EXPECT_THAT(bare.frames, IsEmpty());
      if (list[0] != '<') {
        EXPECT_EQ(ReasonOf(bare), "type_not_allowed");
      }
      const auto got = ExtractAll(*client_, ftyp + list, options);
      EXPECT_EQ(ReasonOf(got), "bad_video") << list;
      EXPECT_THAT(got.frames, IsEmpty());
    }
  }
  EXPECT_FALSE(listener.WasCalled());
}

TEST_F(VideoTest, AKilledChildIsReplaced) {
  const std::string bytes =
      Ffmpeg(absl::StrCat(Scenes(), "-c:v libx264 -preset ultrafast"), "a.mp4");
  int frames = 0;
  const absl::Status status =
      client_->Extract(bytes, {},
                       {.on_info =
                            [](const DocumentInfo&) {
                              for (const pid_t pid : ChildrenOfThisProcess()) ::kill(pid, SIGKILL);
                              return absl::OkStatus();
                            },
                        .on_page = [](ExtractedPage) { return absl::OkStatus(); },
                        .on_frame =
                            [&](ExtractedFrame frame) {
                              EXPECT_THAT(frame.status, IsOk());
                              for (const pid_t pid : ChildrenOfThisProcess()) ::kill(pid, SIGKILL);
                              ++frames;
                              return absl::OkStatus();
                            }});
  EXPECT_THAT(status, IsOk());
  EXPECT_EQ(frames, 4);
}

TEST_F(VideoTest, CanBeStoppedBetweenSteps) {
  const std::string bytes =
      Ffmpeg("-f lavfi -i testsrc2=s=64x64:r=5:d=200 -c:v libx264 -preset ultrafast", "a.mp4");
  int steps = 0;
  const absl::Status status =
      client_->Extract(bytes, {},
                       {.on_info = [](const DocumentInfo&) { return absl::OkStatus(); },
                        .on_page = [](ExtractedPage) { return absl::OkStatus(); },
                        .on_frame =
                            [](ExtractedFrame) {
                              ADD_FAILURE() << "stopped before";
                              return absl::OkStatus();
                            },
                        .on_step = [&]() -> absl::Status {
                          if (++steps == 2) return absl::CancelledError("stop");
                          return absl::OkStatus();
                        }});
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(steps, 2);
}

TEST_F(VideoTest, AllOfAVideoHasOneTimeLimit) {
  const std::string bytes =
      Ffmpeg("-f lavfi -i testsrc2=s=64x64:r=5:d=100 -c:v libx264 -preset ultrafast", "a.mp4");
  MediaOptions options = TestOptions();
  options.video.timeout = absl::Nanoseconds(1);
  EXPECT_EQ(ReasonOf(ExtractAll(*MakeClient(options), bytes)), "timeout");
}

TEST(SniffVideoTest, TellsContainersApart) {
  const auto packets = [](size_t before, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i)
      out += std::string(before, '\1') + "G" + std::string(187, '\2');
    return out;
  };
  EXPECT_EQ(SniffType(packets(0, 4)), FileType::kMpegTs);
  EXPECT_EQ(SniffType(packets(4, 4)), FileType::kMpegTs);
  EXPECT_EQ(SniffType(packets(0, 3)), FileType::kUnknown);
  EXPECT_EQ(SniffType("Good morning. " + std::string(800, 'x')), FileType::kUnknown);
  EXPECT_EQ(SniffType(absl::string_view("\0\0\0\x14"
                                        "ftypqt  \0\0\0\0",
                                        16)),
            FileType::kMp4);
  EXPECT_EQ(SniffType(absl::string_view("\0\0\0\x08"
                                        "wide\0\0\x10\0mdat",
                                        16)),
            FileType::kMp4);
  EXPECT_EQ(SniffType(absl::string_view("\0\0\0\x14"
                                        "ftypheic\0\0\0\0",
                                        16)),
            FileType::kHeic);
  EXPECT_EQ(SniffType("RIFF\x10\x10\x01\x01WAVEfmt "), FileType::kNotAllowed);
}

}  // namespace
}  // namespace sightline::media
