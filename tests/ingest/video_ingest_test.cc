// What becomes of videos and subtitles in the corpus: real files, a real child, a fake encoder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "base/file.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "tests/ingest/controlled_encoder.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using index::DocumentState;
using index::PassageKind;
using sightline::testing::ControlledEncoder;
using sightline::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class VideoIngestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    media_options_.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open({.path = dir_->path() + "/corpus"}));
    ASSERT_THAT(corpus_->CreateCollection("c", encoder_.info().fingerprint, 32), IsOk());
    Start();
  }

  void Start() {
    ingestor_.reset();
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media_options_));
    ASSERT_OK_AND_ASSIGN(ingestor_, Ingestor::Create({}, dir_->path() + "/spool", *corpus_,
                                                     encoder_, *media_, nullptr));
    ASSERT_THAT(ingestor_->Start(), IsOk());
  }

  void Write(const std::string& name, const std::string& bytes) {
    ASSERT_THAT(WriteFileAtomic(absl::StrCat(dir_->path(), "/", name), bytes), IsOk());
  }

  std::string Ffmpeg(const std::string& arguments, const std::string& name) {
    const std::string command =
        absl::StrCat("cd ", dir_->path(), " && ffmpeg -nostdin -v error -y ", arguments,
                     " -pix_fmt yuv420p -c:v libx264 -preset ultrafast ", name);
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    auto bytes = ReadFile(absl::StrCat(dir_->path(), "/", name));
    EXPECT_THAT(bytes, IsOk());
    return bytes.ok() ? *std::move(bytes) : "";
  }

  IngestResult Ingest(const std::string& source, const std::string& bytes,
                      const std::string& metadata_json = "{}") {
    IngestRequest request;
    request.collection = "c";
    request.source = source;
    request.metadata_json = metadata_json;
    absl::Notification finished;
    IngestResult result;
    IngestCallbacks callbacks;
    callbacks.on_finished = [&](const IngestResult& end) {
      result = end;
      finished.Notify();
    };
    EXPECT_THAT(ingestor_->Submit(request, bytes, std::move(callbacks)), IsOk());
    finished.WaitForNotification();
    return result;
  }

  // "0-4 image words" and so on, by ordinal.
  std::vector<std::string> Show(const std::string& document_id) {
    auto passages = corpus_->DocumentPassages("c", document_id);
    EXPECT_THAT(passages, IsOk());
    std::vector<std::string> out;
    for (const index::Passage& passage : *passages) {
      EXPECT_EQ(passage.page, 0);
      std::string text = passage.text;
      std::replace(text.begin(), text.end(), '\n', '|');
      out.push_back(absl::StrFormat("%.1f-%.1f %s%s %s", passage.start.value_or(-1),
                                    passage.end.value_or(-1),
                                    passage.kind == PassageKind::kVideoSegment ? "segment" : "text",
                                    passage.blob_hash.empty() ? "" : "+", text));
    }
    return out;
  }

  std::unique_ptr<TempDir> dir_;
  media::MediaOptions media_options_;
  ControlledEncoder encoder_;
  std::unique_ptr<index::Corpus> corpus_;
  std::unique_ptr<media::MediaClient> media_;
  std::unique_ptr<Ingestor> ingestor_;
};

constexpr char kTwoScenes[] =
    "-f lavfi -i color=red:s=160x120:r=10:d=4 -f lavfi -i color=blue:s=160x120:r=10:d=6 "
    "-i s.srt -filter_complex '[0][1]concat=n=2:v=1[v]' -map '[v]' -map 2 -c:s mov_text ";

