#include "model/qwen3vl_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/utf8.h"
#include "model/text_writer.h"
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
  void Apply(std::span<const int32_t>, int64_t, std::span<float> logits) override {
    steps.emplace_back(logits.begin(), logits.end());
  }
  std::vector<std::vector<float>> steps;
};

class OnlyToken : public TokenConstraint {
 public:
  explicit OnlyToken(int32_t token) : token_(token) {}
  void Apply(std::span<const int32_t>, int64_t, std::span<float> logits) override {
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
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       TinyGenerator()->Continue([&] { return StoredCase(kModel, GetParam()); },
                                                 input, {}, nullptr));
  EXPECT_EQ(std::vector<int64_t>(result.first().token_ids.begin(), result.first().token_ids.end()),
            Values<int64_t>(*golden, "output_ids"));
  EXPECT_EQ(result.first().finish_reason, FinishReason::kLength);
  std::vector<float> steps;
  for (const std::vector<float>& step : recorder->steps) {
    steps.insert(steps.end(), step.begin(), step.end());
  }
  ExpectReference(steps, Values<float>(*golden, "step_logits"), 5e-4, "step logits", GetParam());
  EXPECT_EQ(result.first().text, GoldenJson(path + ".json")["text"].get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Cases, GenerateCase, ::testing::Values("text", "image"));

TEST(Qwen3VlGeneratorTest, SequencesThatRunTogetherWriteWhatTheyWriteAlone) {
  const auto generator = TinyGenerator();
  const std::vector<std::string> cases = {"text", "image", "two_images", "text", "text_short"};
  std::vector<GenerateResult> alone;
  for (const std::string& name : cases) {
    ASSERT_OK_AND_ASSIGN(
        GenerateResult result,
        generator->Continue([&] { return StoredCase(kModel, name); }, Greedy(24), {}, nullptr));
    alone.push_back(std::move(result));
  }
  std::vector<GenerateResult> together(cases.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < cases.size(); ++i) {
    threads.emplace_back([&, i] {
      auto result = generator->Continue([&] { return StoredCase(kModel, cases[i]); }, Greedy(24),
                                        {}, nullptr);
      ASSERT_THAT(result, IsOk());
      together[i] = *std::move(result);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(together[i].first().token_ids, alone[i].first().token_ids) << cases[i];
  }
}

TEST(Qwen3VlGeneratorTest, StreamsWholeCharactersThatJoinToTheText) {
  std::string joined;
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       TinyGenerator()->Generate(Ask("hello", 40), {}, [&](const TextPiece& piece) {
                         EXPECT_TRUE(IsValidUtf8(piece.text));
                         joined.append(piece.text.data(), piece.text.size());
                         return true;
                       }));
  EXPECT_EQ(joined, result.first().text);
  EXPECT_EQ(result.first().token_ids.size(), 40u);
  EXPECT_GT(result.prompt_tokens, 0);
}

TEST(Qwen3VlGeneratorTest, EndsBeforeAStopString) {
  const auto generator = TinyGenerator();
  ASSERT_OK_AND_ASSIGN(const GenerateResult whole,
                       generator->Generate(Ask("hello", 40), {}, nullptr));
  ASSERT_GT(whole.first().text.size(), 12u);
  const size_t begin = Utf8PrefixLength(whole.first().text, whole.first().text.size() / 2);
  GenerateInput input = Ask("hello", 40);
  input.stop = {whole.first().text.substr(begin)};
  ASSERT_OK_AND_ASSIGN(const GenerateResult cut, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(cut.first().text,
            whole.first().text.substr(0, whole.first().text.find(input.stop.front())));
  EXPECT_EQ(cut.first().finish_reason, FinishReason::kStop);
}

TEST(Qwen3VlGeneratorTest, EndsAtTheEndToken) {
  GenerateInput input = Ask("hello", 40);
  input.sampling.ignore_eos = false;
  const int32_t eos = TinyCheckpoint(kModel)->config().generation.eos_token_ids.front();
  input.constraint = std::make_shared<OnlyToken>(eos);
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  EXPECT_EQ(result.first().token_ids, std::vector<int32_t>{eos});
  EXPECT_EQ(result.first().text, "");
  EXPECT_EQ(result.first().finish_reason, FinishReason::kStop);
}

TEST(Qwen3VlGeneratorTest, AConstraintDecidesTheTokens) {
  GenerateInput input = Ask("hello", 5);
  input.constraint = std::make_shared<OnlyToken>(65);
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  EXPECT_EQ(result.first().token_ids, std::vector<int32_t>(5, 65));
}

TEST(Qwen3VlGeneratorTest, EqualSeedsDrawEqualTexts) {
  const auto generator = TinyGenerator();
  GenerateInput input = Ask("hello", 30);
  input.sampling.temperature = 1.5f;
  input.sampling.seed = 7;
  ASSERT_OK_AND_ASSIGN(const GenerateResult first, generator->Generate(input, {}, nullptr));
  ASSERT_OK_AND_ASSIGN(const GenerateResult second, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(first.first().token_ids, second.first().token_ids);
  input.sampling.seed = 8;
  ASSERT_OK_AND_ASSIGN(const GenerateResult third, generator->Generate(input, {}, nullptr));
  EXPECT_NE(first.first().token_ids, third.first().token_ids);
}

TEST(Qwen3VlGeneratorTest, GreedyAndSeededTextsRepeatAndOthersDoNot) {
  const auto generator = TinyGenerator();  // whose generation_config.json draws
  SamplingParams sampling;
  EXPECT_FALSE(generator->Repeats(sampling));
  sampling.temperature = 0.0f;
  EXPECT_TRUE(generator->Repeats(sampling));
  sampling.temperature = 0.7f;
  EXPECT_FALSE(generator->Repeats(sampling));
  sampling.seed = 3;
  EXPECT_TRUE(generator->Repeats(sampling));
}

TEST(Qwen3VlGeneratorTest, TheReceiverCanEndTheText) {
  int pieces = 0;
  EXPECT_THAT(TinyGenerator()->Generate(Ask("hello", 1000), {},
                                        [&](const TextPiece&) { return ++pieces < 3; }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(pieces, 3);
}

TEST(Qwen3VlGeneratorTest, CancellingEndsARunningText) {
  CallOptions call;
  call.cancel = std::make_shared<absl::Notification>();
  int pieces = 0;
  EXPECT_THAT(TinyGenerator()->Generate(Ask("hello", 3000), call,
                                        [&](const TextPiece&) {
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
                                        [&](const TextPiece&) {
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
  for (const int n : {0, 17}) {
    GenerateInput many = Ask("x", 3);
    many.n = n;
    EXPECT_THAT(generator->Generate(many, {}, nullptr),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("n is")));
  }
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
  EXPECT_EQ(result.prompt_tokens + static_cast<int>(result.first().token_ids.size()), 4096);
  EXPECT_EQ(result.first().finish_reason, FinishReason::kLength);
}

TEST(Qwen3VlGeneratorTest, SeveralChoicesComeFromOnePrompt) {
  const auto generator = TinyGenerator();
  GenerateInput input = Ask("hello", 20);
  input.sampling.temperature = 1.5f;
  input.sampling.seed = 7;
  ASSERT_OK_AND_ASSIGN(const GenerateResult one, generator->Generate(input, {}, nullptr));
  input.n = 4;
  std::vector<std::string> streamed(4);
  ASSERT_OK_AND_ASSIGN(const GenerateResult four,
                       generator->Generate(input, {}, [&](const TextPiece& piece) {
                         streamed[piece.choice].append(piece.text.data(), piece.text.size());
                         return true;
                       }));
  ASSERT_EQ(four.choices.size(), 4u);
  EXPECT_EQ(four.first().token_ids, one.first().token_ids);
  EXPECT_EQ(four.prompt_tokens, one.prompt_tokens);
  EXPECT_EQ(four.completion_tokens(), 80);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(streamed[i], four.choices[i].text);
    for (size_t k = 0; k < i; ++k) {
      EXPECT_NE(four.choices[i].token_ids, four.choices[k].token_ids);
    }
  }
  ASSERT_OK_AND_ASSIGN(const GenerateResult again, generator->Generate(input, {}, nullptr));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(again.choices[i].token_ids, four.choices[i].token_ids);
  }
}

TEST(Qwen3VlGeneratorTest, SeveralChoicesShareThePicturesFeatures) {
  const auto checkpoint = TinyCheckpoint(kModel);
  Qwen3VlGenerator generator(checkpoint);
  const Prompt prompt = testing::FilePrompt(kModel, "image");
  GenerateInput input = Greedy(8);
  input.n = 3;
  std::vector<SequenceInput> prepared;
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, generator.Continue(
                                                        [&] {
                                                          auto made = checkpoint->Prepare(prompt);
                                                          prepared.push_back(*made);
                                                          return made;
                                                        },
                                                        input, {}, nullptr));
  ASSERT_EQ(prepared.size(), 2u);
  ASSERT_EQ(prepared[1].visuals.size(), 1u);
  EXPECT_NE(prepared[1].visuals[0].features, nullptr);
  EXPECT_EQ(prepared[1].pixel_bytes(), 0);
  EXPECT_EQ(result.choices[1].token_ids, result.choices[0].token_ids);
  EXPECT_EQ(result.choices[2].token_ids, result.choices[0].token_ids);
}

TEST(Qwen3VlGeneratorTest, AReceiverThatEndsOneChoiceEndsAll) {
  GenerateInput input = Ask("hello", 1000);
  input.n = 3;
  EXPECT_THAT(TinyGenerator()->Generate(input, {},
                                        [&](const TextPiece& piece) { return piece.choice != 1; }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("receiver")));
}

TEST(Qwen3VlGeneratorTest, LogprobsAreOfTheNetworksLogits) {
  GenerateInput input = Ask("hello", 3);
  const auto recorder = std::make_shared<Recorder>();
  input.constraint = recorder;
  input.sampling.logprobs = 3;
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  ASSERT_EQ(result.first().logprobs.size(), 3u);
  for (size_t step = 0; step < 3; ++step) {
    const TokenLogprobs& place = result.first().logprobs[step];
    double sum = 0;
    for (const float logit : recorder->steps[step]) sum += std::exp(static_cast<double>(logit));
    EXPECT_EQ(place.chosen.id, result.first().token_ids[step]);
    EXPECT_NEAR(place.chosen.logprob, recorder->steps[step][place.chosen.id] - std::log(sum), 1e-5);
    ASSERT_EQ(place.top.size(), 3u);
    EXPECT_EQ(place.top[0].id, place.chosen.id);
    EXPECT_GE(place.top[1].logprob, place.top[2].logprob);
  }
}

// A copy of tiny-dense whose template opens a reasoning block.
std::shared_ptr<Checkpoint> ThinkingCheckpoint(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(testing::GoldenPath(kModel))) {
    const std::string name = entry.path().filename().string();
    if (name == "chat_template.json" || entry.is_directory()) continue;
    std::filesystem::create_symlink(entry.path(), folder + "/" + name);
  }
  EXPECT_THAT(WriteFileAtomic(folder + "/chat_template.jinja",
                              "{%- if add_generation_prompt %}"
                              "{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"),
              IsOk());
  auto checkpoint = Checkpoint::Open(folder, {}, {});
  EXPECT_THAT(checkpoint, IsOk());
  return *checkpoint;
}

TEST(Qwen3VlGeneratorTest, AThinkingCheckpointsReasoningIsApart) {
  ASSERT_OK_AND_ASSIGN(const auto dir, TempDir::Create());
  const auto checkpoint = ThinkingCheckpoint(dir->path());
  Qwen3VlGenerator generator(checkpoint);
  ASSERT_OK_AND_ASSIGN(const Prompt prompt,
                       checkpoint->prompts().Chat(Ask("hello", 1).messages, {}, 1000));
  EXPECT_TRUE(absl::EndsWith(prompt.text, "<|im_start|>assistant\n<think>\n"));
  const ThinkTokens marks = FindThinkTokens(checkpoint->tokenizer());
  EXPECT_EQ(prompt.ids[prompt.ids.size() - 2], marks.open);
  EXPECT_TRUE(generator.thinks());
  EXPECT_FALSE(TinyGenerator()->thinks());

  // All of it when the mark never comes.
  GenerateInput input = Ask("hello", 20);
  input.sampling.logit_bias = {{marks.close, -100}};
  ASSERT_OK_AND_ASSIGN(const GenerateResult open, generator.Generate(input, {}, nullptr));
  EXPECT_EQ(open.first().text, "");
  EXPECT_EQ(open.first().reasoning,
            checkpoint->tokenizer().Decode(open.first().token_ids, /*skip_special=*/true));

  // Up to the mark, which a constraint brings about when room gets short.
  class Fixed : public OnlyToken {
   public:
    using OnlyToken::OnlyToken;
    int64_t MinTokens() const override { return 4; }
  };
  input.constraint = std::make_shared<Fixed>(65);
  std::string reasoning, text;
  ASSERT_OK_AND_ASSIGN(
      const GenerateResult both, generator.Generate(input, {}, [&](const TextPiece& piece) {
        (piece.reasoning ? reasoning : text).append(piece.text.data(), piece.text.size());
        return true;
      }));
  EXPECT_EQ(both.first().token_ids[15], marks.close);
  EXPECT_EQ(both.first().reasoning,
            checkpoint->tokenizer().Decode(std::span(both.first().token_ids).first(15), true));
  EXPECT_EQ(both.first().text, std::string(4, checkpoint->tokenizer().Bytes(65)[0]));
  EXPECT_EQ(reasoning, both.first().reasoning);
  EXPECT_EQ(text, both.first().text);

  input.max_tokens = 4;
  EXPECT_THAT(generator.Generate(input, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_tokens")));

  // The same of a format: free reasoning, then JSON.
  input.constraint = nullptr;
  input.format = JsonSchemaFormat{R"({"enum":["yes","no"]})"};
  input.max_tokens = 12;
  input.sampling.ignore_eos = false;
  ASSERT_OK_AND_ASSIGN(const GenerateResult json_text, generator.Generate(input, {}, nullptr));
  EXPECT_NE(json_text.first().reasoning, "");
  EXPECT_THAT(json_text.first().text, ::testing::AnyOf("\"yes\"", "\"no\""));
}

TEST(Qwen3VlGeneratorTest, WritesJsonOfASchemaHoweverFewTokensThereAre) {
  const auto generator = TinyGenerator();
  GenerateInput input = Ask("hello", 0);
  input.sampling.ignore_eos = false;
  input.sampling.temperature = 1;
  input.sampling.seed = 3;
  input.format = JsonSchemaFormat{R"({"type":"object","properties":{"name":{"type":"string"},
      "tags":{"type":"array","items":{"type":"integer"}}},"required":["name","tags"]})"};
  const std::string shortest = R"({"name":"","tags":[]})";
  for (input.max_tokens = static_cast<int>(shortest.size()); input.max_tokens < 60;
       input.max_tokens += 6) {
    for (input.n = 1; input.n < 4; ++input.n) {
      ASSERT_OK_AND_ASSIGN(const GenerateResult result, generator->Generate(input, {}, nullptr));
      for (const GenerateChoice& choice : result.choices) {
        const json made = json::parse(choice.text, nullptr, /*allow_exceptions=*/false);
        EXPECT_TRUE(made.is_object() && made["name"].is_string() && made["tags"].is_array())
            << choice.text;
      }
    }
  }
  input.n = 1;
  input.max_tokens = static_cast<int>(shortest.size()) - 1;
  EXPECT_THAT(generator->Generate(input, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_tokens")));
}

TEST(Qwen3VlGeneratorTest, WritesWhatAnExpressionMatches) {
  GenerateInput input = Ask("hello", 40);
  input.sampling.ignore_eos = false;
  input.format = RegexFormat{"(yes|no), [a-z]{3,8}\\."};
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, TinyGenerator()->Generate(input, {}, nullptr));
  EXPECT_TRUE(std::regex_match(result.first().text, std::regex("(yes|no), [a-z]{3,8}\\.")))
      << result.first().text;
  EXPECT_EQ(result.first().finish_reason, FinishReason::kStop);
  input.stop = {"x"};
  EXPECT_THAT(TinyGenerator()->Generate(input, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("stop")));
  input.stop.clear();
  input.format = RegexFormat{"(?=x)"};
  EXPECT_THAT(TinyGenerator()->Generate(input, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("look-around")));
}

TEST(Qwen3VlGeneratorTest, WritesNoNumberInBracketsOutsideTheRange) {
  const auto checkpoint = TinyCheckpoint(kModel, "float32");
  Qwen3VlGenerator writer(checkpoint);
  Qwen3VlGenerator* const generator = &writer;
  GenerateInput input = Ask("hello", 60);
  input.sampling.temperature = 1;
  // Nothing but brackets, digits and an end now and then.
  for (const char* text : {"[", "]", "0", "1", "2", "7"}) {
    input.sampling.logit_bias.emplace_back(*checkpoint->tokenizer().Find(text), 100.0f);
  }
  const std::regex foreign("\\[[0-9]+\\]");
  size_t markers = 0;
  size_t out_of_range = 0;
  for (const bool marked : {true, false}) {
    input.format = marked ? TextFormat(MarkedTextFormat{2}) : TextFormat();
    for (int seed = 0; seed < 10; ++seed) {
      input.sampling.seed = seed;
      ASSERT_OK_AND_ASSIGN(const GenerateResult result, generator->Generate(input, {}, nullptr));
      const std::string& text = result.first().text;
      for (std::sregex_iterator at(text.begin(), text.end(), foreign), end; at != end; ++at) {
        const bool legal = at->str() == "[1]" || at->str() == "[2]";
        EXPECT_TRUE(legal || !marked) << text;
        markers += marked;
        out_of_range += !legal;
      }
    }
  }
  EXPECT_GT(markers, 10u);
  EXPECT_GT(out_of_range, 0u);  // without the format the same weights write them
  input.format = MarkedTextFormat{2};
  input.stop = {"]"};
  ASSERT_OK_AND_ASSIGN(const GenerateResult stopped, generator->Generate(input, {}, nullptr));
  EXPECT_EQ(stopped.first().text.find(']'), std::string::npos);
}

TEST(Qwen3VlGeneratorTest, WritesTheReplyThatIsLikelyEnough) {
  const auto generator = TinyGenerator();
  GenerateInput input = Ask("hello", 60);
  const std::string reply = "The answer is not in this corpus.";
  input.format = MarkedTextFormat{.markers = 2, .reply = reply};
  ASSERT_OK_AND_ASSIGN(const GenerateResult free, generator->Generate(input, {}, nullptr));
  EXPECT_THAT(free.first().text, Not(HasSubstr(reply)));
  input.format = MarkedTextFormat{.markers = 2, .reply = reply, .reply_above = 1e-300};
  input.n = 2;
  ASSERT_OK_AND_ASSIGN(const GenerateResult taken, generator->Generate(input, {}, nullptr));
  for (const GenerateChoice& choice : taken.choices) {
    EXPECT_EQ(choice.text, reply);
    EXPECT_EQ(choice.finish_reason, FinishReason::kStop);
  }
  input.format = MarkedTextFormat{.markers = 2, .reply = reply, .reply_above = 1.5};
  EXPECT_THAT(generator->Generate(input, {}, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("reply_above is 1.5")));
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
