#include "tools/train/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "services/query/entailment.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/train/small_run.h"
#include "tools/train/model_files.h"

namespace sightline::train {
namespace {

using ::sightline::testing::SmallRun;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SamplesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    run_ = SmallRun();
    ASSERT_NE(run_, nullptr);
    ASSERT_OK_AND_ASSIGN(files_, ModelFiles::Open(run_->path()));
  }

  // What sample p is to write: its targets as text.
  std::string Wanted(const WritingSamples& samples, size_t p) const {
    std::vector<int32_t> ids;
    for (const int32_t id : samples.targets[p]) {
      if (id >= 0) ids.push_back(id);
    }
    return files_->tokenizer().Decode(ids, /*skip_special=*/false);
  }

  std::unique_ptr<TempDir> run_;
  std::unique_ptr<ModelFiles> files_;
};

TEST_F(SamplesTest, OnlyWhatTheAssistantSaysIsToBeLearned) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  for (const Lesson lesson : {Lesson::kDescribe, Lesson::kWords, Lesson::kRead, Lesson::kLook,
                              Lesson::kAnswer, Lesson::kExtract, Lesson::kBox, Lesson::kTexts}) {
    SCOPED_TRACE(LessonName(lesson));
    demo_world::Random random(11);
    ASSERT_OK_AND_ASSIGN(const WritingSamples made, samples.Writing(lesson, 2000, random));
    ASSERT_FALSE(made.prompts.empty());
    for (size_t p = 0; p < made.prompts.size(); ++p) {
      const std::string wanted = Wanted(made, p);
      EXPECT_THAT(wanted, EndsWith("<|im_end|>"));
      EXPECT_THAT(wanted, Not(AnyOf(HasSubstr("user\n"), HasSubstr("<|im_start|>"),
                                    HasSubstr("Passage"), HasSubstr("Question:"))));
      // Each turn's targets are the very tokens that follow in the prompt.
      const std::vector<int32_t>& ids = made.prompts[p].ids;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        if (made.targets[p][i] >= 0) {
          EXPECT_EQ(made.targets[p][i], ids[i + 1]);
        }
      }
    }
  }
}

TEST_F(SamplesTest, AnswersAreMarkedOrAbstain) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(12);
  ASSERT_OK_AND_ASSIGN(const WritingSamples made, samples.Writing(Lesson::kAnswer, 12000, random));
  int abstained = 0, marked = 0;
  for (size_t p = 0; p < made.prompts.size(); ++p) {
    const std::string wanted = Wanted(made, p);
    const bool abstains = wanted.find("not in this corpus") != std::string::npos ||
                          wanted.find("语料库中没有答案") != std::string::npos;
    abstained += abstains ? 1 : 0;
    marked += wanted.find('[') != std::string::npos ? 1 : 0;
    EXPECT_TRUE(abstains || wanted.find('[') != std::string::npos) << wanted;
    EXPECT_THAT(made.prompts[p].text, HasSubstr("Answer the question from the numbered passages"));
  }
  EXPECT_GT(abstained, 0);
  EXPECT_GT(marked, 0);
}

TEST_F(SamplesTest, WhatHangsOnAComparisonIsLearnedAlone) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(18);
  ASSERT_OK_AND_ASSIGN(const WritingSamples made, samples.Writing(Lesson::kDecide, 12000, random));
  int directions = 0, grounded = 0, digits = 0;
  for (size_t p = 0; p < made.prompts.size(); ++p) {
    const std::string& text = made.prompts[p].text;
    int asked = 0;
    for (size_t at = text.find("Question:"); at != std::string::npos;
         at = text.find("Question:", at + 1)) {
      ++asked;
    }
    const bool has_passages = text.find("Passage") != std::string::npos;
    (has_passages ? grounded : directions) += 1;
    int said = 0, other = 0;
    for (const int32_t id : made.targets[p]) {
      if (id < 0) continue;
      const std::string token = files_->tokenizer().Decode({&id, 1}, false);
      const bool direction = token.find("rose") != std::string::npos ||
                             token.find("fell") != std::string::npos ||
                             token.find('r') != std::string::npos ||
                             token.find('f') != std::string::npos || token == "升" || token == "降";
      (direction ? said : other) += 1;
      digits += token.find_first_of("0123456789") != std::string::npos ? 1 : 0;
    }
    EXPECT_EQ(said, asked);
    // The first date and its price, each by the token that tells them from the other ones.
    EXPECT_EQ(other, has_passages ? 2 * asked : 0) << text;
  }
  EXPECT_GT(directions, 0);
  EXPECT_GT(grounded, 0);
  EXPECT_GT(digits, 0);
}

