#include "services/query/prompt.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/support/fake_model.h"
#include "tests/support/status_matchers.h"

namespace sightline::query {
namespace {

using ::sightline::testing::FakeGenerator;
using ::sightline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

Hit Passage(const std::string& text, index::PassageKind kind = index::PassageKind::kText) {
  Hit hit;
  hit.passage.text = text;
  hit.passage.kind = kind;
  hit.passage.source = "/data/report.pdf";
  hit.passage.page = 3;
  if (IsPicture(kind)) hit.passage.blob_hash = "b";
  return hit;
}

std::string TextOf(const model::Message& message) {
  std::string out;
  for (const auto& part : message.parts) {
    out += std::holds_alternative<std::string>(part) ? std::get<std::string>(part) : "<picture>";
  }
  return out;
}

class BuildPromptTest : public ::testing::Test {
 protected:
  absl::StatusOr<Prompt> Build(const std::vector<Hit>& hits, PromptOptions options = {}) {
    QueryContent question;
    question.texts = {"How long is it?"};
    const PassagePicture picture = [](const index::Passage&,
                                      absl::Time) -> absl::StatusOr<ImagePtr> {
      return std::make_shared<Image>(Image{320, 320, 3, {}});  // 100 tokens
    };
    return BuildPrompt(question, hits, options, generator_, picture, limits_);
  }
  FakeGenerator generator_{""};
  edge::CallLimits limits_;
};

TEST_F(BuildPromptTest, NumbersPassagesInTheOrderOfTheHits) {
  ASSERT_OK_AND_ASSIGN(const Prompt prompt, Build({Passage("first"), Passage("second")}));
  EXPECT_EQ(prompt.passages, 2);
  ASSERT_EQ(prompt.messages.size(), 2u);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(TextOf(prompt.messages[1]),
            "Passage 1 (report.pdf, page 3):\nfirst\n\nPassage 2 (report.pdf, page 3):\nsecond\n\n"
            "Question: How long is it?");
}

TEST_F(BuildPromptTest, BracketedNumbersOfDocumentsCannotPassForMarkers) {
  ASSERT_OK_AND_ASSIGN(const Prompt prompt, Build({Passage("see [2] and 【3, 4】")}));
  EXPECT_THAT(TextOf(prompt.messages[1]), HasSubstr("see (2) and (3, 4)"));
}

TEST_F(BuildPromptTest, PicturesOfPicturePassagesAreShown) {
  ASSERT_OK_AND_ASSIGN(const Prompt prompt,
                       Build({Passage("a photo", index::PassageKind::kImage), Passage("words")}));
  EXPECT_THAT(TextOf(prompt.messages[1]), HasSubstr(":\n<picture>a photo\n\nPassage 2"));
}

TEST_F(BuildPromptTest, StopsBeforeThePassageThatPassesTheBudget) {
  const std::string text(400, 'x');  // 100 tokens and the head's
  ASSERT_OK_AND_ASSIGN(const Prompt prompt,
                       Build({Passage(text), Passage(text), Passage("y")}, {.token_budget = 150}));
  EXPECT_EQ(prompt.passages, 1);
  EXPECT_THAT(TextOf(prompt.messages[1]), Not(HasSubstr("Passage 2")));
}

TEST_F(BuildPromptTest, CutsTheFirstPassageWhenItAloneIsTooLong) {
  ASSERT_OK_AND_ASSIGN(const Prompt prompt,
                       Build({Passage(std::string(4000, 'x'))}, {.token_budget = 100}));
  EXPECT_EQ(prompt.passages, 1);
  const std::string text = TextOf(prompt.messages[1]);
  EXPECT_LT(text.size(), 500u);
  EXPECT_THAT(text, HasSubstr("xxxx"));
}

TEST_F(BuildPromptTest, LeavesOutPicturesThatPassTheBudget) {
  ASSERT_OK_AND_ASSIGN(const Prompt prompt,
                       Build({Passage("", index::PassageKind::kImage)}, {.token_budget = 50}));
  EXPECT_THAT(TextOf(prompt.messages[1]), HasSubstr("(a picture that is not shown)"));
}

TEST_F(BuildPromptTest, TheSameHitsGiveTheSameBeginning) {
  ASSERT_OK_AND_ASSIGN(const Prompt one, Build({Passage("first"), Passage("second")}));
  ASSERT_OK_AND_ASSIGN(const Prompt two, Build({Passage("first"), Passage("other")}));
  const std::string common = "Passage 1 (report.pdf, page 3):\nfirst\n\n";
  EXPECT_TRUE(absl::StartsWith(TextOf(one.messages[1]), common));
  EXPECT_TRUE(absl::StartsWith(TextOf(two.messages[1]), common));
}

TEST_F(BuildPromptTest, StopsWhenNobodyWaits) {
  limits_.deadline = absl::InfinitePast();
  EXPECT_THAT(Build({Passage("x")}), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST(AbstentionTest, SpeaksTheLanguageOfTheQuestionAndIsRecognised) {
  EXPECT_EQ(AbstentionFor("How long?"), "The answer is not in this corpus.");
  EXPECT_EQ(AbstentionFor("有多长？"), "语料库中没有答案。");
  EXPECT_TRUE(IsAbstention(" The answer is not in this corpus. [1]\n"));
  EXPECT_TRUE(IsAbstention("语料库中没有答案。"));
  EXPECT_FALSE(IsAbstention("The answer is not in this corpus. But it is 5 [1]."));
}

}  // namespace
}  // namespace sightline::query
