#include "services/query/reading.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/claim_check.h"
#include "services/query/generation.h"
#include "services/query/markers.h"
#include "services/query/prompt.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr int kTokens = 128;  // of a sentence
constexpr float kUndecided = (kEntailed + kNotEntailed) / 2;

bool IsUnread(const index::Passage& passage) {
  return IsPicture(passage.kind) && !passage.blob_hash.empty() && passage.text.empty();
}

// As the gates see it, the generator's text in place of the passages.
float ScoreOf(const std::string& claim, const std::string& read) {
  if (IsAbstention(read)) return 0;
  switch (CheckClaim(claim, {DropMarkers(read)})) {
    case Verdict::kSupported: return 1;
    case Verdict::kUnchecked: return kUndecided;
    case Verdict::kUnsupported:
    case Verdict::kContradicted: return 0;
  }
  return kUndecided;
}

}  // namespace

std::string ReadingRequest(const std::string& claim) {
  return absl::StrCat(
      IsMostlyCjk(claim) ? "关于这一点写的是什么？" : "What does it say about this? ", claim);
}

EntailmentScorer ReadingEntailment(model::Generator& generator, PassagePicture picture) {
  return [&generator, picture = std::move(picture)](
             const std::string& claim, std::span<const index::Passage* const> passages,
             const edge::CallLimits& limits) -> absl::StatusOr<float> {
    if (std::ranges::none_of(passages, [](const auto* one) { return IsUnread(*one); })) {
      return kUndecided;
    }
    std::vector<Hit> hits;
    for (const index::Passage* passage : passages) hits.push_back({.passage = *passage});
    QueryContent question;
    question.texts = {ReadingRequest(claim)};
    SL_ASSIGN_OR_RETURN(Prompt prompt, BuildPrompt(question, hits, {}, generator, picture, limits));
    model::GenerateInput input;
    input.messages = std::move(prompt.messages);
    input.sampling.temperature = 0;
    input.max_tokens = kTokens;
    input.format = model::MarkedTextFormat{.markers = prompt.passages,
                                           .reply = AbstentionFor(question.texts.front()),
                                           .reply_above = generator.info().abstain_above};
    SL_ASSIGN_OR_RETURN(
        const model::GenerateResult result,
        Generate(generator, input, limits, [](const model::TextPiece&) { return true; }));
    return ScoreOf(claim, result.first().text);
  };
}

}  // namespace sightline::query
