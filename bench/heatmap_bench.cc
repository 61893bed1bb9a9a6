// How often a heatmap is hottest at the right place, and what it takes. Usage: heatmap_bench
// [MODEL [SAMPLES [SEED]]]; the pictures are those of the made-up shop, which the demo model knows.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "model/load.h"
#include "tests/support/pointing_game.h"

namespace sightline {
namespace {

absl::Status Measure(const char* name, model::Encoder& encoder,
                     const std::vector<testing::PointingSample>& samples) {
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(const testing::PointingScore score,
                      testing::PlayPointingGame(encoder, samples));
  const double count = static_cast<double>(samples.size());
  std::printf("%-6s %5zu %8.3f %8.3f %8.3f %10.0f\n", name, samples.size(), score.hits / count,
              score.by_chance / count, score.by_centre / count,
              absl::ToDoubleMilliseconds(absl::Now() - start) / count);
  return absl::OkStatus();
}

absl::Status Run(const std::string& folder, int count, uint64_t seed) {
  SL_ASSIGN_OR_RETURN(const model::LoadedModel loaded, model::Load(folder, {}));
  if (loaded.encoder == nullptr) return absl::FailedPreconditionError("it holds no encoder");
  const auto world = demo_world::World::Make(demo_world::kFirstEvaluationSeed + seed, {});
  std::printf("%-6s %5s %8s %8s %8s %10s\n", "of", "n", "hits", "chance", "centre", "ms each");
  SL_RETURN_IF_ERROR(
      Measure("items", *loaded.encoder, testing::ItemsToPointAt(world, count, seed)));
  return Measure("lines", *loaded.encoder, testing::LinesToPointAt(world, count, seed));
}

}  // namespace
}  // namespace sightline

int main(int argc, char** argv) {
  const absl::Status status =
      sightline::Run(argc > 1 ? argv[1] : "models/demo", argc > 2 ? std::atoi(argv[2]) : 250,
                     argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  if (status.ok()) return 0;
  std::fprintf(stderr, "heatmap_bench: %s\n", status.ToString().c_str());
  return 1;
}
