#include "tools/train/samples.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "services/query/prompt.h"
#include "tools/train/sample_parts.h"

namespace sightline::train {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

// The share of look-alikes among passages that hold no answer.
constexpr double kNear = 0.6;
constexpr double kFull = 0.6;  // of prompts with as many passages as the service shows
// Of the others, the share that are photos: a search for words seldom finds one.
constexpr double kPhotos = 0.08;
// What a search leaves out cannot be answered: of questions, the share whose document is left out,
// or one of two.
constexpr double kAbsent = 0.2;
constexpr double kHalfAbsent = 0.1;
// As many items and documents as make tables long and names alike, as in the shops that questions
// are asked about.
constexpr demo_world::WorldSize kShop = {.items = 400, .pages = 40, .texts = 80};
constexpr demo_world::WorldSize kTextsShop = {.items = 200, .pages = 120, .texts = 80};

// Counts for BuildPrompt, which asks a generator for nothing else.
class TokenCounter final : public model::Generator {
 public:
  explicit TokenCounter(const ModelFiles& files) : files_(files) {}

  const model::ModelInfo& info() const override { return info_; }
  absl::StatusOr<model::GenerateResult> Generate(const model::GenerateInput&,
                                                 const model::CallOptions&,
                                                 const model::OnText&) override {
    return absl::UnimplementedError("only counts");
  }
  absl::StatusOr<int> CountTokens(absl::string_view text) const override {
    SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, files_.tokenizer().EncodePlain(text));
    return static_cast<int>(ids.size());
  }
  int ImageTokens(int width, int height) const override {
    const auto grid =
        files_.processor().ImageGrid(width, height, model::ImageProcessor::Path::kChat);
    return grid.ok()
               ? static_cast<int>(grid->tokens(files_.config().model.vision.spatial_merge_size))
               : 0;
  }

 private:
  const ModelFiles& files_;
  const model::ModelInfo info_;
};

// The words of a page in the order of its lines.
std::string WordsOf(const demo_world::PageContent& page) {
  std::vector<std::string> lines = {page.title};
  lines.insert(lines.end(), page.head.begin(), page.head.end());
  if (!page.columns.empty()) lines.push_back(absl::StrJoin(page.columns, " "));
  for (const demo_world::PageRow& row : page.rows) {
    lines.push_back(absl::StrCat(row.label, " ", absl::StrJoin(row.cells, " ")));
  }
  lines.insert(lines.end(), page.foot.begin(), page.foot.end());
  return absl::StrJoin(lines, "\n");
}

// A document as it stands in the index. `words`: of a page what a text layer says.
query::Hit ToHit(const Document& document, bool words) {
  query::Hit hit;
  hit.passage.source = document.file_name;
  hit.passage.text =
      words && document.kind == DocumentKind::kPage ? WordsOf(document.page) : document.text;
  if (hit.passage.text.empty()) {
    hit.passage.kind = index::PassageKind::kImage;
    hit.passage.blob_hash = document.id;
  }
  return hit;
}

constexpr Task kAnswerTasks[] = {Task::kPageAnswer,  Task::kPageAnswer, Task::kTableAnswer,
                                 Task::kTableAnswer, Task::kTextAnswer, Task::kTwoPassages,
                                 Task::kTwoPassages, Task::kComparison, Task::kComparison,
                                 Task::kAbstain,     Task::kAbstain};
// What is compared stands in the answer already, so comparing needs no pictures to be learned.
constexpr Task kTextsTasks[] = {Task::kTextAnswer,  Task::kTextAnswer,  Task::kPageAnswer,
                                Task::kTableAnswer, Task::kTwoPassages, Task::kTwoPassages,
                                Task::kTwoPassages, Task::kComparison,  Task::kComparison,
                                Task::kComparison,  Task::kComparison,  Task::kAbstain};
// Texts are short and teach to copy what stands in a passage.
constexpr Task kLookTasks[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTableAnswer,
                               Task::kTextAnswer};

bool IsPhoto(const World& world, int document) {
  return world.documents()[document].kind == DocumentKind::kPhoto;
}

// The documents of an answer, or at times not all of them, among others that look alike or are just
// there, in any order: an answer is found by reading. `words`: photos are not among them.
std::vector<int> AmongOthers(const World& world, const Question& question, bool words,
                             Random& random) {
  std::vector<int> passages = question.documents;
  const int least = std::max(1, static_cast<int>(passages.size()));
  const int wanted = random.Chance(kFull) ? kMostPassages : random.Between(least, kMostPassages);
  if (random.Chance(passages.size() == 1 ? kAbsent : kHalfAbsent)) {
    Shuffle(passages, random);
    if (!passages.empty()) passages.pop_back();
  }
  std::vector<int> near = question.near;
  Shuffle(near, random);
  const int photos = static_cast<int>(world.catalogue().items.size());
  const int all = static_cast<int>(world.documents().size());
  for (int tries = 0; static_cast<int>(passages.size()) < wanted && tries < kTries; ++tries) {
    int next = random.Chance(kPhotos) ? random.Below(photos) : random.Between(photos, all - 1);
    if (!near.empty() && random.Chance(kNear)) {
      next = near.back();
      near.pop_back();
    }
    if (words && IsPhoto(world, next)) continue;
    if (!Holds(question.documents, next) && !Holds(passages, next)) passages.push_back(next);
  }
  Shuffle(passages, random);
  return passages;
}

}  // namespace

const char* LessonName(Lesson lesson) {
  constexpr const char* kNames[kLessons] = {
      "find_photos", "find_pages", "judge", "describe", "words",   "read",  "look",
      "answer",      "extract",    "box",   "texts",    "compare", "decide"};
  return kNames[static_cast<int>(lesson)];
}

