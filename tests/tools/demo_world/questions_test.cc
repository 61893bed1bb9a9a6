#include "tools/demo_world/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sightline::demo_world {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr WorldSize kSmall = {.items = 40, .pages = 12, .texts = 30};
constexpr uint64_t kSeeds[] = {1, 2, 3, kFirstEvaluationSeed, kFirstEvaluationSeed + 1};
constexpr Task kAllTasks[] = {Task::kPhotoToItem, Task::kTextToPhoto, Task::kComposed,
                              Task::kTextToPage,  Task::kTextToText,  Task::kPageAnswer,
                              Task::kTableAnswer, Task::kTextAnswer,  Task::kTwoPassages,
                              Task::kComparison,  Task::kAbstain,     Task::kExtraction,
                              Task::kBox};
constexpr Task kAnswered[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTextAnswer,
                              Task::kTwoPassages, Task::kComparison};

// `count` questions of a task from each of a few worlds.
template <typename Check>
void ForQuestions(Task task, int count, const Check& check) {
  int asked = 0;
  for (const uint64_t seed : kSeeds) {
    const World world = World::Make(seed, kSmall);
    Random random(seed);
    for (int i = 0; i < count; ++i) {
      const std::optional<Question> question = Ask(world, task, random);
      if (!question.has_value()) continue;
      ++asked;
      SCOPED_TRACE(question->text);
      check(world, *question);
    }
  }
  EXPECT_GT(asked, count * 3) << "task " << static_cast<int>(task);
}

TEST(QuestionsTest, TheSameSeedAsksTheSame) {
  const World world = World::Make(1, kSmall);
  for (const Task task : kAllTasks) {
    Random a(5), b(5);
    const auto first = Ask(world, task, a), second = Ask(world, task, b);
    ASSERT_EQ(first.has_value(), second.has_value());
    if (!first.has_value()) continue;
    EXPECT_EQ(first->text, second->text);
    EXPECT_EQ(first->json, second->json);
    EXPECT_EQ(first->near, second->near);
    ASSERT_EQ(first->pictures.size(), second->pictures.size());
    for (size_t i = 0; i < first->pictures.size(); ++i) {
      EXPECT_EQ(first->pictures[i].rgb, second->pictures[i].rgb);
    }
  }
}

TEST(QuestionsTest, AnAnswerSaysWhatItsDocumentsHold) {
  for (const Task task : kAnswered) {
    ForQuestions(task, 20, [](const World& world, const Question& question) {
      ASSERT_THAT(question.answer, Not(IsEmpty()));
      std::set<int> cited;
      for (const AnswerSentence& sentence : question.answer) {
        cited.insert(sentence.documents.begin(), sentence.documents.end());
        const bool conclusion = sentence.text.find_first_of("0123456789") == std::string::npos &&
                                question.answer.size() == 3;
        if (conclusion) continue;  // which of two prices is the higher one
        for (const int document : sentence.documents) {
          EXPECT_TRUE(std::ranges::any_of(world.facts(), [&](const World::Fact& fact) {
            return fact.document == document && absl::StrContains(sentence.text, fact.value) &&
                   absl::StrContains(absl::AsciiStrToLower(sentence.text),
                                     absl::AsciiStrToLower(fact.subject));
          })) << sentence.text;
        }
      }
      EXPECT_EQ(cited, std::set<int>(question.documents.begin(), question.documents.end()));
    });
  }
}

TEST(QuestionsTest, TheDearerOneIsDearer) {
  int seen = 0;
  ForQuestions(Task::kTwoPassages, 40, [&](const World&, const Question& question) {
    if (question.answer.size() != 3 || question.language != Language::kEnglish) return;
    ++seen;
    // "The Lumo mug costs 32.50." twice, then "The Lumo mug costs more."
    std::vector<std::string> names;
    std::vector<double> prices;
    for (int i = 0; i < 2; ++i) {
      const std::string& text = question.answer[i].text;
      const size_t verb = text.find(" costs ");
      names.push_back(text.substr(0, verb));
      prices.push_back(std::strtod(text.c_str() + verb + 7, nullptr));
    }
    const bool less = absl::StrContains(question.text, "less");
    const size_t named = (prices[0] > prices[1]) != less ? 0 : 1;
    EXPECT_EQ(question.answer[2].text, names[named] + (less ? " costs less." : " costs more."));
  });
  EXPECT_GT(seen, 10);
}

TEST(QuestionsTest, NearDocumentsAreNoAnswers) {
  for (const Task task : kAllTasks) {
    if (task == Task::kExtraction || task == Task::kBox) continue;
    ForQuestions(task, 5, [](const World& world, const Question& question) {
      EXPECT_GE(question.near.size(), 3u);
      EXPECT_LE(question.near.size(), 8u);
      EXPECT_EQ(std::set<int>(question.near.begin(), question.near.end()).size(),
                question.near.size());
      for (const int document : question.near) {
        EXPECT_THAT(question.documents, Not(testing::Contains(document)));
        ASSERT_LT(document, static_cast<int>(world.documents().size()));
      }
    });
  }
}

