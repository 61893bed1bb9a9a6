#include "model/text_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace sightline::model {
namespace {

using ::sightline::testing::GoldenPath;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAre;

const Tokenizer& Tiny() {
  static const auto* tokenizer =
      new std::unique_ptr<Tokenizer>(*Tokenizer::Open(GoldenPath("tiny-dense")));
  return **tokenizer;
}

int32_t Id(const std::string& token) { return *Tiny().Find(token); }

// Ids of `text`, the added tokens' spellings among them.
std::vector<int32_t> Ids(const std::string& text) { return *Tiny().Encode(text); }

// Feeds a writer logits that favour one token after the other.
class Script {
 public:
  explicit Script(WriterOptions options) : options_(std::move(options)) {
    options_.sampling.temperature = 0;
    options_.think = FindThinkTokens(Tiny());
    if (options_.max_tokens == 1) options_.max_tokens = 1000;
  }

  // Writes `ids` as far as the writer lets them come.
  GenerateChoice Run(const std::vector<int32_t>& ids) {
    TextWriter writer(Tiny(), options_, {}, [this](const TextPiece& piece) {
      (piece.reasoning ? reasoning : text).append(piece.text.data(), piece.text.size());
      for (const TokenLogprobs& token : piece.logprobs) {
        if (token.begin == token.end) continue;
        EXPECT_GE(token.begin, text.size() - piece.text.size());
        EXPECT_LT(token.begin, text.size());
        tokens += token.chosen.bytes;
      }
      return true;
    });
    for (const int32_t id : ids) {
      std::vector<float> logits(Tiny().size());
      logits[id] = 5;
      const auto next = writer.Next(std::span<float>(logits));
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok() || !next->has_value()) {
        finished = true;
        break;
      }
    }
    GenerateChoice choice = writer.Take();
    if (finished) {
      EXPECT_EQ(choice.text, text);
      EXPECT_EQ(choice.reasoning, reasoning);
    }
    return choice;
  }

  std::string text, reasoning;  // as streamed
  std::string tokens;           // bytes of those that came with the text
  bool finished = false;

 private:
  WriterOptions options_;
};

