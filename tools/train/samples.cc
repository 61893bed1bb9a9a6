#include "tools/train/samples.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "services/query/entailment.h"
#include "services/query/prompt.h"
#include "services/query/regions.h"
#include "tools/demo_world/wording.h"

namespace sightline::train {
namespace {

using demo_world::Document;
using demo_world::DocumentKind;
using demo_world::Language;
using demo_world::Picture;
using demo_world::Question;
using demo_world::Random;
using demo_world::Task;
using demo_world::World;

// Passages a grounded prompt shows at most, and the share of look-alikes among those that hold no
// answer.
constexpr int kMostPassages = 8;
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
constexpr demo_world::WorldSize kFewestFound = {.items = 40, .pages = 16, .texts = 32};
// So many that look-alikes are as close as those among which a reranker has to choose.
constexpr demo_world::WorldSize kJudgedWorld = {.items = 300, .pages = 40, .texts = 80};
constexpr int kQueriesOfAWorld = 8;
constexpr int kJudgedTogether = 8;  // documents of a query
// Of what is judged, the share that is an answer's sentence and what it claims to rest on.
constexpr double kClaims = 0.2;
// Tasks that draw a question of their own out of a world may find none: then another is tried.
constexpr int kTries = 40;
// Pictures taken of one world where each makes a short sample.
constexpr int kPhotosOfAWorld = 8;
constexpr int kLinesOfAWorld = 16;
// The requests under which pictures are described and read.
constexpr demo_world::Word kDescribeRequest = {"Describe the picture.", "描述图片。"};
constexpr demo_world::Word kReadRequest = {"Read the text.", "读出文字。"};
// What is asked about a place of a picture.
constexpr demo_world::Word kShownRequest = {"What is at ", "这里是什么："};
// Of questions about places, the share that gives the place and asks what is there.
constexpr double kShownShare = 0.4;
// The share that asks where a picture says what an answer claims.
constexpr double kClaimBoxes = 0.3;
// Coordinates are thousandths of a side: their units are noise, and louder than which thing is
// meant.
constexpr double kUnitsLeftOut = 0.9;
// The share of boards of several lines among words to be read.
constexpr double kSeveralLines = 0.5;

ImagePtr ToImage(Picture picture) {
  auto image = std::make_shared<Image>();
  image->width = picture.width;
  image->height = picture.height;
  image->pixels = std::move(picture.rgb);
  return image;
}

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

bool Holds(const std::vector<int>& all, int one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool Within(const std::vector<int>& some, const std::vector<int>& all) {
  return std::all_of(some.begin(), some.end(), [&](int one) { return Holds(all, one); });
}

// The answer as the service expects it: each sentence with the numbers of the passages it rests on;
// the abstention where these do not hold it.
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

constexpr Task kAnswerTasks[] = {Task::kPageAnswer,  Task::kPageAnswer, Task::kTableAnswer,
                                 Task::kTableAnswer, Task::kTextAnswer, Task::kTwoPassages,
                                 Task::kTwoPassages, Task::kComparison, Task::kComparison,
                                 Task::kAbstain,     Task::kAbstain};
// What is compared stands in the answer already, so comparing needs no pictures to be learned.
constexpr Task kTextsTasks[] = {Task::kTextAnswer,  Task::kTextAnswer,  Task::kPageAnswer,
                                Task::kTableAnswer, Task::kTwoPassages, Task::kTwoPassages,
                                Task::kTwoPassages, Task::kComparison,  Task::kComparison,
                                Task::kComparison,  Task::kComparison,  Task::kAbstain};
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
constexpr int kDecidedTogether = 8;
// Texts are short and teach to copy what stands in a passage.
constexpr Task kLookTasks[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTableAnswer,
                               Task::kTextAnswer};
constexpr Task kPhotoTasks[] = {Task::kPhotoToItem, Task::kTextToPhoto, Task::kComposed};
constexpr Task kPageTasks[] = {Task::kTextToPage, Task::kTextToPage,  Task::kTextToPage,
                               Task::kTextToText, Task::kTwoPassages, Task::kComparison};
constexpr Task kClaimTasks[] = {Task::kPageAnswer, Task::kTableAnswer, Task::kTextAnswer};

std::optional<Question> AskOneOf(const World& world, std::span<const Task> tasks, Random& random) {
  for (int i = 0; i < kTries; ++i) {
    std::optional<Question> question = Ask(world, random.Pick(tasks), random);
    if (question.has_value()) return question;
  }
  return std::nullopt;
}

template <typename T>
void Shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[random.Below(static_cast<int>(i))]);
  }
}

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

// Whole prices of 1 to 199, in cents, no two the same, mostly of as many digits; some are close.
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