TEST(QuestionsTest, WhatStandsNowhereHasNoAnswer) {
  ForQuestions(Task::kAbstain, 40, [](const World& world, const Question& question) {
    EXPECT_THAT(question.documents, IsEmpty());
    EXPECT_THAT(question.answer, IsEmpty());
    // No question that has an answer reads the same.
    Random random(9);
    for (const Task task : kAnswered) {
      for (int i = 0; i < 10; ++i) {
        const auto other = Ask(world, task, random);
        if (!other.has_value()) continue;
        EXPECT_NE(other->text, question.text);
      }
    }
  });
}

TEST(QuestionsTest, AChangedLookDiffersInWhatIsSaid) {
  ForQuestions(Task::kComposed, 10, [](const World& world, const Question& question) {
    ASSERT_THAT(question.documents, SizeIs(1));
    ASSERT_THAT(question.pictures, SizeIs(1));
    const Look& look = world.catalogue().items[question.documents[0]].look;
    const std::string words[] = {KindWord(look.kind).In(question.language),
                                 ColorWord(look.color).In(question.language),
                                 PatternWord(look.pattern).In(question.language),
                                 MaterialWord(look.material).In(question.language)};
    EXPECT_TRUE(std::ranges::any_of(
        words, [&](const std::string& word) { return absl::StrContains(question.text, word); }));
  });
}

TEST(QuestionsTest, AnInvoiceIsReadIntoItsSchema) {
  const auto schema = nlohmann::json::parse(kInvoiceSchema);
  ForQuestions(Task::kExtraction, 4, [&](const World&, const Question& question) {
    const auto json = nlohmann::ordered_json::parse(question.json);
    EXPECT_EQ(json.dump(), question.json);
    std::vector<std::string> keys, row_keys;
    for (const auto& [key, value] : json.items()) keys.push_back(key);
    EXPECT_THAT(keys, ElementsAre("number", "date", "customer", "items", "total"));
    EXPECT_EQ(schema["required"], nlohmann::json(keys));
    ASSERT_GE(json["items"].size(), 1u);
    for (const auto& [key, value] : json["items"][0].items()) row_keys.push_back(key);
    EXPECT_THAT(row_keys, ElementsAre("item", "quantity", "price"));
    EXPECT_EQ(schema["properties"]["items"]["items"]["required"], nlohmann::json(row_keys));
    EXPECT_TRUE(json["items"][0]["quantity"].is_number_integer());
    EXPECT_THAT(question.pictures, SizeIs(1));
  });
}

TEST(QuestionsTest, BoxesAreAskedForOfOnePicture) {
  const World world = World::Make(5, {.items = 40, .pages = 16, .texts = 16});
  Random random(6);
  int several = 0;
  for (int i = 0; i < 20; ++i) {
    const std::vector<Question> questions = AskBoxes(world, random);
    ASSERT_FALSE(questions.empty());
    several += questions.size() > 1 ? 1 : 0;
    for (const Question& question : questions) {
      EXPECT_EQ(question.task, Task::kBox);
      EXPECT_EQ(question.pictures.front().rgb, questions.front().pictures.front().rgb);
      EXPECT_EQ(question.json, BoxJson(question.box.value()));
    }
  }
  EXPECT_GT(several, 10);
}

TEST(QuestionsTest, AWrongAnswerHasAnothersValue) {
  ForQuestions(Task::kTextAnswer, 8, [](const World&, const Question& question) {
    EXPECT_NE(question.wrong_answer, question.answer.front().text);
  });
}

TEST(QuestionsTest, ABoxLiesInThePicture) {
  ForQuestions(Task::kBox, 8, [](const World&, const Question& question) {
    EXPECT_THAT(question.text, Not(IsEmpty()));
    ASSERT_TRUE(question.box.has_value());
    EXPECT_LT(question.box->x0, question.box->x1);
    EXPECT_LT(question.box->y0, question.box->y1);
    const auto box = nlohmann::json::parse(question.json)["bbox_2d"];
    ASSERT_EQ(box.size(), 4u);
    for (const int side : box) {
      EXPECT_GE(side, 0);
      EXPECT_LE(side, 1000);
    }
  });
  EXPECT_EQ(BoxJson({0.1, 0.25, 0.5006, 1}), "{\"bbox_2d\": [100, 250, 501, 1000]}");
}

TEST(QuestionsTest, SampleTextHoldsBothLanguages) {
  const std::vector<std::string> lines = SampleText(1, 600);
  EXPECT_THAT(lines, SizeIs(600));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("costs")));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("价格")));
  EXPECT_THAT(lines, testing::Contains(testing::HasSubstr("bbox_2d")));
  EXPECT_THAT(lines, testing::Each(Not(IsEmpty())));
}

}  // namespace
}  // namespace sightline::demo_world