std::vector<int32_t> operator+(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

WriterOptions EndingAt(int32_t end) {
  WriterOptions options;
  options.end_tokens = {end};
  return options;
}

TEST(TextWriterTest, EndTokensEndTheTextAndAreNoPartOfIt) {
  Script script(EndingAt(Id("<|im_end|>")));
  const GenerateChoice choice = script.Run(Ids("hello<|im_end|>more"));
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(choice.text, "hello");
  EXPECT_EQ(choice.token_ids, Ids("hello<|im_end|>"));
  EXPECT_EQ(choice.finish_reason, FinishReason::kStop);
}

TEST(TextWriterTest, StopTokensEndTheTextAlsoWhereEndTokensDoNot) {
  WriterOptions options;
  options.stop_tokens = Ids("x");
  Script script(options);
  const GenerateChoice choice = script.Run(Ids("hello<|im_end|>") + Ids("x") + Ids("more"));
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(choice.text, "hello");
  EXPECT_EQ(choice.finish_reason, FinishReason::kStop);
}

TEST(TextWriterTest, TheLengthEndsTheText) {
  WriterOptions options;
  options.max_tokens = 2;
  Script script(options);
  const GenerateChoice choice = script.Run({Id("a"), Id("b"), Id("c")});
  EXPECT_EQ(choice.text, "ab");
  EXPECT_EQ(choice.finish_reason, FinishReason::kLength);
}

TEST(TextWriterTest, SplitsReasoningFromTheAnswer) {
  WriterOptions options = EndingAt(Id("<|im_end|>"));
  options.starts_thinking = true;
  Script script(options);
  const GenerateChoice choice = script.Run(Ids("is it 4?\n</think>\n\n4\n<|im_end|>"));
  EXPECT_EQ(choice.reasoning, "is it 4?\n");
  EXPECT_EQ(choice.text, "4\n");
  EXPECT_EQ(choice.token_ids, Ids("is it 4?\n</think>\n\n4\n<|im_end|>"));
}

TEST(TextWriterTest, ABlockTheModelOpensItselfIsReasoningToo) {
  Script script(EndingAt(Id("<|im_end|>")));
  const GenerateChoice choice = script.Run(Ids("<think>\nhm</think>\n\nyes<|im_end|>"));
  EXPECT_EQ(choice.reasoning, "hm");
  EXPECT_EQ(choice.text, "yes");
}

TEST(TextWriterTest, AMarkInsideTheAnswerIsText) {
  Script script(EndingAt(Id("<|im_end|>")));
  const GenerateChoice choice = script.Run(Ids("a<think>b</think>c<|im_end|>"));
  EXPECT_EQ(choice.reasoning, "");
  EXPECT_EQ(choice.text, "a<think>b</think>c");
}

TEST(TextWriterTest, ReasoningThatNeverEndsLeavesNoAnswer) {
  WriterOptions options;
  options.starts_thinking = true;
  options.max_tokens = 3;
  Script script(options);
  const GenerateChoice choice = script.Run({Id("a"), Id("b"), Id("c"), Id("d")});
  EXPECT_EQ(choice.reasoning, "abc");
  EXPECT_EQ(choice.text, "");
  EXPECT_EQ(choice.finish_reason, FinishReason::kLength);
}

TEST(TextWriterTest, StopStringsAreOfTheAnswer) {
  WriterOptions options;
  options.starts_thinking = true;
  options.stop = {"b"};
  Script script(options);
  const GenerateChoice choice = script.Run(Ids("abc</think>abc"));
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(choice.reasoning, "abc");
  EXPECT_EQ(choice.text, "a");
}

TEST(TextWriterTest, KnowsAPromptThatEndsInsideAnOpenMark) {
  const ThinkTokens marks = FindThinkTokens(Tiny());
  EXPECT_TRUE(EndsThinking(Ids("assistant\n<think>\n"), marks));
  EXPECT_FALSE(EndsThinking(Ids("<think>\n</think>\n\nassistant\n"), marks));
  EXPECT_FALSE(EndsThinking(Ids("<think></think>"), marks));
  EXPECT_FALSE(EndsThinking({}, marks));
  EXPECT_FALSE(EndsThinking(Ids("<think>\n"), ThinkTokens()));
}

TEST(TextWriterTest, TellsEachTokensBytesAndLogprob) {
  WriterOptions options;
  options.sampling.logprobs = 2;
  options.max_tokens = 2;
  Script script(options);
  const GenerateChoice choice = script.Run({Id("a"), Id("b")});
  ASSERT_EQ(choice.logprobs.size(), 2u);
  EXPECT_EQ(choice.logprobs[1].chosen.id, Id("b"));
  EXPECT_EQ(choice.logprobs[1].chosen.bytes, "b");
  // e^5 against as many ones as there are other tokens.
  const double share = std::exp(5.0) / (std::exp(5.0) + Tiny().size() - 1);
  EXPECT_NEAR(choice.logprobs[1].chosen.logprob, std::log(share), 1e-5);
  ASSERT_EQ(choice.logprobs[1].top.size(), 2u);
  EXPECT_EQ(choice.logprobs[1].top[0].id, Id("b"));
}

TEST(TextWriterTest, TokensComeWithThePieceThatTheyBeginIn) {
  WriterOptions options = EndingAt(Id("<|im_end|>"));
  options.sampling.logprobs = 0;
  options.starts_thinking = true;
  // Held back and then given after all; the character of two tokens or more too.
  options.stop = {"abcd"};
  Script script(options);
  const GenerateChoice choice = script.Run(Ids("hm</think>\n\nabc\U0001F6A2 ab<|im_end|>"));
  EXPECT_EQ(choice.text, "abc\U0001F6A2 ab");
  EXPECT_EQ(script.tokens, choice.text);
  EXPECT_EQ(choice.logprobs.size(), choice.token_ids.size());
}

TEST(TextWriterTest, TokensOfAStopTextStayAway) {
  WriterOptions options;
  options.sampling.logprobs = 0;
  options.stop = {"bc"};
  Script script(options);
  EXPECT_EQ(script.Run({Id("a"), Id("b"), Id("c")}).text, "a");
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(script.tokens, "a");
}

// Allows one token after the other.
class Sequence : public TokenConstraint {
 public:
  explicit Sequence(std::vector<int32_t> ids) : ids_(std::move(ids)) {}
  int64_t MinTokens() const override { return static_cast<int64_t>(ids_.size()); }
  void Apply(std::span<const int32_t> generated, int64_t left, std::span<float> logits) override {
    left_at_start.push_back(left);
    for (size_t i = 0; i < logits.size(); ++i) {
      if (static_cast<int32_t>(i) != ids_[generated.size()]) {
        logits[i] = -std::numeric_limits<float>::infinity();
      }
    }
  }
  bool Complete(std::span<const int32_t> generated) override {
    return generated.size() == ids_.size();
  }
  std::vector<int64_t> left_at_start;

 private:
  const std::vector<int32_t> ids_;
};

TEST(TextWriterTest, AConstraintThatIsCompleteEndsTheText) {
  WriterOptions options = EndingAt(Id("<|im_end|>"));
  const auto constraint = std::make_shared<Sequence>(std::vector{Id("a"), Id("b")});
  options.constraint = constraint;
  Script script(options);
  const GenerateChoice choice = script.Run(Ids("wrong words"));
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(choice.text, "ab");
  EXPECT_EQ(choice.finish_reason, FinishReason::kStop);
  EXPECT_THAT(constraint->left_at_start, ElementsAre(1000, 999));
}

TEST(TextWriterTest, ReasoningIsFreeAndLeavesRoomForTheConstrainedAnswer) {
  WriterOptions options = EndingAt(Id("<|im_end|>"));
  options.starts_thinking = true;
  options.max_tokens = 5;
  const auto constraint = std::make_shared<Sequence>(std::vector{Id("a"), Id("b")});
  options.constraint = constraint;
  Script script(options);
  // An end token may not end the reasoning, and of five tokens three are spoken for.
  const std::vector<int32_t> wish = {Id("h"), Id("<|im_end|>"), Id("h"), Id("h"), Id("h")};
  const GenerateChoice choice = script.Run(wish);
  EXPECT_TRUE(script.finished);
  EXPECT_EQ(choice.token_ids.size(), 5u);
  EXPECT_EQ(choice.token_ids[2], Id("</think>"));
  EXPECT_NE(choice.token_ids[1], Id("<|im_end|>"));
  EXPECT_EQ(choice.text, "ab");
  EXPECT_THAT(constraint->left_at_start, ElementsAre(2, 1));
}

TEST(TextWriterTest, AConstrainedAnswerKeepsItsNewlines) {
  WriterOptions options;
  options.starts_thinking = true;
  options.constraint = std::make_shared<Sequence>(std::vector{Id("\n"), Id("b")});
  Script script(options);
  EXPECT_EQ(script.Run(Ids("</think>") + Ids("xxx")).text, "\nb");
}

TEST(TextWriterTest, TheReceiverEndsTheText) {
  WriterOptions options;
  options.max_tokens = 10;
  options.sampling.temperature = 0;
  TextWriter writer(Tiny(), options, {}, [](const TextPiece&) { return false; });
  std::vector<float> logits(Tiny().size());
  logits[Id("a")] = 5;
  EXPECT_THAT(writer.Next(std::span<float>(logits)), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace sightline::model