// Words as they stand on pages, short enough for one line of a small picture.
std::string SomeLine(const World& world, Random& random) {
  constexpr size_t kMostBytes = 26;
  constexpr double kSingleWords = 0.7;
  while (true) {
    const Document& document =
        world.documents()[random.Below(static_cast<int>(world.documents().size()))];
    if (document.kind != DocumentKind::kPage) continue;
    const demo_world::PageContent& page = document.page;
    std::vector<std::string> lines = page.head;
    lines.push_back(page.title);
    lines.insert(lines.end(), page.foot.begin(), page.foot.end());
    lines.insert(lines.end(), page.columns.begin(), page.columns.end());
    for (const demo_world::PageRow& row : page.rows) {
      lines.push_back(row.label);
      lines.insert(lines.end(), row.cells.begin(), row.cells.end());
      lines.push_back(absl::StrCat(row.label, " ", absl::StrJoin(row.cells, " ")));
    }
    std::string line = random.Pick<std::string>(lines);
    // Mostly a single word: where nothing has to be found first, letters are learned much sooner.
    if (random.Chance(kSingleWords)) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (!words.empty()) line = random.Pick<std::string>(words);
    }
    if (!line.empty() && line.size() <= kMostBytes) return line;
  }
}

// A small board or label of two or three such lines: between a word and a page.
demo_world::PageContent SomeLines(const World& world, Random& random) {
  demo_world::PageContent page;
  page.kind = random.Chance(0.5) ? demo_world::PageKind::kSign : demo_world::PageKind::kLabel;
  page.title = SomeLine(world, random);
  page.head.push_back(SomeLine(world, random));
  if (random.Chance(0.5)) page.head.push_back(SomeLine(world, random));
  return page;
}

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

absl::Status SampleMaker::AboutPicture(Picture picture, const std::string& request,
                                       const std::string& reply, WritingSamples& out) const {
  return AddConversation({{"user", {ToImage(std::move(picture)), request}}, {"assistant", {reply}}},
                         out);
}

absl::Status SampleMaker::Read(const demo_world::PageContent& page, Random& random,
                               WritingSamples& out) const {
  demo_world::DrawnPage drawn = DrawPage(page, random.Next());
  std::vector<std::string> lines;
  for (const demo_world::PageLine& line : drawn.lines) lines.push_back(line.text);
  return AboutPicture(std::move(drawn.picture), kReadRequest.In(page.language),
                      absl::StrJoin(lines, "\n"), out);
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
    if (!next->answer.empty() && !said.insert(answer).second) continue;
    messages.push_back({"user", {absl::StrCat("Question: ", next->text)}});
    messages.push_back({"assistant", {answer}});
    ++asked;
  }
  return AddConversation(messages, out);
}

