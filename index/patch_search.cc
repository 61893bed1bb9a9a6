#include "index/patch_search.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/status.h"
#include "index/key_codec.h"
#include "index/patch_codes.h"

namespace sightline::index {
namespace {

constexpr float kPatchWeight = 0.3f;  // docs/patches.md has what others give
constexpr float kCosineWeight = 1 - kPatchWeight;

// A candidate with patches: where it stands, and by what it is judged.
struct Candidate {
  size_t place = 0;
  uint32_t number = 0;
  float score = 0;
};

}  // namespace

absl::StatusOr<absl::flat_hash_map<uint32_t, float>> RescoreByPatches(
    const Store& store, const View& view, std::span<const std::vector<float>> words, size_t top,
    absl::Time deadline, std::vector<ScoredPassage>& dense) {
  absl::flat_hash_map<uint32_t, float> scores;
  const Collection& collection = view.record.collection;
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
    candidates.push_back(
        {place, number, kCosineWeight * dense[place].score + kPatchWeight * score});
  }
  std::vector<Candidate> ranked = candidates;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  for (size_t i = 0; i < candidates.size(); ++i) {
    dense[candidates[i].place].number = ranked[i].number;
  }
  return scores;
}

}  // namespace sightline::index