TEST_F(VideoIngestTest, EachSceneIsASegmentWithWhatIsSaidInIt) {
  Write("s.srt",
        "1\n00:00:01,000 --> 00:00:03,000\nThe wombat digs.\n\n"
        "2\n00:00:05,000 --> 00:00:06,500\nThe whale sings.\n");
  const std::string film =
      Ffmpeg(absl::StrCat(kTwoScenes,
                          "-metadata title=Animals -metadata creation_time=2024-05-01T10:00:00"),
             "clip.mp4");
  const IngestResult result = Ingest("/in/clip.mp4", film);
  EXPECT_EQ(result.outcome, Outcome::kIndexed) << result.status;
  EXPECT_EQ(result.document.media_type, "video/mp4");
  EXPECT_EQ(result.document.pages, 1);
  EXPECT_THAT(result.document.metadata_json, HasSubstr("Animals"));
  EXPECT_THAT(result.document.metadata_json, HasSubstr("2024-05-01T10:00:00"));
  EXPECT_THAT(Show(result.document.id),
              ElementsAre("0.0-4.0 segment+ Animals|The wombat digs.",
                          "1.0-6.5 text+ The wombat digs.|The whale sings.",
                          "4.0-10.0 segment+ The whale sings."));
  // What the file says of itself is no reason to read it again.
  EXPECT_EQ(Ingest("/in/clip.mp4", film).outcome, Outcome::kUnchanged);
  media_options_.video.interval = absl::Seconds(2);
  Start();
  EXPECT_EQ(Ingest("/in/clip.mp4", film).outcome, Outcome::kIndexed);
}

TEST_F(VideoIngestTest, SegmentsAreFoundByTheirPictures) {
  Write("s.srt", "1\n00:00:01,000 --> 00:00:03,000\nx\n");
  const IngestResult result = Ingest("clip.mp4", Ffmpeg(kTwoScenes, "clip.mp4"));
  const auto passages = *corpus_->DocumentPassages("c", result.document.id);
  const auto& blue = passages.back();
  ASSERT_EQ(blue.kind, PassageKind::kVideoSegment);
  ASSERT_OK_AND_ASSIGN(const index::Blob blob, corpus_->GetBlob(blue.blob_hash));
  EXPECT_EQ(blob.media_type, "image/jpeg");
  EXPECT_EQ(blob.width, 160);
  ASSERT_OK_AND_ASSIGN(const auto decoded, media_->DecodeImage(blob.bytes, absl::InfiniteFuture()));
  model::EncodeInput input;
  input.images = {decoded.image};
  index::SearchQuery query;
  query.collection = "c";
  query.vector = encoder_.Encode({&input, 1}, 32, {})->front();
  query.k = 1;
  ASSERT_OK_AND_ASSIGN(const auto found, corpus_->Search(query));
  ASSERT_THAT(found.hits, SizeIs(1));
  EXPECT_EQ(found.hits[0].passage.id, blue.id);
}

TEST_F(VideoIngestTest, WhereNothingMovesThereIsOneSegment) {
  // Ten kept frames and forty.
  EXPECT_THAT(
      Show(Ingest("a.mp4", Ffmpeg("-f lavfi -i color=red:s=64x64:r=2:d=100", "a.mp4")).document.id),
      ElementsAre("0.0-100.0 segment+ "));
  EXPECT_THAT(Show(Ingest("b.mp4", Ffmpeg("-f lavfi -i color=black:s=64x64:r=2:d=400", "b.mp4"))
                       .document.id),
              ElementsAre("0.0-300.0 segment+ ", "300.0-400.0 segment+ "));
}

TEST_F(VideoIngestTest, SlidesThatDifferInALineAreSegmentsOfTheirOwn) {
  const std::string slides =
      "-f lavfi -i color=white:s=640x360:r=5:d=40 -vf "
      "\"drawbox=0:0:640:60:black:fill,drawbox=60:120:300:8:black:fill,"
      "drawbox=60:180:340:8:black:fill:enable='gte(t,20)'\"";
  EXPECT_THAT(Show(Ingest("a.mp4", Ffmpeg(slides, "a.mp4")).document.id),
              ElementsAre("0.0-20.0 segment+ ", "20.0-40.0 segment+ "));
}

