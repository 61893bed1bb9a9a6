#include "tools/train/sample_parts.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/query/prompt.h"

namespace sightline::train {
namespace {

using demo_world::Language;
using demo_world::Picture;
using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

bool Within(const std::vector<int>& some, const std::vector<int>& all) {
  return std::all_of(some.begin(), some.end(), [&](int one) { return Holds(all, one); });
}

}  // namespace

ImagePtr ToImage(Picture picture) {
  auto image = std::make_shared<Image>();
  image->width = picture.width;
  image->height = picture.height;
  image->pixels = std::move(picture.rgb);
  return image;
}

bool Holds(const std::vector<int>& all, int one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string MarkedAnswer(const Question& question, const std::vector<int>& passages) {
  if (question.answer.empty() || !Within(question.documents, passages)) {
    return query::AbstentionFor(question.text);
  }
  std::vector<std::string> sentences;
  for (const demo_world::AnswerSentence& sentence : question.answer) {
    std::vector<int> numbers;
    for (const int document : sentence.documents) {
      const auto at = std::find(passages.begin(), passages.end(), document);
      if (at != passages.end()) numbers.push_back(static_cast<int>(at - passages.begin()) + 1);
    }
    std::sort(numbers.begin(), numbers.end());
    std::string marked = sentence.text;
    for (const int number : numbers) absl::StrAppend(&marked, "[", number, "]");
    sentences.push_back(std::move(marked));
  }
  return absl::StrJoin(sentences, question.language == Language::kEnglish ? " " : "");
}

std::optional<Question> AskOneOf(const World& world, std::span<const Task> tasks, Random& random) {
  for (int i = 0; i < kTries; ++i) {
    std::optional<Question> question = Ask(world, random.Pick(tasks), random);
    if (question.has_value()) return question;
  }
  return std::nullopt;
}

}  // namespace sightline::train
