#include "services/query/leaving_tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sightline::query {
namespace {

class LeavingTokensTest : public ::testing::Test {
 protected:
  // A piece of one token.
  void Write(const std::string& text) {
    model::TokenLogprobs token;
    token.chosen.bytes = text;
    token.begin = written_;
    token.end = written_ += text.size();
    model::TextPiece piece = {.text = text};
    piece.logprobs = std::span(&token, 1);
    tokens_.Push(piece);
  }
  std::string Taken(bool whole = false) {
    std::string out;
    for (const v1::TokenLogprobs& token : tokens_.Take(whole)) out += token.chosen().bytes() + "|";
    return out;
  }

  size_t written_ = 0;
  LeavingTokens tokens_;
};

TEST_F(LeavingTokensTest, ATokenGoesWhenAllOfItsTextHasLeft) {
  Write("one");
  Write(" two");
  EXPECT_EQ(Taken(), "");
  tokens_.Leave("one t");
  EXPECT_EQ(Taken(), "one|");
  tokens_.Leave("wo");
  EXPECT_EQ(Taken(), " two|");
}

TEST_F(LeavingTokensTest, NothingGoesFromWhereTheTextIsNotWhatWasWritten) {
  Write("ask ");
  Write("ann");
  Write(" now");
  tokens_.Leave("ask [name] now");
  EXPECT_EQ(Taken(), "ask |");
  Write("ask ");
  tokens_.Leave("ask ");
  EXPECT_EQ(Taken(/*whole=*/true), "");
}

TEST_F(LeavingTokensTest, OfATextThatEndsEarlyACutTokenTellsNothingUnlessAllThatWasWrittenLeft) {
  Write("one two");
  tokens_.Leave("one");
  EXPECT_EQ(Taken(/*whole=*/true), "");
}

TEST_F(LeavingTokensTest, TokensWithoutTextStayAway) {
  model::TokenLogprobs end;
  end.chosen.bytes = "<|im_end|>";
  model::TextPiece piece = {.text = "a"};
  piece.logprobs = std::span(&end, 1);
  tokens_.Push(piece);
  tokens_.Leave("a");
  EXPECT_EQ(Taken(/*whole=*/true), "");
}

}  // namespace
}  // namespace sightline::query
