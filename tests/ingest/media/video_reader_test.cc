// The steps that a video is read in, with a child made up.

#include "ingest/media/video_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/media/reason.h"
#include "tests/support/status_matchers.h"

namespace sightline::media {
namespace {

using ::sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::SizeIs;

// A child that sees a frame each second, and a new scene every ten.
class Child {
 public:
  explicit Child(double seconds) { info_.seconds = seconds; }

  absl::StatusOr<VideoStep> Step(Request request) {
    requests_.push_back(request);
    VideoStep out;
    if (request.op == Op::kVideoInfo) out.reply = info_;
    if (request.op == Op::kVideoScan) {
      if (request.from >= broken_from_ && request.from < broken_to_) {
        return ReasonError(Reason::kBadVideo);
      }
      for (double t = request.from; t < request.to && t < info_.seconds; t += 1) {
        out.reply.frames.push_back({t + shift_, static_cast<int>(t) % 10 == 0 ? 1.0f : 0.0f});
      }
    }
    return out;
  }

  Reply info_;
  double broken_from_ = 0;
  double broken_to_ = 0;
  double shift_ = 0;
  std::vector<Request> requests_;
};

struct Seen {
  absl::Status status;
  DocumentInfo info;
  std::vector<ExtractedFrame> frames;
};

Seen Read(Child& child, const VideoOptions& video = {}, FileType type = FileType::kMp4) {
  Seen seen;
  seen.status = ReadVideo(type, video, {},
                          {.on_info =
                               [&](const DocumentInfo& info) {
                                 seen.info = info;
                                 return absl::OkStatus();
                               },
                           .on_page = nullptr,
                           .on_frame =
                               [&](ExtractedFrame frame) {
                                 seen.frames.push_back(std::move(frame));
                                 return absl::OkStatus();
                               }},
                          [&](Request request, absl::Time) { return child.Step(request); });
  return seen;
}

TEST(VideoReaderTest, PiecesOverlapAndGrowWhereTheyAreQuick) {
  Child child(3000);
  const Seen seen = Read(child);
  ASSERT_THAT(seen.status, IsOk());
  EXPECT_THAT(seen.frames, SizeIs(300));
  EXPECT_EQ(seen.frames[299].time.start, 2990);
  EXPECT_EQ(seen.frames[299].time.end, 3000);
  std::vector<double> from;
  for (const Request& request : child.requests_) {
    if (request.op == Op::kVideoScan) from.push_back(request.from);
  }
  EXPECT_THAT(from, ElementsAre(0, 28, 88, 208, 448, 928, 1888));
}

TEST(VideoReaderTest, ABrokenPieceCostsThatPiece) {
  Child child(400);
  child.broken_from_ = 20;
  child.broken_to_ = 30;
  const Seen seen = Read(child);
  ASSERT_THAT(seen.status, IsOk());
  ASSERT_THAT(seen.frames, SizeIs(1 + 3 + 31));
  EXPECT_EQ(ErrorReason(seen.frames[0].status), "bad_video");
  EXPECT_EQ(seen.frames[0].time.start, 30);
  EXPECT_EQ(seen.frames[0].time.end, 90);
}

TEST(VideoReaderTest, NothingButBrokenPiecesIsABrokenVideo) {
  Child child(100);
  child.broken_to_ = 1000;
  EXPECT_EQ(ErrorReason(Read(child).status), "bad_video");
  Child empty(100);
  empty.info_.seconds = 0;
  EXPECT_EQ(ErrorReason(Read(empty).status), "bad_video");
}

TEST(VideoReaderTest, FramesOfAnotherTimeAreNotBelieved) {
  Child child(100);
  child.shift_ = 1e9;
  const Seen seen = Read(child);
  EXPECT_EQ(ErrorReason(seen.status), "crashed");
  EXPECT_THAT(seen.frames, SizeIs(0));
}

TEST(VideoReaderTest, DecodingBeginsAtTheKeyframeBefore) {
  Child child(95);
  child.info_.keyframes = {2, 40, 70};
  const Seen seen = Read(child, {}, FileType::kMpegTs);
  ASSERT_THAT(seen.status, IsOk());
  for (const Request& request : child.requests_) {
    if (request.op == Op::kVideoInfo) continue;
    const double from = request.from;
    EXPECT_EQ(request.lead, from < 2 ? 0 : from < 40 ? 2 : from < 70 ? 40 : 70) << from;
  }
  Child other(95);
  EXPECT_THAT(Read(other).status, IsOk());
  for (const Request& request : other.requests_) EXPECT_EQ(request.lead, request.from);
}

TEST(VideoReaderTest, LengthsAreHeldAgainstTheLimitAndThePromise) {
  VideoOptions video;
  video.max_length = absl::Seconds(60);
  Child exact(60);
  EXPECT_THAT(Read(exact, video).status, IsOk());
  Child longer(60.5);
  const Seen refused = Read(longer, video);
  EXPECT_EQ(ErrorReason(refused.status), "too_long");
  EXPECT_EQ(refused.status.message(), "the video lasts 61 seconds, the limit is 60");
  Child cut(30);
  cut.info_.promised_seconds = 60;
  const Seen seen = Read(cut);
  ASSERT_THAT(seen.info.problems, SizeIs(1));
  EXPECT_EQ(seen.info.problems[0].message(), "the video ends after 30 of 60 seconds");
  cut.info_.promised_seconds = 32;
  EXPECT_THAT(Read(cut).info.problems, SizeIs(0));
}

}  // namespace
}  // namespace sightline::media
