#include "model/qwen3vl_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "base/utf8.h"
#include "nlohmann/json.hpp"
#include "tests/model/network_case.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::nlohmann::json;
using ::sightline::testing::ExpectReference;
using ::sightline::testing::GoldenJson;
using ::sightline::testing::GoldenTensors;
using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::sightline::testing::StoredCase;
using ::sightline::testing::TinyCheckpoint;
using ::sightline::testing::Values;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kModel[] = "tiny-dense";

std::unique_ptr<Qwen3VlGenerator> TinyGenerator(const std::string& dtype = "float32") {
  return std::make_unique<Qwen3VlGenerator>(TinyCheckpoint(kModel, dtype));
}

// Keeps a copy of every step's logits and forbids nothing.
class Recorder : public TokenConstraint {
 public:
  void Apply(std::span<const int32_t>, std::span<float> logits) override {
    steps.emplace_back(logits.begin(), logits.end());
  }
  std::vector<std::vector<float>> steps;
};

class OnlyToken : public TokenConstraint {
 public:
  explicit OnlyToken(int32_t token) : token_(token) {}
  void Apply(std::span<const int32_t>, std::span<float> logits) override {
    for (size_t i = 0; i < logits.size(); ++i) {
      if (static_cast<int32_t>(i) != token_) logits[i] = -std::numeric_limits<float>::infinity();
    }
  }

 private:
  const int32_t token_;
};

GenerateInput Greedy(int max_tokens) {
  GenerateInput input;
  input.sampling.temperature = 0;
  input.sampling.presence_penalty = 0;
  input.sampling.ignore_eos = true;
  input.max_tokens = max_tokens;
  return input;
}

GenerateInput Ask(const std::string& text, int max_tokens) {
  GenerateInput input = Greedy(max_tokens);
  input.messages = {{"user", {text}}};
  return input;
}

class GenerateCase : public ::testing::TestWithParam<const char*> {};

