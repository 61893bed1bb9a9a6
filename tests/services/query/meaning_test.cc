#include "services/query/meaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeEncoder;
using ::sightline::testing::StatusIs;
using ::testing::SizeIs;

class UntrainedEncoder : public FakeEncoder {
 public:
  UntrainedEncoder() : info_(FakeEncoder::info()) { info_.untrained = true; }
  const model::ModelInfo& info() const override { return info_; }

 private:
  model::ModelInfo info_;
};

TEST(MeaningTest, TellsHowNearEachTextIs) {
  FakeEncoder encoder;
  const MeaningScorer meaning = EncoderMeaning(encoder);
  QueryContent question;
  question.texts = {"the old mill"};
  const std::vector<std::string> texts = {"the old mill", "a bridge", "an old mill"};
  ASSERT_OK_AND_ASSIGN(const std::vector<float> cosines, meaning(question, texts, {}));
  ASSERT_THAT(cosines, SizeIs(3));
  EXPECT_NEAR(cosines[0], 1, 1e-5);
  EXPECT_GT(cosines[2], cosines[1]);
}

TEST(MeaningTest, ThePicturesOfTheQuestionCount) {
  FakeEncoder encoder;
  const MeaningScorer meaning = EncoderMeaning(encoder);
  QueryContent question;
  question.texts = {"mill"};
  const std::vector<std::string> texts = {"mill"};
  question.images.push_back(std::make_shared<Image>(Image{1, 1, 3, {1, 2, 3}}));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> cosines, meaning(question, texts, {}));
  EXPECT_LT(cosines[0], 0.9);
}

TEST(MeaningTest, WeightsThatMeanNothingTellNothing) {
  UntrainedEncoder encoder;
  EXPECT_EQ(EncoderMeaning(encoder), nullptr);
}

TEST(MeaningTest, KeepsToTheDeadline) {
  FakeEncoder encoder;
  QueryContent question;
  question.texts = {"mill"};
  const std::vector<std::string> texts = {"mill"};
  edge::CallLimits limits;
  limits.deadline = absl::InfinitePast();
  EXPECT_THAT(EncoderMeaning(encoder)(question, texts, limits),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace sightline::query
