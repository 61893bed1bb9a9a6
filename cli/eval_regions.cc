#include "cli/eval_regions.h"

#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/eval_claims.h"
#include "cli/eval_metrics.h"
#include "cli/eval_request.h"
#include "cli/json_text.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/random.h"

namespace sightline::cli {
namespace {

using demo_world::Box;
using demo_world::Language;
using demo_world::Task;

// Beyond the numbers of the other tasks and their shuffles, see eval_questions.cc and
// eval_claims.cc.
constexpr uint64_t kRegions = 501;
constexpr uint64_t kShuffle = 1501;
// Tries for one question before the world is taken to have no more.
constexpr int kTries = 20;
// Of a line's area, what a region that shows it holds.
constexpr double kShown = 0.9;

std::optional<EvalRegion> AskOne(const demo_world::World& world, Task task, bool text_layer,
                                 demo_world::Random& random) {
  const auto question = Ask(world, task, random);
  if (!question.has_value()) return std::nullopt;
  const demo_world::World::Fact* const fact = FactOf(world, *question);
  if (fact == nullptr) return std::nullopt;
  const demo_world::Document& page = world.documents()[static_cast<size_t>(fact->document)];
  const demo_world::DrawnPage drawn = DrawPage(page.page, page.view);
  const demo_world::PageLine* const line = LineOf(*fact, drawn);
  if (line == nullptr) return std::nullopt;
  EvalRegion out;
  out.question = Prepare(world, *question);
  out.text_layer = text_layer;
  out.place = text_layer ? OnTextPage(page.page, *line, drawn) : line->box;
  if (text_layer) out.texts = TextsOnPage(page.page, drawn);
  return out;
}

// Of `box` and the place of the lines that `snippet` is, 0 where the page does not have one of
// them; of several that read so the best counts.
double QuotedOverlap(const std::vector<PlacedText>& texts, const std::string& snippet,
                     const Box& box) {
  std::optional<Box> place;
  for (const absl::string_view line : absl::StrSplit(snippet, '\n')) {
    const PlacedText* best = nullptr;
    for (const PlacedText& text : texts) {
      if (text.text != line) continue;
      if (best == nullptr ||
          IntersectionOverUnion(text.place, box) > IntersectionOverUnion(best->place, box)) {
        best = &text;
      }
    }
    if (best == nullptr) return 0;
    place = place.has_value() ? Around(*place, best->place) : best->place;
  }
  return place.has_value() ? IntersectionOverUnion(*place, box) : 0;
}

std::string BoxText(const Box& box) {
  return absl::StrFormat("[%.3f,%.3f,%.3f,%.3f]", box.x0, box.y0, box.x1, box.y1);
}

using Value = std::function<double(const CitedRegion&)>;

// Over the regions of words, or of pictures.
std::optional<double> Mean(const std::vector<RegionScore>& scores, bool of_words,
                           const Value& value) {
  double sum = 0;
  int count = 0;
  for (const RegionScore& score : scores) {
    for (const CitedRegion& region : score.regions) {
      if (region.of_words != of_words) continue;
      sum += value(region);
      ++count;
    }
  }
  if (count == 0) return std::nullopt;
  return sum / count;
}

}  // namespace

std::vector<EvalRegion> AskRegions(const demo_world::World& world, bool text_layer, int count,
                                   uint64_t seed) {
  std::vector<EvalRegion> out;
  demo_world::Random random = demo_world::Random(seed).Fork(kRegions);
  for (int tries = 0; static_cast<int>(out.size()) < count && tries < kTries * count; ++tries) {
    const Task task = tries % 2 == 0 ? Task::kPageAnswer : Task::kTableAnswer;
    if (auto region = AskOne(world, task, text_layer, random)) out.push_back(*std::move(region));
  }
  return out;
}

void ShuffleRegions(uint64_t seed, std::vector<EvalRegion>& regions) {
  demo_world::Random random = demo_world::Random(seed).Fork(kShuffle);
  std::vector<EvalRegion*> circle;
  for (EvalRegion& region : regions) circle.push_back(&region);
  for (int i = static_cast<int>(circle.size()) - 1; i > 0; --i) {
    std::swap(circle[i], circle[random.Below(i + 1)]);
  }
  // One step along a random circle, as ShuffleGold.
  for (size_t i = 1; i < circle.size(); ++i) {
    std::swap(circle[0]->place, circle[i]->place);
    std::swap(circle[0]->texts, circle[i]->texts);
  }
}

absl::StatusOr<RegionScore> AskRegion(const EvalSession& session, const EvalRegion& region,
                                      bool reranked, Latencies& latencies) {
  // The demo's generator was taught pictures of pages, not sheets of text.
  v1::SearchAndAnswerRequest request = AnswerRequest(
      session.collection(), region.question, {.quoted = region.text_layer, .reranked = reranked});
  request.set_regions(true);
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const v1::AnswerResponse reply, session.Answer(request));
  latencies.Add("answer", absl::ToDoubleMilliseconds(absl::Now() - start), reply.timings());
  RegionScore score;
  score.language = region.question.language;
  JsonList found;
  for (const v1::Citation& citation : reply.citations()) {
    const v1::Passage& passage = citation.hit().passage();
    if (passage.document_id() != region.question.gold.documents.front()) continue;
    ++score.citations;
    if (!citation.has_region() && !passage.has_box()) continue;
    const Box box = BoxFromProto(citation.has_region() ? citation.region() : passage.box());
    score.regions.push_back({.of_words = passage.has_box(),
                             .covered = Covered(region.place, box),
                             .overlap = IntersectionOverUnion(region.place, box),
                             .quoted = QuotedOverlap(region.texts, citation.snippet(), box),
                             .area = (box.x1 - box.x0) * (box.y1 - box.y0)});
    found.Add(BoxText(box));
  }
  score.record = JsonObject()
                     .Text("task", kRegionsTask)
                     .Text("question", region.question.text)
                     .Text("document", region.question.gold.documents.front())
                     .Text("answer", reply.answer())
                     .Raw("place", BoxText(region.place))
                     .Raw("regions", found.Done())
                     .Done();
  return score;
}