TEST_P(GenerateCase, GreedyTokensAndEachStepsLogitsAreTheReferences) {
  const std::string path = std::string("tiny-dense/cases/gen_") + GetParam();
  const auto golden = GoldenTensors(path + ".safetensors");
  GenerateInput input = Greedy(24);
  const auto recorder = std::make_shared<Recorder>();
  input.constraint = recorder;
  ASSERT_OK_AND_ASSIGN(
      const GenerateResult result,
      TinyGenerator()->Continue(StoredCase(kModel, GetParam()), input, {}, nullptr));
  EXPECT_EQ(std::vector<int64_t>(result.token_ids.begin(), result.token_ids.end()),
            Values<int64_t>(*golden, "output_ids"));
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
  std::vector<float> steps;
  for (const std::vector<float>& step : recorder->steps) {
    steps.insert(steps.end(), step.begin(), step.end());
  }
  ExpectReference(steps, Values<float>(*golden, "step_logits"), 5e-4, "step logits", GetParam());
  EXPECT_EQ(result.text, GoldenJson(path + ".json")["text"].get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Cases, GenerateCase, ::testing::Values("text", "image"));

TEST(Qwen3VlGeneratorTest, SequencesThatRunTogetherWriteWhatTheyWriteAlone) {
  const auto generator = TinyGenerator();
  const std::vector<std::string> cases = {"text", "image", "two_images", "text", "text_short"};
  std::vector<GenerateResult> alone;
  for (const std::string& name : cases) {
    ASSERT_OK_AND_ASSIGN(GenerateResult result,
                         generator->Continue(StoredCase(kModel, name), Greedy(24), {}, nullptr));
    alone.push_back(std::move(result));
  }
  std::vector<GenerateResult> together(cases.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < cases.size(); ++i) {
    threads.emplace_back([&, i] {
      auto result = generator->Continue(StoredCase(kModel, cases[i]), Greedy(24), {}, nullptr);
      ASSERT_THAT(result, IsOk());
      together[i] = *std::move(result);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(together[i].token_ids, alone[i].token_ids) << cases[i];
  }
}

TEST(Qwen3VlGeneratorTest, StreamsWholeCharactersThatJoinToTheText) {
  std::string joined;
  ASSERT_OK_AND_ASSIGN(
      const GenerateResult result,
      TinyGenerator()->Generate(Ask("hello", 40), {}, [&](absl::string_view piece) {
        EXPECT_TRUE(IsValidUtf8(piece));
        joined.append(piece.data(), piece.size());
        return true;
      }));
  EXPECT_EQ(joined, result.text);
  EXPECT_EQ(result.token_ids.size(), 40u);
  EXPECT_GT(result.prompt_tokens, 0);
}

TEST(Qwen3VlGeneratorTest, EndsBeforeAStopString) {
  const auto generator = TinyGenerator();
  ASSERT_OK_AND_ASSIGN(const GenerateResult whole,
                       generator->Generate(Ask("hello", 40), {}, nullptr));
  ASSERT_GT(whole.text.size(), 12u);
  const size_t begin = Utf8PrefixLength(whole.text, whole.text.size() / 2);
  GenerateInput input = Ask("hello", 40);
  input.stop = {whole.text.substr(begin)};
  ASSERT_OK_AND_ASSIGN(const GenerateResult cut, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(cut.text, whole.text.substr(0, whole.text.find(input.stop.front())));
  EXPECT_EQ(cut.finish_reason, FinishReason::kStop);
}

TEST(Qwen3VlGeneratorTest, EndsAtTheEndToken) {
  GenerateInput input = Ask("hello", 40);
  input.sampling.ignore_eos = false;
  const int32_t eos = TinyCheckpoint(kModel)->config().generation.eos_token_ids.front();
  input.constraint = std::make_shared<OnlyToken>(eos);
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  EXPECT_EQ(result.token_ids, std::vector<int32_t>{eos});
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
}

TEST(Qwen3VlGeneratorTest, AConstraintDecidesTheTokens) {
  GenerateInput input = Ask("hello", 5);
  input.constraint = std::make_shared<OnlyToken>(65);
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  EXPECT_EQ(result.token_ids, std::vector<int32_t>(5, 65));
}

TEST(Qwen3VlGeneratorTest, EqualSeedsDrawEqualTexts) {
  const auto generator = TinyGenerator();
  GenerateInput input = Ask("hello", 30);
  input.sampling.temperature = 1.5f;
  input.sampling.seed = 7;
  ASSERT_OK_AND_ASSIGN(const GenerateResult first, generator->Generate(input, {}, nullptr));
  ASSERT_OK_AND_ASSIGN(const GenerateResult second, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(first.token_ids, second.token_ids);
  input.sampling.seed = 8;
  ASSERT_OK_AND_ASSIGN(const GenerateResult third, generator->Generate(input, {}, nullptr));
  EXPECT_NE(first.token_ids, third.token_ids);
}

TEST(Qwen3VlGeneratorTest, TheReceiverCanEndTheText) {
  int pieces = 0;
  EXPECT_THAT(TinyGenerator()->Generate(Ask("hello", 1000), {},
                                        [&](absl::string_view) { return ++pieces < 3; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(pieces, 3);
}

TEST(Qwen3VlGeneratorTest, CancellingEndsARunningText) {
  CallOptions call;
  call.cancel = std::make_shared<absl::Notification>();
  int pieces = 0;
  EXPECT_THAT(TinyGenerator()->Generate(Ask("hello", 3000), call,
                                        [&](absl::string_view) {
                                          if (++pieces == 2) call.cancel->Notify();
                                          return true;
                                        }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(pieces, 100);
}

TEST(Qwen3VlGeneratorTest, ADeadlineEndsARunningText) {
  CallOptions call;
  call.deadline = absl::Now() + absl::Milliseconds(200);
  EXPECT_THAT(TinyGenerator()->Generate(Ask("hello", 3900), call,
                                        [&](absl::string_view) {
                                          absl::SleepFor(absl::Milliseconds(5));
                                          return true;
                                        }),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(Qwen3VlGeneratorTest, RefusesBadRequests) {
  const auto generator = TinyGenerator();
  EXPECT_THAT(generator->Generate(Ask("x", 0), {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_tokens")));
  GenerateInput none = Greedy(3);
  EXPECT_THAT(generator->Generate(none, {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  GenerateInput role = Ask("x", 3);
  role.messages.front().role = "robot";
  EXPECT_THAT(generator->Generate(role, {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  GenerateInput cold = Ask("x", 3);
  cold.sampling.temperature = -1;
  EXPECT_THAT(generator->Generate(cold, {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  GenerateInput stop = Ask("x", 3);
  stop.stop = {""};
  EXPECT_THAT(generator->Generate(stop, {}, nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
  std::string book;
  for (int i = 0; i < 5000; ++i) book += "x y ";
  EXPECT_THAT(generator->Generate(Ask(book, 3), {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Qwen3VlGeneratorTest, StopsAtTheEndOfTheContext) {
  const auto generator = TinyGenerator();
  std::string text;
  for (int i = 0; i < 2020; ++i) text += "x ";
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       generator->Generate(Ask(text, 4096), {}, nullptr));
  EXPECT_EQ(result.prompt_tokens + static_cast<int>(result.token_ids.size()), 4096);
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
}

TEST(Qwen3VlGeneratorTest, CountsThePicturesTokens) {
  const auto generator = TinyGenerator();
  EXPECT_EQ(generator->ImageTokens(96, 64), 6);
  GenerateInput input = Greedy(1);
  input.messages = {
      {"user", {testing::GoldenPicture("images/exact_96x64.png"), std::string("what?")}}};
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(result.image_tokens, 6);
}

}  // namespace
}  // namespace sightline::model
