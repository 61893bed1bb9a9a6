#include "ingest/embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::ingest {
namespace {

using sightline::testing::FakeEncoder;
using sightline::testing::IsOk;
using sightline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Notes the size of each call, and can fail.
class NotedEncoder : public FakeEncoder {
 public:
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    calls.push_back(static_cast<int>(inputs.size()));
    EXPECT_EQ(call.priority, model::Priority::kBulk);
    if (failures_left > 0) {
      --failures_left;
      return failure;
    }
    for (const model::EncodeInput& input : inputs) {
      for (const std::string& text : input.texts) {
        if (text == "refused") return absl::InvalidArgumentError("refused: too long");
      }
    }
    return FakeEncoder::Encode(inputs, dimension, call);
  }

  std::vector<int> calls;
  int failures_left = 0;
  absl::Status failure = absl::UnavailableError("busy");
};

class EmbedderTest : public ::testing::Test {
 protected:
  Embedder Make(EmbedOptions options) {
    options.dimension = 8;
    return Embedder({encoder_, retry_, shared_}, options, cancel_,
                    [this](size_t slot, absl::StatusOr<Embedding> made) {
                      if (made.ok()) patches_[slot] = made->patches.size();
                      vectors_.emplace(slot, made.ok()
                                                 ? absl::StatusOr<std::vector<float>>(made->vector)
                                                 : made.status());
                    });
  }

  static model::EncodeInput Text(std::string text) {
    model::EncodeInput input;
    input.texts = {std::move(text)};
    return input;
  }
  static model::EncodeInput Picture(int side) {
    auto image = std::make_shared<Image>();
    image->width = image->height = side;
    image->pixels.resize(static_cast<size_t>(side) * side * 3, 7);
    model::EncodeInput input;
    input.images = {image};
    return input;
  }

  NotedEncoder encoder_;
  model::CancelFlag cancel_ = std::make_shared<absl::Notification>();
  Retry retry_{3, absl::Milliseconds(1), cancel_};
  SharedStages shared_{{.batch_pixels = 2000}, 1};
  std::map<size_t, absl::StatusOr<std::vector<float>>> vectors_;
  std::map<size_t, size_t> patches_;
};

TEST_F(EmbedderTest, EncodesInFullBatchesAndThenTheRest) {
  Embedder embedder = Make({.batch_inputs = 3, .batch_pixels = 1000});
  for (size_t i = 0; i < 7; ++i) ASSERT_THAT(embedder.Add(i, Text("word")), IsOk());
  ASSERT_THAT(embedder.Finish(), IsOk());
  EXPECT_THAT(encoder_.calls, ElementsAre(3, 3, 1));
  EXPECT_THAT(vectors_, SizeIs(7));
  EXPECT_THAT(*vectors_.at(6), SizeIs(8));
}

TEST_F(EmbedderTest, BoundsThePixelsOfABatch) {
  Embedder embedder = Make({.batch_inputs = 16, .batch_pixels = 250});
  for (size_t i = 0; i < 4; ++i) ASSERT_THAT(embedder.Add(i, Picture(10)), IsOk());
  ASSERT_THAT(embedder.Add(4, Picture(40)), IsOk());
  ASSERT_THAT(embedder.Finish(), IsOk());
  EXPECT_THAT(encoder_.calls, ElementsAre(2, 2, 1));
}

TEST_F(EmbedderTest, WithPatchesAPictureAloneIsLookedAtInACallOfItsOwn) {
  Embedder embedder = Make({.batch_inputs = 16, .batch_pixels = 1 << 20, .patches = true});
  model::EncodeInput both = Picture(64);
  both.texts = {"word"};
  ASSERT_THAT(embedder.Add(0, Text("word")), IsOk());
  ASSERT_THAT(embedder.Add(1, Picture(64)), IsOk());
  ASSERT_THAT(embedder.Add(2, both), IsOk());
  ASSERT_THAT(embedder.Finish(), IsOk());
  EXPECT_THAT(encoder_.calls, ElementsAre(5, 2));  // the picture and its four cells, the others
  EXPECT_EQ(patches_.at(0), 0u);
  EXPECT_EQ(patches_.at(1), 4u);
  EXPECT_EQ(patches_.at(2), 0u);
  const model::EncodeInput picture = Picture(64);
  EXPECT_EQ(*vectors_.at(1), FakeEncoder().Encode({&picture, 1}, 8, {})->front());
}

