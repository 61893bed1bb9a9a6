#include "cli/demo_questions.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/demo_papers.h"
#include "tools/demo_world/wording.h"

namespace sightline::cli {
namespace {

using demo_world::Document;
using demo_world::Language;
using demo_world::Task;
using demo_world::World;
using Fact = World::Fact;

constexpr uint64_t kTries = 40;  // for a question that fits
constexpr uint64_t kPlace = 2000;

// Makes the questions of one world.
class Chooser {
 public:
  Chooser(const World& world, uint64_t seed) : world_(world), seed_(seed) {}

  DemoQuestions Choose() {
    AddSearches();
    AddAnswers();
    questions_.extraction = First(Task::kExtraction, English);
    questions_.box =
        First(Task::kBox, [](const EvalQuestion& q) { return English(q) && !q.of_page; });
    return std::move(questions_);
  }

 private:
  using Fits = std::function<bool(const EvalQuestion&)>;

  static bool English(const EvalQuestion& question) {
    return question.language == Language::kEnglish;
  }
  static bool Chinese(const EvalQuestion& question) { return !English(question); }

  std::optional<EvalQuestion> First(Task task, const Fits& fits) const {
    for (uint64_t i = 0; i < kTries; ++i) {
      std::vector<EvalQuestion> asked = AskAll(world_, {task}, 1, seed_ + i);
      if (!asked.empty() && fits(asked[0])) return std::move(asked[0]);
    }
    return std::nullopt;
  }

  void Search(const char* what, std::optional<EvalQuestion> question, std::string filter = "") {
    if (!question.has_value()) return;
    questions_.searches.push_back({what, *std::move(question), std::move(filter)});
  }

  void Answer(const char* what, std::optional<EvalQuestion> question) {
    if (!question.has_value()) return;
    questions_.answers.push_back({.what = what, .question = *std::move(question), .place = {}});
  }

  void AddSearches() {
    Search("description", First(Task::kTextToPhoto, English));
    const std::optional<EvalQuestion> photo = First(Task::kPhotoToItem, English);
    Search("another photo", photo);
    if (photo.has_value()) {
      EvalQuestion itself = *photo;
      itself.pictures = {world_.File(*GoldDocument(itself))};
      Search(kPhotoItself, std::move(itself));
    }
    Search("photo and words", First(Task::kComposed, English));
    AddFiltered();
    Search("Chinese description", First(Task::kTextToPhoto, Chinese));
    Search("what a page shows", First(Task::kTextToPage, English));
    questions_.searches.push_back({"words in a PDF", PaperSearch(), "", true});
  }

  // Words for the look of one item, among those of its kind up to its price, rounded up to tens.
  void AddFiltered() {
    const std::optional<EvalQuestion> question =
        First(Task::kTextToPhoto, [this](const EvalQuestion& q) {
          return English(q) && q.text != questions_.searches.front().question.text;
        });
    if (!question.has_value()) return;
    const demo_world::Item& item =
        world_.catalogue().items[static_cast<size_t>(GoldDocument(*question)->item)];
    Search("description with a filter", question,
           absl::StrCat("kind = \"", demo_world::KindWord(item.look.kind).In(Language::kEnglish),
                        "\" AND price <= ", (item.price_cents / 1000 + 1) * 10));
  }

  void AddAnswers() {
    AddPageAnswer("from a table on the picture of a page", Task::kTableAnswer);
    AddPageAnswer("from the picture of a label, sign or chart", Task::kPageAnswer);
    Answer("from a Chinese text", First(Task::kTextAnswer, Chinese));
    std::optional<EvalQuestion> comparison = First(Task::kComparison, English);
    if (!comparison.has_value()) comparison = First(Task::kComparison, Chinese);
    Answer("from two dated labels", std::move(comparison));
    Answer("to what stands nowhere", First(Task::kAbstain, English));
    questions_.answers.push_back(
        {.what = "quoted from a PDF", .question = PaperQuestion(), .place = {}, .quoted = true});
  }

  // A question to what stands on a page, and where that is.
  void AddPageAnswer(const char* what, Task task) {
    std::optional<EvalQuestion> place;
    std::optional<EvalQuestion> question = First(task, [this, &place](const EvalQuestion& q) {
      place = English(q) ? PlaceOf(q) : std::nullopt;
      return place.has_value();
    });
    if (!question.has_value()) return;
    questions_.answers.push_back(
        {.what = what, .question = *std::move(question), .place = std::move(place)});
  }

  std::optional<EvalQuestion> PlaceOf(const EvalQuestion& question) const {
    const Document* const page = GoldDocument(question);
    const auto fact = std::ranges::find_if(world_.facts(), [&](const Fact& some) {
      return &world_.documents()[static_cast<size_t>(some.document)] == page &&
             FactAnswer(some, question.language) == question.gold.answer;
    });
    if (fact == world_.facts().end() || fact->row < 0) return std::nullopt;
    demo_world::Random random = demo_world::Random(seed_).Fork(kPlace);
    EvalQuestion place;
    place.task = Task::kBox;
    place.language = question.language;
    place.text = WhereQuestion(*fact, question.language, random);
    place.of_page = true;
    place.gold.documents = question.gold.documents;
    const demo_world::DrawnPage drawn = DrawPage(page->page, page->view);
    const auto line = std::ranges::find(drawn.lines, fact->row, &demo_world::PageLine::row);
    if (place.text.empty() || line == drawn.lines.end()) return std::nullopt;
    place.gold.box = line->box;
    place.gold.json = BoxJson(line->box);
    return place;
  }

  // The first document of the gold.
  const Document* GoldDocument(const EvalQuestion& question) const {
    return &*std::ranges::find(world_.documents(), question.gold.documents.at(0), &Document::id);
  }

  const World& world_;
  const uint64_t seed_;
  DemoQuestions questions_;
};

}  // namespace

DemoQuestions ChooseQuestions(const World& world, uint64_t seed) {
  return Chooser(world, seed).Choose();
}

}  // namespace sightline::cli
