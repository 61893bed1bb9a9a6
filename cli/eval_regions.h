#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/eval_latency.h"
#include "cli/eval_questions.h"
#include "cli/eval_report.h"
#include "cli/eval_session.h"
#include "cli/eval_text_page.h"
#include "tools/demo_world/world.h"

// The task "regions": where the citations of written answers point to on the pages of the made-up
// shop.
namespace sightline::cli {

// A question whose answer stands in one line of a page.
struct EvalRegion {
  EvalQuestion question;
  demo_world::Box place;               // that line, in fractions of the page as it is ingested
  bool text_layer = false;             // the answer quotes it, else it is written
  std::vector<PlacedText> texts = {};  // with a text layer: of the whole page
};

// `count` questions, half of them to tables, fewer where the pages hold too little. `text_layer`:
// the pages are those of eval_text_page.h, else pictures.
std::vector<EvalRegion> AskRegions(const demo_world::World& world, bool text_layer, int count,
                                   uint64_t seed);

// Gives each question the place and texts of another one, as long as there are two.
void ShuffleRegions(uint64_t seed, std::vector<EvalRegion>& regions);

// A citation of the page that the answer stands on.
struct CitedRegion {
  bool of_words = false;  // words that were read there; else what the model points to
  double covered = 0;     // of the line's area
  double overlap = 0;     // of both areas
  double quoted = 0;      // likewise, with the place of the words that are quoted; 0: unknown
  double area = 0;        // of the page
};

struct RegionScore {
  demo_world::Language language = demo_world::Language::kEnglish;
  int citations = 0;                 // of the page
  std::vector<CitedRegion> regions;  // of those that have one
  std::string record;                // question, answer and regions as one JSON object
};

// Has an answer written, with regions, its passages `reranked` or not. Any thread. Errors: those of
// the call.
absl::StatusOr<RegionScore> AskRegion(const EvalSession& session, const EvalRegion& region,
                                      bool reranked, Latencies& latencies);

TaskFigures RegionTask(const std::vector<RegionScore>& scores);

}  // namespace sightline::cli