TaskFigures RegionTask(const std::vector<RegionScore>& scores) {
  TaskFigures out = {.task = kRegionsTask, .questions = static_cast<int>(scores.size())};
  int cited = 0, citations = 0, regions = 0;
  for (const RegionScore& score : scores) {
    ++(score.language == Language::kEnglish ? out.english : out.chinese);
    cited += score.citations > 0 ? 1 : 0;
    citations += score.citations;
    regions += static_cast<int>(score.regions.size());
  }
  const auto share = [](int part, int all) {
    return all > 0 ? std::optional<double>(static_cast<double>(part) / all) : std::nullopt;
  };
  out.figures.emplace_back("page_cited", share(cited, out.questions));
  out.figures.emplace_back("citation_has_region", share(regions, citations));
  for (const bool of_words : {true, false}) {
    const std::string name = of_words ? "words_" : "picture_";
    out.figures.emplace_back(name + "covered",
                             Mean(scores, of_words, [](const CitedRegion& region) {
                               return region.covered >= kShown ? 1.0 : 0.0;
                             }));
    out.figures.emplace_back(name + "iou50", Mean(scores, of_words, [](const CitedRegion& region) {
                               return region.overlap > 0.5 ? 1.0 : 0.0;
                             }));
    if (of_words) {
      out.figures.emplace_back(name + "quoted_iou50",
                               Mean(scores, of_words, [](const CitedRegion& region) {
                                 return region.quoted > 0.5 ? 1.0 : 0.0;
                               }));
    }
    out.figures.emplace_back(name + "area", Mean(scores, of_words, [](const CitedRegion& region) {
                               return region.area;
                             }));
  }
  return out;
}

}  // namespace sightline::cli