absl::Status SampleMaker::CountDifferences(const std::vector<Turn>& turns,
                                           WritingSamples& out) const {
  std::vector<std::set<size_t>> counted;
  for (const Turn& turn : turns) {
    SL_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, files_.tokenizer().EncodePlain(turn.text));
    std::set<size_t>& tokens = counted.emplace_back();
    for (const std::string& text : turn.others) {
      SL_ASSIGN_OR_RETURN(const std::vector<int32_t> other, files_.tokenizer().EncodePlain(text));
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

absl::Status SampleMaker::Decide(const World& world, Random& random, WritingSamples& out) const {
  const std::vector<int> passages = DatedLabels(world, random);
  const World known = world.Knowing(passages);
  const bool words = random.Chance(kDecidedWords);
  std::vector<model::Message> messages;
  std::vector<Turn> turns;
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
  std::vector<Turn> turns;
  for (int i = 0; i < kDecidedTogether; ++i) {
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
    turns.push_back({answer, {OtherDirection(answer)}});
    messages.push_back({"user", {absl::StrCat("Question: ", question->text)}});
    messages.push_back({"assistant", {answer}});
  }
  SL_RETURN_IF_ERROR(AddConversation(messages, out));
  return CountDifferences(turns, out);
}

absl::Status SampleMaker::Point(const World& world, Random& random, WritingSamples& out) const {
  const bool claims = random.Chance(kClaimBoxes);
  std::vector<Question> questions = claims ? AskClaimBoxes(world, random) : AskBoxes(world, random);
  if (questions.empty()) return absl::OkStatus();
  Shuffle(questions, random);
  std::vector<model::Message> messages;
  std::vector<bool> is_box;
  for (const Question& question : questions) {
    // One way or the other: after the one, the other only needs to be copied.
    is_box.push_back(!random.Chance(kShownShare));
    const std::string asked = !is_box.back()
                                  ? absl::StrCat(kShownRequest.In(question.language), question.json)
                              : claims ? query::RegionRequest(question.answer.front().text)
                                       : question.text;
    messages.push_back({"user", {asked}});
    messages.push_back({"assistant", {is_box.back() ? question.json : question.shown}});
  }
  const ImagePtr picture = ToImage(std::move(questions.front().pictures.front()));
  messages.front().parts.emplace(messages.front().parts.begin(), picture);
  SL_RETURN_IF_ERROR(AddConversation(messages, out));
  LeaveOutUnits(is_box, random, out.targets.back());
  return absl::OkStatus();
}

void SampleMaker::LeaveOutUnits(const std::vector<bool>& is_box, Random& random,
                                std::vector<int32_t>& targets) const {
  size_t turn = 0;
  int digits = 0;  // that stand before, one token each
  for (size_t i = 0; i < targets.size(); ++i) {
    const int32_t target = targets[i];
    if (target < 0) continue;
    const std::string text = files_.tokenizer().Decode({&target, 1}, false);
    if (text.size() == 1 && absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
      ++digits;
      continue;
    }
    if (digits > 1 && is_box[turn] && random.Chance(kUnitsLeftOut)) targets[i - 1] = -1;
    digits = 0;
    turn += target == files_.turn_end() ? 1 : 0;
  }
}

absl::Status SampleMaker::Write(Lesson lesson, Random& random, WritingSamples& out) const {
  const bool many_pages =
      lesson == Lesson::kTexts || lesson == Lesson::kCompare || lesson == Lesson::kDecide;
  const World world = SmallWorld(random, many_pages ? kTextsShop : kShop);
  switch (lesson) {
    case Lesson::kDescribe:
      for (int i = 0; i < kPhotosOfAWorld; ++i) {
        const demo_world::Look& look = random.Pick<demo_world::Item>(world.catalogue().items).look;
        const Language language = random.Chance(0.5) ? Language::kEnglish : Language::kChinese;
        Picture photo = DrawPhoto(look, random.Next());
        SL_RETURN_IF_ERROR(AboutPicture(std::move(photo), kDescribeRequest.In(language),
                                        Description(look, language, random), out));
      }
      return absl::OkStatus();
    case Lesson::kWords:
      for (int i = 0; i < kLinesOfAWorld; ++i) {
        if (random.Chance(kSeveralLines)) {
          SL_RETURN_IF_ERROR(Read(SomeLines(world, random), random, out));
          continue;
        }
        const std::string line = SomeLine(world, random);
        SL_RETURN_IF_ERROR(AboutPicture(demo_world::DrawWords(line, random.Next()),
                                        kReadRequest.english, line, out));
      }
      return absl::OkStatus();
    case Lesson::kRead: {
      std::vector<const Document*> pages;
      for (const Document& document : world.documents()) {
        if (document.kind == DocumentKind::kPage) pages.push_back(&document);
      }
      if (pages.empty()) return absl::OkStatus();
      return Read(random.Pick<const Document*>(pages)->page, random, out);
    }
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
    case Lesson::kCompare: {
      const std::vector<int> passages = DatedLabels(world, random);
      const std::optional<Question> question =
          Ask(world.Knowing(passages), Task::kComparison, random);
      if (!question.has_value()) return absl::OkStatus();
      return Answer(world, *question, passages,
                    {.tasks = kCompareTasks, .most = 8, .words = random.Chance(kComparedWords)},
                    random, out);
    }
    case Lesson::kDecide:
      return random.Chance(kDirections) ? DecideDirections(world, random, out)
                                        : Decide(world, random, out);
    case Lesson::kExtract: {
      std::optional<Question> question = Ask(world, Task::kExtraction, random);
      if (!question.has_value()) return absl::OkStatus();
      return AboutPicture(std::move(question->pictures.front()), question->text, question->json,
                          out);
    }
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

absl::StatusOr<JudgingSamples> SampleMaker::Judging(int pairs, Random& random) const {
  JudgingSamples samples;
  while (static_cast<int>(samples.prompts.size()) < pairs) {
    const World world = SmallWorld(random, kJudgedWorld);
    for (int i = 0; i < kQueriesOfAWorld && static_cast<int>(samples.prompts.size()) < pairs; ++i) {
      const std::optional<Question> question =
          random.Chance(kClaims) ? AskOneOf(world, kClaimTasks, random)
          : random.Chance(0.5)   ? AskOneOf(world, kPhotoTasks, random)
                                 : AskOneOf(world, kPageTasks, random);
      if (question.has_value()) SL_RETURN_IF_ERROR(Judge(world, *question, random, samples));
    }
  }
  return samples;
}

}  // namespace sightline::train