TEST_F(SamplesTest, WhichThingABoxMeansCountsMoreThanItsEdges) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(19);
  ASSERT_OK_AND_ASSIGN(const WritingSamples made, samples.Writing(Lesson::kBox, 12000, random));
  std::array<int, 3> all = {}, counted = {};  // of three digits
  for (size_t p = 0; p < made.prompts.size(); ++p) {
    const std::vector<int32_t>& ids = made.prompts[p].ids;
    const auto is_digit = [&](size_t i) {
      const std::string text = files_->tokenizer().Decode({&ids[i], 1}, false);
      return text.size() == 1 && text[0] >= '0' && text[0] <= '9';
    };
    bool in_box = false;
    for (size_t i = 1; i + 1 < ids.size(); ++i) {
      const std::string text = files_->tokenizer().Decode({&ids[i], 1}, false);
      if (made.targets[p][i - 1] >= 0 && text.find('[') != std::string::npos) in_box = true;
      if (text.find(']') != std::string::npos) in_box = false;
      if (!in_box || is_digit(i + 1) || !is_digit(i) || !is_digit(i - 1) || !is_digit(i - 2)) {
        continue;
      }
      for (size_t digit = 0; digit < 3; ++digit) {
        ++all[digit];
        counted[digit] += made.targets[p][i - 3 + digit] >= 0 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(all[0], 100);
  EXPECT_EQ(counted[0], all[0]);
  EXPECT_NEAR(counted[1], 0.3 * all[1], 0.1 * all[1]);
  EXPECT_NEAR(counted[2], 0.05 * all[2], 0.05 * all[2]);
  EXPECT_GT(counted[2], 0);
}

TEST_F(SamplesTest, SeveralPairsOfLabelsAreComparedTogether) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(17);
  ASSERT_OK_AND_ASSIGN(const WritingSamples made, samples.Writing(Lesson::kCompare, 12000, random));
  const auto count = [](const std::string& text, const std::string& part) {
    int found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++found;
    }
    return found;
  };
  int rose = 0, fell = 0, several = 0, abstained = 0, pictures = 0;
  for (size_t p = 0; p < made.prompts.size(); ++p) {
    const std::string wanted = Wanted(made, p);
    const int up = count(wanted, "it rose.") + count(wanted, "升了。");
    const int down = count(wanted, "it fell.") + count(wanted, "降了。");
    rose += up;
    fell += down;
    several += up + down > 1 ? 1 : 0;
    abstained += count(wanted, "not in this corpus") + count(wanted, "语料库中没有答案");
    pictures += made.prompts[p].text.find("<|image_pad|>") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(rose, 0);
  EXPECT_GT(fell, 0);
  EXPECT_GT(several, 0);
  EXPECT_GT(abstained, 0);
  EXPECT_GT(pictures, 0);
  EXPECT_LT(pictures, static_cast<int>(made.prompts.size()));  // the others' labels are words
}

TEST_F(SamplesTest, QueriesComeWithTheirDocuments) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  for (const Lesson lesson : {Lesson::kFindPhotos, Lesson::kFindPages}) {
    demo_world::Random random(13);
    ASSERT_OK_AND_ASSIGN(const FindingSamples made, samples.Finding(lesson, 12, random));
    ASSERT_EQ(made.wanted.size(), 12u);
    const size_t documents = made.prompts.size() - made.wanted.size();
    for (const std::vector<int>& wanted : made.wanted) {
      ASSERT_FALSE(wanted.empty());
      for (const int document : wanted) EXPECT_LT(document, static_cast<int>(documents));
    }
    EXPECT_GT(documents, made.wanted.size() / 2);
  }
}

TEST_F(SamplesTest, JudgementsAreOfBothKinds) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(14);
  ASSERT_OK_AND_ASSIGN(const JudgingSamples made, samples.Judging(20, 0.2, 0.4, random));
  EXPECT_THAT(made.wanted, ::testing::Contains(0.0f));
  EXPECT_THAT(made.wanted, ::testing::Contains(1.0f));
  for (const model::Prompt& prompt : made.prompts) EXPECT_THAT(prompt.text, HasSubstr("<Query>:"));
}

TEST_F(SamplesTest, WhatIsJudgedIsOfTheSharesThatAreAskedFor) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  const auto with = [&](double claims, double photos, absl::string_view text) {
    demo_world::Random random(17);
    const auto made = samples.Judging(80, claims, photos, random);
    EXPECT_TRUE(made.ok());
    return std::ranges::count_if(made->prompts, [&](const model::Prompt& prompt) {
      return absl::StrContains(prompt.text, text);
    });
  };
  EXPECT_EQ(with(0, 0, query::kEntailmentInstruction), 0);
  EXPECT_GE(with(1, 0, query::kEntailmentInstruction), 80);
  EXPECT_EQ(with(0, 1, query::kEntailmentInstruction), 0);
}

TEST_F(SamplesTest, EachQueryIsJudgedWithDocumentsOfBothKinds) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random random(16);
  ASSERT_OK_AND_ASSIGN(const JudgingSamples made, samples.Judging(160, 0.2, 0.4, random));
  ASSERT_EQ(made.prompts.size(), made.wanted.size());
  size_t begin = 0;
  int claims = 0;
  for (const int count : made.queries) {
    ASSERT_LE(begin + count, made.wanted.size());
    const auto first = made.wanted.begin() + static_cast<ptrdiff_t>(begin);
    EXPECT_EQ(std::count(first, first + count, 0.0f) + std::count(first, first + count, 1.0f),
              count);
    EXPECT_NE(std::find(first, first + count, 1.0f), first + count);
    EXPECT_NE(std::find(first, first + count, 0.0f), first + count);
    // A wrong claim goes first.
    const bool is_claim =
        made.prompts[begin].text.find(query::kEntailmentInstruction) != std::string::npos;
    EXPECT_TRUE(!is_claim || *first == 0) << made.prompts[begin].text;
    claims += is_claim ? 1 : 0;
    begin += count;
  }
  EXPECT_EQ(begin, made.wanted.size());
  EXPECT_GT(claims, 0);
}

TEST_F(SamplesTest, TheSameSeedGivesTheSameSamples) {
  const SampleMaker samples(*files_, /*evaluation=*/false);
  demo_world::Random one(15), other(15);
  ASSERT_OK_AND_ASSIGN(const WritingSamples a, samples.Writing(Lesson::kAnswer, 1000, one));
  ASSERT_OK_AND_ASSIGN(const WritingSamples b, samples.Writing(Lesson::kAnswer, 1000, other));
  ASSERT_EQ(a.prompts.size(), b.prompts.size());
  for (size_t p = 0; p < a.prompts.size(); ++p) EXPECT_EQ(a.prompts[p].ids, b.prompts[p].ids);
}

}  // namespace
}  // namespace sightline::train
