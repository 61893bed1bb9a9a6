#include "services/query/reading.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/generation.h"
#include "services/query/markers.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

constexpr int kTokens = 128;  // of a sentence

Verdict VerdictOf(const std::string& claim, const std::string& written) {
  if (IsAbstention(written)) return Verdict::kUnsupported;
  const std::string read = DropMarkers(written);
  const Verdict verdict = CheckClaim(claim, {read});
  // For a document the gates take some common words for enough; what was asked to be a sentence
  // like the claim has all of them, or says something else.
  if (verdict == Verdict::kSupported && Overlap(claim, read) < 1) return Verdict::kUnchecked;
  return verdict;
}

size_t PicturesIn(const std::vector<model::Message>& messages) {
  size_t count = 0;
  for (const model::Message& message : messages) {
    for (const auto& part : message.parts) count += std::holds_alternative<ImagePtr>(part) ? 1 : 0;
  }
  return count;
}

}  // namespace

std::string ReadingRequest(const std::string& claim) {
  return absl::StrCat(
      IsMostlyCjk(claim) ? "关于这一点写的是什么？" : "What does it say about this? ", claim);
}

bool IsUnread(const index::Passage& passage) {
  return IsPicture(passage.kind) && passage.kind != index::PassageKind::kVideoSegment &&
         !passage.blob_hash.empty() && passage.text.empty();
}

PictureJudge GeneratorReading(model::Generator& generator, PassagePicture picture,
                              const ReadingOptions& options) {
  return [&generator, picture = std::move(picture), options](
             const std::string& claim, std::span<const index::Passage* const> pictures,
             const edge::CallLimits& limits) -> absl::StatusOr<Verdict> {
    std::vector<Hit> hits;
    for (const index::Passage* passage : pictures) hits.push_back({.passage = *passage});
    QueryContent question;
    question.texts = {ReadingRequest(claim)};
    SL_ASSIGN_OR_RETURN(Prompt prompt,
                        BuildPrompt(question, hits, options.prompt, generator, picture, limits));
    if (PicturesIn(prompt.messages) < pictures.size()) return Verdict::kUnchecked;
    model::GenerateInput input;
    input.messages = std::move(prompt.messages);
    input.sampling.temperature = 0;
    input.max_tokens = kTokens;
    input.format = model::MarkedTextFormat{.markers = prompt.passages,
                                           .reply = AbstentionFor(question.texts.front()),
                                           .reply_above = options.abstain_above};
    SL_ASSIGN_OR_RETURN(
        const model::GenerateResult result,
        Generate(generator, input, limits, [](const model::TextPiece&) { return true; }));
    if (result.first().finish_reason == model::FinishReason::kLength) return Verdict::kUnchecked;
    return VerdictOf(claim, result.first().text);
  };
}

}  // namespace sightline::query