TEST_F(VideoIngestTest, WordsOnFramesAreReadAsThoseOfPictures) {
  media_options_.ocr_languages = "eng";
  Start();
  const IngestResult result =
      Ingest("a.mp4", Ffmpeg("-f lavfi -i color=white:s=1280x720:r=5:d=3 -vf "
                             "\"drawtext=text='The quartzfinch nests in the depot':x=100:y=200:"
                             "fontsize=48\"",
                             "a.mp4"));
  EXPECT_THAT(Show(result.document.id),
              ElementsAre("0.0-3.0 segment+ ", "0.0-3.0 text+ The quartzfinch nests in the depot"));
  EXPECT_TRUE(corpus_->DocumentPassages("c", result.document.id)->back().box.has_value());
}

TEST_F(VideoIngestTest, ACaptionStandsAtTheFirstSegment) {
  Write("s.srt", "1\n00:00:05,000 --> 00:00:06,000\nWords\n");
  EXPECT_THAT(Show(Ingest("a.mp4", Ffmpeg(kTwoScenes, "a.mp4"), R"({"caption": "Two colours"})")
                       .document.id),
              ElementsAre("0.0-4.0 segment+ Two colours", "4.0-10.0 segment+ Words",
                          "5.0-6.0 text+ Words"));
}

TEST_F(VideoIngestTest, WhatIsReadOnlyInPartIsPartial) {
  std::string film =
      Ffmpeg("-f lavfi -i testsrc2=s=160x120:r=10:d=60 -movflags faststart", "a.mp4");
  film.resize(film.size() / 2);
  const IngestResult result = Ingest("a.mp4", film);
  EXPECT_EQ(result.outcome, Outcome::kPartial);
  ASSERT_THAT(result.document.failures, SizeIs(1));
  EXPECT_EQ(result.document.failures[0].reason, "cut_short");
  EXPECT_THAT(Show(result.document.id), Not(IsEmpty()));
}

TEST_F(VideoIngestTest, SoundFailsWithItsReason) {
  const std::string command =
      absl::StrCat("ffmpeg -nostdin -v error -f lavfi -i sine=d=1 ", dir_->path(), "/a.mp4");
  ASSERT_EQ(std::system(command.c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(dir_->path() + "/a.mp4"));
  const IngestResult result = Ingest("a.mp4", bytes);
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  ASSERT_THAT(result.document.failures, SizeIs(1));
  EXPECT_EQ(result.document.failures[0].reason, "no_video");
}

TEST_F(VideoIngestTest, SubtitlesAloneHaveTimes) {
  const IngestResult result = Ingest(
      "clip.en.srt",
      "1\n00:00:01,000 --> 00:00:03,000\n<i>The wombat</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n"
      "digs.\n\n3\n00:01:40,000 --> 00:01:42,500\nLater.\n");
  EXPECT_EQ(result.outcome, Outcome::kIndexed) << result.status;
  EXPECT_EQ(result.document.media_type, "application/x-subrip");
  EXPECT_THAT(Show(result.document.id),
              ElementsAre("1.0-4.0 text The wombat|digs.", "100.0-102.5 text Later."));
}

TEST_F(VideoIngestTest, ADeletedVideoStopsBeingRead) {
  const std::string film = Ffmpeg("-f lavfi -i testsrc2=s=64x64:r=5:d=3000", "a.mp4");
  IngestRequest request;
  request.collection = "c";
  request.source = "a.mp4";
  absl::Notification running;
  absl::Notification finished;
  IngestResult result;
  IngestCallbacks callbacks;
  callbacks.on_progress = [&](const Progress&) {
    if (!running.HasBeenNotified()) running.Notify();
  };
  callbacks.on_finished = [&](const IngestResult& end) {
    result = end;
    finished.Notify();
  };
  ASSERT_THAT(ingestor_->Submit(request, film, std::move(callbacks)), IsOk());
  running.WaitForNotification();
  EXPECT_THAT(ingestor_->DeleteDocument("c", DocumentIdFor("a.mp4")), IsOk());
  finished.WaitForNotification();
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.document.failures.at(0).reason, "deleted");
  EXPECT_TRUE(absl::IsNotFound(corpus_->GetDocument("c", DocumentIdFor("a.mp4")).status()));
}

}  // namespace
}  // namespace sightline::ingest
