#include <algorithm>
#include <map>
#include <utility>

#include "base/status.h"
#include "services/query/entailment.h"
#include "tools/train/sample_parts.h"
#include "tools/train/samples.h"

// Samples of what is found and of what is judged.
namespace sightline::train {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Picture;
using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

constexpr demo_world::WorldSize kFewestFound = {.items = 40, .pages = 16, .texts = 32};
// So many that look-alikes are as close as those among which a reranker has to choose.
constexpr demo_world::WorldSize kJudgedWorld = {.items = 300, .pages = 40, .texts = 80};
constexpr int kQueriesOfAWorld = 8;
constexpr int kJudgedTogether = 8;  // documents of a query
constexpr Task kPhotoTasks[] = {Task::kPhotoToItem, Task::kTextToPhoto, Task::kComposed};
constexpr Task kPageTasks[] = {Task::kTextToPage, Task::kTextToPage,  Task::kTextToPage,
                               Task::kTextToText, Task::kTwoPassages, Task::kComparison};
constexpr Task kClaimTasks[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTextAnswer};

model::EncodeInput DocumentInput(const World& world, int number) {
  const Document& document = world.documents()[number];
  model::EncodeInput input;
  if (document.kind == DocumentKind::kText) {
    input.texts = {document.text};
  } else {
    input.images = {ToImage(world.Draw(document))};
  }
  return input;
}

model::EncodeInput QueryInput(const Question& question) {
  model::EncodeInput input;
  for (const Picture& picture : question.pictures) input.images.push_back(ToImage(picture));
  if (!question.text.empty()) input.texts = {question.text};
  return input;
}

model::RerankItem ToItem(model::EncodeInput input) {
  return {.videos = {}, .images = std::move(input.images), .texts = std::move(input.texts)};
}

}  // namespace

absl::StatusOr<FindingSamples> SampleMaker::Finding(Lesson lesson, int queries,
                                                    Random& random) const {
  // As many documents as questions: what is found easily among few teaches little.
  const World world = SmallWorld(random, {.items = std::max(kFewestFound.items, queries),
                                          .pages = std::max(kFewestFound.pages, queries / 2),
                                          .texts = std::max(kFewestFound.texts, queries / 2)});
  FindingSamples samples;
  std::vector<Question> questions;
  std::vector<int> documents;
  std::map<int, int> place;
  const auto add = [&](int document) {
    if (place.emplace(document, static_cast<int>(documents.size())).second) {
      documents.push_back(document);
    }
  };
  while (static_cast<int>(questions.size()) < queries) {
    std::optional<Question> question = lesson == Lesson::kFindPhotos
                                           ? AskOneOf(world, kPhotoTasks, random)
                                           : AskOneOf(world, kPageTasks, random);
    if (!question.has_value()) return absl::InternalError("a world with nothing to find");
    for (const int document : question->documents) add(document);
    // Some of what looks alike: the rest of the batch is easy to tell apart.
    for (size_t i = 0; i < question->near.size() && i < 2; ++i) add(question->near[i]);
    questions.push_back(*std::move(question));
  }
  const int64_t limit = files_.config().model.text.max_position_embeddings;
  for (const Question& question : questions) {
    SL_ASSIGN_OR_RETURN(model::Prompt prompt,
                        files_.prompts().Embedding(QueryInput(question), limit));
    samples.prompts.push_back(std::move(prompt));
    std::vector<int>& wanted = samples.wanted.emplace_back();
    for (const int document : question.documents) wanted.push_back(place.at(document));
  }
  for (const int document : documents) {
    SL_ASSIGN_OR_RETURN(model::Prompt prompt,
                        files_.prompts().Embedding(DocumentInput(world, document), limit));
    samples.prompts.push_back(std::move(prompt));
  }
  return samples;
}

absl::Status SampleMaker::Judge(const World& world, const Question& question, Random& random,
                                JudgingSamples& out) const {
  const int64_t limit = files_.config().model.text.max_position_embeddings;
  const auto judge = [&](const std::string& instruction, const model::RerankItem& query,
                         int document, float wanted) -> absl::Status {
    SL_ASSIGN_OR_RETURN(
        model::Prompt prompt,
        files_.prompts().Rerank(instruction, query, ToItem(DocumentInput(world, document)), limit));
    out.prompts.push_back(std::move(prompt));
    out.wanted.push_back(wanted);
    ++out.queries.back();
    return absl::OkStatus();
  };
  out.queries.push_back(0);
  std::string instruction;
  model::RerankItem query = ToItem(QueryInput(question));
  if (!question.answer.empty() && !question.wrong_answer.empty()) {
    instruction = query::kEntailmentInstruction;
    query.texts = {question.answer.front().text};
    model::RerankItem wrong;
    wrong.texts = {question.wrong_answer};
    SL_RETURN_IF_ERROR(judge(instruction, wrong, question.documents.front(), 0));
  }
  for (const int document : question.documents) {
    SL_RETURN_IF_ERROR(judge(instruction, query, document, 1));
  }
  std::vector<int> others = question.near;
  Shuffle(others, random);
  while (out.queries.back() < kJudgedTogether) {
    int other = random.Below(static_cast<int>(world.documents().size()));
    if (!others.empty()) {
      other = others.back();
      others.pop_back();
    }
    if (Holds(question.documents, other)) continue;
    SL_RETURN_IF_ERROR(judge(instruction, query, other, 0));
  }
  return absl::OkStatus();
}

absl::StatusOr<JudgingSamples> SampleMaker::Judging(int pairs, double claims, double photos,
                                                    Random& random) const {
  JudgingSamples samples;
  while (static_cast<int>(samples.prompts.size()) < pairs) {
    const World world = SmallWorld(random, kJudgedWorld);
    for (int i = 0; i < kQueriesOfAWorld && static_cast<int>(samples.prompts.size()) < pairs; ++i) {
      const double kind = random.Real();
      const std::optional<Question> question = kind < claims ? AskOneOf(world, kClaimTasks, random)
                                               : kind < claims + photos
                                                   ? AskOneOf(world, kPhotoTasks, random)
                                                   : AskOneOf(world, kPageTasks, random);
      if (question.has_value()) SL_RETURN_IF_ERROR(Judge(world, *question, random, samples));
    }
  }
  return samples;
}

}  // namespace sightline::train
