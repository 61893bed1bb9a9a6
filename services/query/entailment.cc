#include "services/query/entailment.h"

#include <utility>
#include <vector>

#include "base/status.h"

namespace sightline::query {
EntailmentScorer RerankerEntailment(model::Reranker& reranker, PassagePicture picture) {
  if (reranker.info().untrained) return nullptr;
  return [&reranker, picture = std::move(picture)](
             const std::string& claim, std::span<const index::Passage* const> passages,
             const edge::CallLimits& limits) -> absl::StatusOr<float> {
    model::RerankItem document;
    for (const index::Passage* passage : passages) {
      if (std::string words = FactsOf(*passage); !words.empty()) {
        document.texts.push_back(std::move(words));
      }
      if (!IsPicture(passage->kind) || passage->blob_hash.empty()) continue;
      if (auto image = picture(*passage, limits.deadline); image.ok()) {
        document.images.push_back(*std::move(image));
      } else {
        edge::NoteMakeshift(limits);
      }
    }
    const model::CallOptions call = {.priority = model::Priority::kInteractive,
                                     .deadline = limits.deadline,
                                     .cancel = limits.cancel,
                                     .tenant = limits.tenant,
                                     .adapter = ""};
    model::RerankItem query;
    query.texts = {claim};
    SL_ASSIGN_OR_RETURN(
        const std::vector<float> scores,
        reranker.Rerank(kEntailmentInstruction, query, std::span(&document, 1), call));
    if (scores.size() != 1) return absl::InternalError("expected one score of one document");
    return scores.front();
  };
}

Verdict JudgeClaim(const std::string& claim, std::span<const index::Passage* const> cited,
                   const EntailmentScorer& scorer, const edge::CallLimits& limits) {
  if (cited.empty()) return Verdict::kUnsupported;
  std::vector<std::string> words;
  for (const index::Passage* passage : cited) words.push_back(FactsOf(*passage));
  const Verdict verdict = CheckClaim(claim, words);
  if (Fails(verdict) || scorer == nullptr) return verdict;
  const absl::StatusOr<float> score = scorer(claim, cited, limits);
  if (!score.ok()) {
    edge::NoteMakeshift(limits);
    return verdict;
  }
  if (*score < kNotEntailed) return Verdict::kUnsupported;
  return *score >= kEntailed ? Verdict::kSupported : verdict;
}

}  // namespace sightline::query