World SampleMaker::SmallWorld(Random& random, const demo_world::WorldSize& size) const {
  const uint64_t seed = random.Next() % demo_world::kFirstEvaluationSeed +
                        (evaluation_ ? demo_world::kFirstEvaluationSeed : 0);
  return World::Make(seed, size);
}

absl::Status SampleMaker::AddConversation(const std::vector<model::Message>& messages,
                                          WritingSamples& out) const {
  SL_ASSIGN_OR_RETURN(model::Prompt prompt,
                      files_.prompts().Chat(messages, {.add_generation_prompt = false},
                                            files_.config().model.text.max_position_embeddings));
  // What the assistant says counts, up to the end of its turn:
  // "<|im_start|>assistant\n…<|im_end|>".
  std::vector<int32_t> targets(prompt.ids.size(), -1);
  bool own = false;
  for (size_t i = 0; i + 1 < prompt.ids.size(); ++i) {
    if (i >= 2 && prompt.ids[i - 2] == files_.turn_start() &&
        prompt.ids[i - 1] == files_.assistant()) {
      own = true;
    }
    if (own) targets[i] = prompt.ids[i + 1];
    if (own && prompt.ids[i + 1] == files_.turn_end()) own = false;
  }
  out.prompts.push_back(std::move(prompt));
  out.targets.push_back(std::move(targets));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<model::Message>> SampleMaker::Grounded(const World& world,
                                                                  const Question& question,
                                                                  const std::vector<int>& passages,
                                                                  bool words) const {
  std::vector<query::Hit> hits;
  std::map<std::string, int> by_id;
  for (const int number : passages) {
    hits.push_back(ToHit(world.documents()[number], words));
    by_id[world.documents()[number].id] = number;
  }
  query::QueryContent content;
  content.texts = {question.text};
  const TokenCounter counter(files_);
  const query::PassagePicture picture = [&](const index::Passage& passage,
                                            absl::Time) -> absl::StatusOr<ImagePtr> {
    return ToImage(world.Draw(world.documents()[by_id.at(passage.blob_hash)]));
  };
  SL_ASSIGN_OR_RETURN(query::Prompt prompt,
                      query::BuildPrompt(content, hits, {}, counter, picture, {}));
  prompt.messages.push_back({"assistant", {MarkedAnswer(question, passages)}});
  return std::move(prompt.messages);
}

absl::Status SampleMaker::Answer(const World& world, const Question& question,
                                 const std::vector<int>& passages, const Turns& turns,
                                 Random& random, WritingSamples& out) const {
  SL_ASSIGN_OR_RETURN(std::vector<model::Message> messages,
                      Grounded(world, question, passages, turns.words));
  const World known = world.Knowing(passages);
  std::set<std::string> said = {question.text, MarkedAnswer(question, passages)};
  int asked = 1;
  for (int tries = 0; !known.facts().empty() && tries < kTries && asked < turns.most; ++tries) {
    const std::optional<Question> next = Ask(known, random.Pick<Task>(turns.tasks), random);
    if (!next.has_value() || !said.insert(next->text).second) continue;
    const std::string answer = MarkedAnswer(*next, passages);
    // Once it was given an answer only needs to be copied.
    if (answer != query::AbstentionFor(next->text) && !said.insert(answer).second) continue;
    messages.push_back({"user", {absl::StrCat("Question: ", next->text)}});
    messages.push_back({"assistant", {answer}});
    ++asked;
  }
  return AddConversation(messages, out);
}

absl::Status SampleMaker::Write(Lesson lesson, Random& random, WritingSamples& out) const {
  const bool many_pages =
      lesson == Lesson::kTexts || lesson == Lesson::kCompare || lesson == Lesson::kDecide;
  const World world = SmallWorld(random, many_pages ? kTextsShop : kShop);
  switch (lesson) {
    case Lesson::kLook: {
      const std::optional<Question> question = AskOneOf(world, kLookTasks, random);
      if (!question.has_value()) return absl::OkStatus();
      return Answer(world, *question, question->documents, {.tasks = kAnswerTasks, .most = 8},
                    random, out);
    }
    case Lesson::kAnswer: {
      const std::optional<Question> question = AskOneOf(world, kAnswerTasks, random);
      if (!question.has_value()) return absl::OkStatus();
      return Answer(world, *question, AmongOthers(world, *question, /*words=*/false, random),
                    {.tasks = kAnswerTasks, .most = 10}, random, out);
    }
    case Lesson::kTexts: {
      const std::optional<Question> question = AskOneOf(world, kTextsTasks, random);
      if (!question.has_value()) return absl::OkStatus();
      return Answer(world, *question, AmongOthers(world, *question, /*words=*/true, random),
                    {.tasks = kTextsTasks, .most = 12, .words = true}, random, out);
    }
    case Lesson::kDescribe: return Describe(world, random, out);
    case Lesson::kWords: return ReadLines(world, random, out);
    case Lesson::kRead: return ReadPage(world, random, out);
    case Lesson::kCompare: return Compare(world, random, out);
    case Lesson::kDecide: return Decide(world, random, out);
    case Lesson::kExtract: return Extract(world, random, out);
    case Lesson::kBox: return Point(world, random, out);
    default: return absl::InternalError("not a lesson that is written");
  }
}

absl::StatusOr<WritingSamples> SampleMaker::Writing(Lesson lesson, int tokens,
                                                    Random& random) const {
  WritingSamples samples;
  size_t counted = 0, total = 0;
  while (static_cast<int>(total) < tokens) {
    SL_RETURN_IF_ERROR(Write(lesson, random, samples));
    for (; counted < samples.prompts.size(); ++counted)
      total += samples.prompts[counted].ids.size();
  }
  return samples;
}

}  // namespace sightline::train
