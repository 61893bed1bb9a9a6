#include "index/patch_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/patch_codes.h"

namespace sightline::index {
namespace {

// A candidate with patches: where it stands, and by what it is judged.
struct Candidate {
  size_t place = 0;
  ScoredPassage passage;
  double patches = 0;
  double combined = 0;
};

// Adds to each candidate's score `weight` times its value, less the mean, over the deviation.
template <typename Value>
void AddStandardised(std::vector<Candidate>& candidates, double weight, Value value) {
  double sum = 0, squares = 0;
  for (const Candidate& candidate : candidates) sum += value(candidate);
  const double mean = sum / static_cast<double>(candidates.size());
  for (const Candidate& candidate : candidates) {
    squares += (value(candidate) - mean) * (value(candidate) - mean);
  }
  const double deviation = std::sqrt(squares / static_cast<double>(candidates.size()));
  constexpr double kRounding = 1e-7;
  if (deviation < kRounding) return;
  for (Candidate& candidate : candidates) {
    candidate.combined += weight * (value(candidate) - mean) / deviation;
  }
}

}  // namespace

absl::StatusOr<absl::flat_hash_map<uint32_t, float>> RescoreByPatches(
    const Store& store, const View& view, std::span<const std::vector<float>> words, size_t top,
    absl::Time deadline, std::vector<ScoredPassage>& dense) {
  absl::flat_hash_map<uint32_t, float> scores;
  const Collection& collection = view.record.collection;
  if (collection.patches == PatchCodes::kNone || words.empty()) return scores;
  const PatchQuery query(collection.patches, collection.dimension, words);
  std::vector<Candidate> candidates;
  for (size_t place = 0; place < std::min(top, dense.size()); ++place) {
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError("scoring by patches took too long");
    }
    const uint32_t number = dense[place].number;
    SL_ASSIGN_OR_RETURN(const auto stored,
                        store.Get(PatchesKey(view.record.id, number), view.moment.get()));
    if (!stored.has_value()) continue;
    SL_ASSIGN_OR_RETURN(const float score, query.Score(*stored));
    scores[number] = score;
    candidates.push_back({place, dense[place], score, 0});
  }
  if (candidates.empty()) return scores;
  const char* w_env = std::getenv("SL_PATCH_WEIGHT");
  const double kPatchWeight = w_env ? std::atof(w_env) : 0.3;
  if (std::getenv("SL_PATCH_RAW")) {
    for (Candidate& c : candidates) c.combined = (1 - kPatchWeight) * c.passage.score + kPatchWeight * c.patches;
  } else {
  AddStandardised(candidates, 1 - kPatchWeight,
                  [](const Candidate& candidate) { return double{candidate.passage.score}; });
  AddStandardised(candidates, kPatchWeight,
                  [](const Candidate& candidate) { return candidate.patches; });
  }
  std::vector<Candidate> ranked = candidates;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Candidate& a, const Candidate& b) { return a.combined > b.combined; });
  for (size_t i = 0; i < candidates.size(); ++i) {
    dense[candidates[i].place].number = ranked[i].passage.number;
  }
  return scores;
}

}  // namespace sightline::index
