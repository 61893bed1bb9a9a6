#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/eval_latency.h"
#include "cli/eval_questions.h"
#include "cli/eval_report.h"
#include "cli/eval_session.h"
#include "tools/demo_world/questions.h"
#include "tools/demo_world/world.h"

// The task "verdict": sentences of the made-up shop, some of them false, judged by a document.
namespace sightline::cli {

// What is wrong with a claim.
enum class Planted {
  kNothing,  // its document says so
  kNumber,   // another item's price or stock
  kDate,     // another maker's year
  kUnit,     // another currency; English texts name none
  kName,     // another maker, warehouse, city, month or customer
  kSource    // true, but of another document than the one it is judged by
};

// What the document is that a claim is taken from.
enum class ClaimSource {
  kText,
  kPage,  // a picture of a label, sign or chart
  kTable  // a picture of a price list, invoice or stock table
};

// The fact that a question of one fact asks for; null where the world has none.
const demo_world::World::Fact* FactOf(const demo_world::World& world,
                                      const demo_world::Question& question);

struct EvalClaim {
  ClaimSource source = ClaimSource::kText;
  demo_world::Language language = demo_world::Language::kEnglish;
  Planted planted = Planted::kNothing;
  std::string text;
  std::string document;  // that it is judged by
};

// Of `count` facts that each kind of source states, or fewer where there are none: the sentence
// that says it, the same with the value of another fact of its kind, and the first again with the
// likest other document of its kind and language as the source; of a text's price with a
// currency, the same in another one. All but the first only where the world has such a thing.
std::vector<std::vector<EvalClaim>> MakeClaims(const demo_world::World& world, int count,
                                               uint64_t seed);

// Gives each claim what is wrong with another one, as long as there are two.
void ShuffleClaims(uint64_t seed, std::vector<std::vector<EvalClaim>>& claims);

struct ClaimScore {
  ClaimSource source = ClaimSource::kText;
  demo_world::Language language = demo_world::Language::kEnglish;
  Planted planted = Planted::kNothing;
  bool refused = false;     // unsupported or contradicted
  std::string record = {};  // claim, document and verdict as one JSON object
};

// Has the claims judged in one call. Any thread. Errors: those of the call.
absl::StatusOr<std::vector<ClaimScore>> CheckClaims(const EvalSession& session,
                                                    const std::vector<EvalClaim>& claims,
                                                    Latencies& latencies);

// The three figures that stand with the main ones: verdict_false_caught, verdict_swapped_caught,
// verdict_true_flagged.
std::vector<Figure> VerdictFigures(const std::vector<ClaimScore>& scores);
// All that is told of the task.
TaskFigures VerdictTask(const std::vector<ClaimScore>& scores);

}  // namespace sightline::cli
