#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "tools/demo_world/wording.h"
#include "tools/train/sample_parts.h"
#include "tools/train/samples.h"

// Samples of what is compared: two dated labels of an item.
namespace sightline::train {
namespace {

using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

// Which of two labels is the earlier one, which price stands on which, and what is higher is told
// apart by many such pairs beside each other.
constexpr Task kCompareTasks[] = {Task::kComparison, Task::kComparison, Task::kComparison,
                                  Task::kAbstain};
constexpr int kMostPairs = kMostPassages / 2;
constexpr double kLoneLabel = 0.3;      // of such prompts, those with a label without its other
constexpr double kComparedWords = 0.3;  // of them, those whose labels are words
constexpr double kDecidedWords = 0.5;   // the same of what is decided
// Of what is decided, the share without passages, and of these the share of made-up prices: a shop
// changes its own by a few tenths, so that none of their digits alone says which is higher, and
// what has no first hint is not found.
constexpr double kDirections = 0.5;
constexpr double kMadeUpPrices = 0.6;
constexpr size_t kDecidedTogether = 8;

// Dated labels of up to `kMostPairs` items, at times one too few, in any order.
std::vector<int> DatedLabels(const World& world, Random& random) {
  std::map<int, std::vector<int>> labels_of;  // an item's
  for (const World::Fact& fact : world.facts()) {
    if (fact.kind == World::Fact::Kind::kDatedPrice) labels_of[fact.item].push_back(fact.document);
  }
  std::vector<std::vector<int>> pairs;
  for (const auto& [item, labels] : labels_of) pairs.push_back(labels);
  Shuffle(pairs, random);
  if (pairs.size() > kMostPairs) pairs.resize(random.Between(1, kMostPairs));
  std::vector<int> passages;
  for (const std::vector<int>& labels : pairs) {
    passages.insert(passages.end(), labels.begin(), labels.end());
  }
  Shuffle(passages, random);
  if (passages.size() > 2 && random.Chance(kLoneLabel)) passages.pop_back();
  return passages;
}

// Two prices of 1 to about 200 in cents, never the same, mostly of as many digits; some are close.
std::array<int, 2> SomePrices(Random& random) {
  constexpr int kLowest[] = {1, 10, 100};
  constexpr int kHighest[] = {9, 99, 199};
  constexpr double kSameDigits = 0.85;
  constexpr double kClose = 0.3;
  const int digits = random.Below(3);
  const int other = random.Chance(kSameDigits) ? digits : random.Below(3);
  const auto cents = [&] { return 5 * random.Below(20); };
  std::array<int, 2> out;
  do {
    out[0] = 100 * random.Between(kLowest[digits], kHighest[digits]) + cents();
    out[1] = random.Chance(kClose)
                 ? out[0] + 100 * random.Between(-2, 2) + cents() - 50
                 : 100 * random.Between(kLowest[other], kHighest[other]) + cents();
  } while (out[0] == out[1] || out[1] < 100);
  return out;
}

// Of a comparison: what its answer says of the earlier and of the later date.
std::pair<const World::Fact*, const World::Fact*> DatedPrices(const World& world,
                                                              const Question& question) {
  std::array<const World::Fact*, 2> of = {};
  for (const World::Fact& fact : world.facts()) {
    if (fact.kind != World::Fact::Kind::kDatedPrice) continue;
    for (size_t i = 0; i < of.size(); ++i) {
      if (fact.document == question.documents[i]) of[i] = &fact;
    }
  }
  return {of[0], of[1]};
}

std::string OtherDirection(const std::string& answer) {
  return absl::StrReplaceAll(answer,
                             {{"rose", "fell"}, {"fell", "rose"}, {"升", "降"}, {"降", "升"}});
}

}  // namespace

absl::Status SampleMaker::Compare(const World& world, Random& random, WritingSamples& out) const {
  const std::vector<int> passages = DatedLabels(world, random);
  const std::optional<Question> question = Ask(world.Knowing(passages), Task::kComparison, random);
  if (!question.has_value()) return absl::OkStatus();
  return Answer(world, *question, passages,
                {.tasks = kCompareTasks, .most = 8, .words = random.Chance(kComparedWords)}, random,
                out);
}

absl::Status SampleMaker::Decide(const World& world, Random& random, WritingSamples& out) const {
  return random.Chance(kDirections) ? DecideDirections(world, random, out)
                                    : DecideChanges(world, random, out);
}

absl::Status SampleMaker::CountDifferences(const std::vector<Told>& turns,
                                           WritingSamples& out) const {
  std::vector<std::set<size_t>> counted;
  for (const Told& turn : turns) {
    SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, files_.tokenizer().EncodePlain(turn.text));
    std::set<size_t>& tokens = counted.emplace_back();
    for (const std::string& text : turn.others) {
      SL_ASSIGN_OR_RETURN(const std::vector<int32_t> other, files_.tokenizer().EncodePlain(text));
      if (other == ids) continue;
      tokens.insert(static_cast<size_t>(std::ranges::mismatch(ids, other).in1 - ids.begin()));
    }
  }
  size_t turn = 0, token = 0;
  for (int32_t& target : out.targets.back()) {
    if (target < 0) {
      turn += token > 0 ? 1 : 0;
      token = 0;
    } else if (!counted[turn].contains(token++)) {
      target = -1;
    }
  }
  return absl::OkStatus();
}

