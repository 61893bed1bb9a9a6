#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "index/corpus.h"
#include "services/edge/call_scope.h"
#include "services/query/content.h"
#include "services/query/content_rules.h"
#include "services/query/entailment.h"
#include "services/query/reading.h"
#include "services/query/retriever.h"
#include "sightline/v1/query.pb.h"

namespace sightline::query {

inline constexpr int kMaxClaims = 100;           // of a request
inline constexpr int kMaxClaimSentences = 200;   // of all its claims
inline constexpr int kMaxPassagesOfClaim = 32;   // named, documents' passages counted
inline constexpr int kMaxPassagesSearched = 20;  // found, for a sentence
inline constexpr int kMaxReadings = 100;         // of pictures without words, for one request

// Judges what somebody says by stored passages: CheckClaims of query.proto. Any thread.
class ClaimChecker {
 public:
  // All references outlive the checker; `entailment` and `read` may be null.
  struct Parts {
    const index::Corpus& corpus;
    const Retriever& retriever;
    EntailmentScorer entailment;
    ContentLimits limits;
    FilterOptions filters = {};
    PictureWords read = nullptr;
  };
  explicit ClaimChecker(Parts parts) : parts_(std::move(parts)) {}

  // Without total_ms. kInvalidArgument with the field: no claims or too many, a claim that states
  // nothing, one that is too long ("text_too_long") or names too many passages
  // ("too_many_passages"), a bad id, a search without a collection; kNotFound: no such collection,
  // passage or document; errors of the retriever; kCancelled and kDeadlineExceeded between
  // sentences.
  absl::StatusOr<v1::CheckClaimsResponse> Check(const v1::CheckClaimsRequest& request,
                                                const edge::CallLimits& limits) const;

 private:
  // What a sentence is judged by, and how.
  struct Sources {
    std::vector<Hit> hits;
    bool together = true;  // else each judges it alone
  };

  absl::StatusOr<Sources> Named(const v1::CheckClaimsRequest& request, const v1::Claim& claim,
                                const std::string& field) const;
  // Adds to the timings and warnings of `out`.
  absl::StatusOr<Sources> Search(const v1::CheckClaimsRequest& request, const std::string& sentence,
                                 const edge::CallLimits& limits,
                                 v1::CheckClaimsResponse& out) const;
  // Fills the verdict and the evidence in.
  absl::Status Judge(const Sources& sources, const PictureWords& read,
                     const edge::CallLimits& limits, v1::ClaimVerdict& out) const;

  const Parts parts_;
};

}  // namespace sightline::query
