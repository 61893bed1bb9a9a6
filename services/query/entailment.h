#pragma once

#include <functional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "model/reranker.h"
#include "services/edge/call_scope.h"
#include "services/query/claim_check.h"
#include "services/query/hits.h"

namespace sightline::query {

// How surely `passages` together state or show what `claim` says, [0, 1]. Any thread.
using EntailmentScorer = std::function<absl::StatusOr<float>(
    const std::string& claim, std::span<const index::Passage* const> passages,
    const edge::CallLimits& limits)>;

// What the reranker is asked, and what the demo's model is taught.
inline constexpr char kEntailmentInstruction[] =
    "Judge whether the Document states or shows everything that the Query claims.";

// One that asks a reranker, with the words and the pictures of the passages. Null for a reranker
// whose weights are untrained. `reranker` outlives it.
EntailmentScorer RerankerEntailment(model::Reranker& reranker, PassagePicture picture);

// Judges a claim (without markers) by the passages it cites: the exact gates of CheckClaim, then
// `scorer`, which may be null. What a gate refuses stays refused: a network is no witness against a
// number. Else a score from kEntailed on makes an unchecked claim supported, and one below
// kNotEntailed makes any claim unsupported; between them, and when the scorer fails, the gates'
// verdict stands.
Verdict JudgeClaim(const std::string& claim, std::span<const index::Passage* const> cited,
                   const EntailmentScorer& scorer, const edge::CallLimits& limits);

inline constexpr float kEntailed = 0.5f;
inline constexpr float kNotEntailed = 0.1f;

}  // namespace sightline::query