absl::Status SampleMaker::DecideChanges(const World& world, Random& random,
                                        WritingSamples& out) const {
  const std::vector<int> passages = DatedLabels(world, random);
  const World known = world.Knowing(passages);
  const bool words = random.Chance(kDecidedWords);
  std::vector<model::Message> messages;
  std::vector<Told> turns;
  std::set<std::string> said;
  for (int tries = 0; tries < kTries && turns.size() < kDecidedTogether; ++tries) {
    const std::optional<Question> question = Ask(known, Task::kComparison, random);
    if (!question.has_value()) break;
    const std::string answer = MarkedAnswer(*question, passages);
    if (!said.insert(answer).second) continue;
    const auto [before, after] = DatedPrices(known, *question);
    turns.push_back({answer,
                     {OtherDirection(answer),
                      absl::StrReplaceAll(answer, {{before->detail, after->detail},
                                                   {after->detail, before->detail}}),
                      absl::StrReplaceAll(answer, {{before->value, after->value},
                                                   {after->value, before->value}})}});
    if (messages.empty()) {
      SL_ASSIGN_OR_RETURN(messages, Grounded(known, *question, passages, words));
    } else {
      messages.push_back({"user", {absl::StrCat("Question: ", question->text)}});
      messages.push_back({"assistant", {answer}});
    }
  }
  if (messages.empty()) return absl::OkStatus();
  SL_RETURN_IF_ERROR(AddConversation(messages, out));
  return CountDifferences(turns, out);
}

absl::Status SampleMaker::DecideDirections(const World& world, Random& random,
                                           WritingSamples& out) const {
  std::vector<model::Message> messages;
  std::vector<Told> turns;
  std::set<std::string> said;
  for (int tries = 0; tries < kTries && turns.size() < kDecidedTogether; ++tries) {
    std::optional<Question> question = Ask(world, Task::kComparison, random);
    if (!question.has_value()) return absl::OkStatus();
    if (random.Chance(kMadeUpPrices)) {
      const auto [before, after] = DatedPrices(world, *question);
      World::Fact first = *before, second = *after;
      const std::array<int, 2> cents = SomePrices(random);
      first.value = demo_world::PriceText(cents[0]);
      second.value = demo_world::PriceText(cents[1]);
      question->answer = {
          {ChangeAnswer(first, second, cents[0] < cents[1], question->language), {}}};
    }
    const std::string answer = MarkedAnswer(*question, question->documents);
    if (!said.insert(answer).second) continue;
    turns.push_back({answer, {OtherDirection(answer)}});
    messages.push_back({"user", {absl::StrCat("Question: ", question->text)}});
    messages.push_back({"assistant", {answer}});
  }
  if (messages.empty()) return absl::OkStatus();
  SL_RETURN_IF_ERROR(AddConversation(messages, out));
  return CountDifferences(turns, out);
}

}  // namespace sightline::train