TEST_F(EmbedderTest, WithPatchesPassingErrorsAreTriedAgainAndLastingOnesAreThePictures) {
  encoder_.failures_left = 2;
  Embedder embedder = Make({.batch_pixels = 1000, .patches = true});
  ASSERT_THAT(embedder.Add(0, Picture(32)), IsOk());
  EXPECT_EQ(patches_.at(0), 1u);
  encoder_.failures_left = 1;
  encoder_.failure = absl::InvalidArgumentError("too narrow");
  ASSERT_THAT(embedder.Add(1, Picture(32)), IsOk());
  EXPECT_THAT(vectors_.at(1), StatusIs(absl::StatusCode::kInvalidArgument));
  encoder_.failures_left = 3;
  encoder_.failure = absl::UnavailableError("busy");
  EXPECT_THAT(embedder.Add(2, Picture(32)), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(EmbedderTest, TriesAgainAfterAPassingError) {
  encoder_.failures_left = 2;
  Embedder embedder = Make({.batch_pixels = 1000});
  ASSERT_THAT(embedder.Add(0, Text("word")), IsOk());
  EXPECT_THAT(embedder.Finish(), IsOk());
  EXPECT_THAT(encoder_.calls, SizeIs(3));
  EXPECT_EQ(retry_.repeats(), 2);
}

TEST_F(EmbedderTest, GivesUpAfterTheLastAttempt) {
  encoder_.failures_left = 3;
  Embedder embedder = Make({.batch_pixels = 1000});
  ASSERT_THAT(embedder.Add(0, Text("word")), IsOk());
  EXPECT_THAT(embedder.Finish(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(encoder_.calls, SizeIs(3));
}

TEST_F(EmbedderTest, DoesNotTryAgainAfterAPermanentError) {
  encoder_.failures_left = 1;
  encoder_.failure = absl::InternalError("not finite");
  Embedder embedder = Make({.batch_pixels = 1000});
  ASSERT_THAT(embedder.Add(0, Text("word")), IsOk());
  EXPECT_THAT(embedder.Finish(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(encoder_.calls, SizeIs(1));
}

TEST_F(EmbedderTest, CancelEndsTheWaitForAnotherAttempt) {
  encoder_.failures_left = 100;
  cancel_->Notify();
  Retry patient(100, absl::Hours(1), cancel_);
  Embedder embedder({encoder_, patient, shared_}, {.dimension = 8, .batch_pixels = 1000}, cancel_,
                    [](size_t, absl::StatusOr<Embedding>) {});
  ASSERT_THAT(embedder.Add(0, Text("word")), IsOk());
  EXPECT_THAT(embedder.Finish(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(EmbedderTest, OneRefusedInputDoesNotTakeTheOthersWithIt) {
  Embedder embedder = Make({.batch_inputs = 3, .batch_pixels = 1000});
  ASSERT_THAT(embedder.Add(0, Text("one")), IsOk());
  ASSERT_THAT(embedder.Add(1, Text("refused")), IsOk());
  ASSERT_THAT(embedder.Add(2, Text("three")), IsOk());
  ASSERT_THAT(embedder.Finish(), IsOk());
  EXPECT_THAT(vectors_.at(0), IsOk());
  EXPECT_THAT(vectors_.at(1), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(vectors_.at(2), IsOk());
}

// Ends its first call only when it is told to.
class HeldEncoder : public FakeEncoder {
 public:
  absl::StatusOr<std::vector<std::vector<float>>> Encode(std::span<const model::EncodeInput> inputs,
                                                         int dimension,
                                                         const model::CallOptions& call) override {
    begun_.Notify();
    go_on_.WaitForNotification();
    return FakeEncoder::Encode(inputs, dimension, call);
  }

  absl::Notification begun_;
  absl::Notification go_on_;
};

TEST_F(EmbedderTest, GathersTheNextBatchWhileOneIsWithTheEncoder) {
  HeldEncoder held;
  int made = 0;
  Embedder embedder({held, retry_, shared_},
                    {.dimension = 8, .batch_inputs = 2, .batch_pixels = 1000}, cancel_,
                    [&](size_t, absl::StatusOr<Embedding>) { ++made; });
  for (size_t i = 0; i < 3; ++i) ASSERT_THAT(embedder.Add(i, Text("word")), IsOk());
  held.begun_.WaitForNotification();
  EXPECT_EQ(made, 0);
  held.go_on_.Notify();
}

TEST_F(EmbedderTest, WaitsForRoomForItsPicturesHoldingNone) {
  const int64_t pixels = 2 * 2000;
  ASSERT_TRUE(shared_.pixels.TryTake(pixels - 100));
  {
    Embedder embedder = Make({.batch_inputs = 16, .batch_pixels = 2000});
    ASSERT_THAT(embedder.MakeRoom(100), IsOk());
    ASSERT_THAT(embedder.Add(0, Picture(10)), IsOk());
    EXPECT_THAT(vectors_, IsEmpty());
    ASSERT_THAT(embedder.MakeRoom(100), IsOk());
    EXPECT_THAT(vectors_, SizeIs(1));
    ASSERT_THAT(embedder.Add(1, Picture(10)), IsOk());
    EXPECT_FALSE(shared_.pixels.TryTake(1));
    ASSERT_THAT(embedder.Finish(), IsOk());
    EXPECT_THAT(vectors_, SizeIs(2));
    // A picture that cannot be decoded leaves the room it was given.
    ASSERT_THAT(embedder.MakeRoom(100), IsOk());
    cancel_->Notify();
    EXPECT_THAT(embedder.MakeRoom(100), IsOk());
    EXPECT_THAT(embedder.MakeRoom(101), StatusIs(absl::StatusCode::kCancelled));
  }
  shared_.pixels.Return(pixels - 100);
  EXPECT_TRUE(shared_.pixels.TryTake(pixels));
}

TEST_F(EmbedderTest, MeasuresWhatTheEncoderDoes) {
  Embedder embedder = Make({.batch_inputs = 2, .batch_pixels = 1000});
  for (size_t i = 0; i < 3; ++i) ASSERT_THAT(embedder.Add(i, Text("word")), IsOk());
  ASSERT_THAT(embedder.Finish(), IsOk());
  const StageWork work = shared_.embed.work();
  EXPECT_EQ(work.items, 3);
  EXPECT_EQ(work.bytes, 12);
}

}  // namespace
}  // namespace sightline::ingest
