#include "tools/demo_world/conversations.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/demo_world/wording.h"

namespace sightline::demo_world {
namespace {

using Fact = World::Fact;
using Kind = Fact::Kind;

// Questions that leave out what they are about.
struct Elliptic {
  Kind kind;
  std::span<const char* const> english;
  std::span<const char* const> chinese;
};

constexpr const char* kPrice[] = {"And what does it cost?", "How much is it?", "And its price?"};
constexpr const char* kPriceChinese[] = {"它多少钱？", "那价格是多少？", "它的价格呢？"};
constexpr const char* kStock[] = {"How many of them are in stock?", "And how many are left?",
                                  "What is its stock?"};
constexpr const char* kStockChinese[] = {"它还有多少库存？", "那库存呢？", "还剩多少？"};
constexpr const char* kMaker[] = {"And who makes it?", "Who is its maker?", "And the maker?"};
constexpr const char* kMakerChinese[] = {"它是谁制造的？", "那厂家呢？", "它的厂家是谁？"};
constexpr const char* kWarehouse[] = {"Which warehouse does it ship from?",
                                      "And where is it stored?", "And the warehouse?"};
constexpr const char* kWarehouseChinese[] = {"它在哪个仓库？", "那从哪个仓库发货？",
                                             "它存放在哪里？"};
constexpr const char* kCity[] = {"And in which city are they?", "Where is their workshop?"};
constexpr const char* kCityChinese[] = {"它在哪个城市？", "那工坊在哪里？"};
constexpr const char* kFounded[] = {"And when was it founded?", "In which year did they begin?"};
constexpr const char* kFoundedChinese[] = {"它是哪一年成立的？", "那哪一年成立的？"};

constexpr Elliptic kElliptic[] = {
    {Kind::kPrice, kPrice, kPriceChinese},   {Kind::kStock, kStock, kStockChinese},
    {Kind::kMaker, kMaker, kMakerChinese},   {Kind::kWarehouse, kWarehouse, kWarehouseChinese},
    {Kind::kMakerCity, kCity, kCityChinese}, {Kind::kMakerFounded, kFounded, kFoundedChinese},
};

const Elliptic* EllipticOf(Kind kind) {
  const auto* found = std::ranges::find(kElliptic, kind, &Elliptic::kind);
  return found == std::end(kElliptic) ? nullptr : found;
}

Language LanguageOf(const World& world, const Fact& fact) {
  return world.documents()[fact.document].language;
}

// The facts of the same thing that other documents hold, in the language of `first`.
std::vector<const Fact*> Others(const World& world, const Fact& first) {
  std::vector<const Fact*> out;
  for (const Fact& fact : world.facts()) {
    if (fact.subject == first.subject && fact.kind != first.kind &&
        fact.document != first.document && EllipticOf(fact.kind) != nullptr &&
        LanguageOf(world, fact) == LanguageOf(world, first)) {
      out.push_back(&fact);
    }
  }
  return out;
}

// A question with its answer, as two turns.
void AddTurns(const Fact& fact, std::string question, Language language,
              std::vector<Turn>& history) {
  history.push_back({.text = std::move(question)});
  history.push_back({.by_assistant = true, .text = FactAnswer(fact, language)});
}

const Fact& AnyFact(const World& world, Random& random) {
  return random.Pick(std::span<const Fact>(world.facts()));
}

std::optional<Question> AskFollowUp(const World& world, Random& random) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    const Fact& first = AnyFact(world, random);
    if (EllipticOf(first.kind) == nullptr) continue;
    const std::vector<const Fact*> others = Others(world, first);
    if (others.empty()) continue;
    Question question;
    question.task = Task::kFollowUp;
    question.language = LanguageOf(world, first);
    // Sometimes something else was spoken about before.
    if (random.Chance(0.3)) {
      const Fact& before = AnyFact(world, random);
      const Language language = LanguageOf(world, before);
      AddTurns(before, FactQuestion(before, language, random), language, question.history);
    }
    AddTurns(first, FactQuestion(first, question.language, random), question.language,
             question.history);
    const bool english = question.language == Language::kEnglish;
    const auto ask = [&](const Fact& fact) {
      const Elliptic& elliptic = *EllipticOf(fact.kind);
      return std::string(random.Pick(english ? elliptic.english : elliptic.chinese));
    };
    const Fact& last = *random.Pick(std::span<const Fact* const>(others));
    // Sometimes it is the second one that leans on the first question.
    if (random.Chance(0.3)) {
      const Fact& between = *random.Pick(std::span<const Fact* const>(others));
      if (between.kind != last.kind) {
        AddTurns(between, ask(between), question.language, question.history);
      }
    }
    question.text = ask(last);
    question.documents = {last.document};
    return question;
  }
  return std::nullopt;
}

std::optional<Question> AskPhotoFollowUp(const World& world, Random& random) {
  std::optional<Question> question = Ask(world, Task::kComposed, random);
  if (!question.has_value()) return std::nullopt;
  question->task = Task::kPhotoFollowUp;
  const bool english = question->language == Language::kEnglish;
  question->history.push_back({.text = english ? "Do we have this one?" : "我们有这个吗？",
                               .pictures = std::exchange(question->pictures, {})});
  question->history.push_back({.by_assistant = true, .text = english ? "Yes." : "有。"});
  return question;
}

std::optional<Question> AskNewTopic(const World& world, Random& random) {
  std::optional<Question> question =
      Ask(world, random.Chance(0.5) ? Task::kTextToText : Task::kTextToPage, random);
  if (!question.has_value()) return std::nullopt;
  question->task = Task::kNewTopic;
  for (int turns = random.Between(1, 2); turns > 0; --turns) {
    const Fact& before = AnyFact(world, random);
    const Language language = LanguageOf(world, before);
    AddTurns(before, FactQuestion(before, language, random), language, question->history);
  }
  return question;
}

}  // namespace

std::optional<Question> AskInConversation(const World& world, Task task, Random& random) {
  switch (task) {
    case Task::kFollowUp: return AskFollowUp(world, random);
    case Task::kPhotoFollowUp: return AskPhotoFollowUp(world, random);
    case Task::kNewTopic: return AskNewTopic(world, random);
    default: return std::nullopt;
  }
}

}  // namespace sightline::demo_world
