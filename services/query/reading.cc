#include "services/query/reading.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/query/claim_check.h"
#include "services/query/generation.h"
#include "services/query/names.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

bool SaysWhatCanBeWritten(const std::string& claim) {
  return !NumbersIn(claim).empty() || !NamesIn(claim).empty() || !QuotesIn(claim).empty();
}

}  // namespace

std::string ReadRequest(bool chinese) { return chinese ? "读出文字。" : "Read the text."; }

bool IsUnread(const index::Passage& passage) {
  return IsPicture(passage.kind) && passage.kind != index::PassageKind::kVideoSegment &&
         !passage.blob_hash.empty() && passage.text.empty();
}

absl::StatusOr<std::string> PictureReadings::Read(const index::Passage& picture, bool chinese,
                                                  const edge::CallLimits& limits) {
  const std::string key = absl::StrCat(chinese ? "zh " : "en ", picture.blob_hash);
  if (const auto known = kept_.Find(key); known != nullptr) return *known;
  SL_ASSIGN_OR_RETURN(ImagePtr image, picture_(picture, limits.deadline));
  model::GenerateInput input;
  input.messages = {{.role = "user", .parts = {std::move(image), ReadRequest(chinese)}}};
  input.sampling.temperature = 0;
  input.max_tokens = kReadingTokens;
  SL_ASSIGN_OR_RETURN(
      const model::GenerateResult result,
      Generate(generator_, input, limits, [](const model::TextPiece&) { return true; }));
  const bool is_whole = result.first().finish_reason != model::FinishReason::kLength;
  auto words = std::make_shared<const std::string>(is_whole ? result.first().text : "");
  kept_.Insert(key, words, static_cast<int64_t>(words->size()));
  return *words;
}

absl::StatusOr<std::string> ReadFactsOf(const index::Passage& passage, const std::string& claim,
                                        const PictureWords& read, const edge::CallLimits& limits) {
  if (read == nullptr || !IsUnread(passage)) return FactsOf(passage);
  index::Passage with_words = passage;
  SL_ASSIGN_OR_RETURN(with_words.text, read(passage, IsMostlyCjk(claim), limits));
  return with_words.text.empty() ? "" : FactsOf(with_words);
}

Verdict JudgeByReading(const std::string& claim, std::span<const index::Passage* const> cited,
                       const EntailmentScorer& scorer, const PictureWords& read,
                       const edge::CallLimits& limits) {
  const Verdict verdict = JudgeClaim(claim, cited, scorer, limits);
  const bool some_unread =
      std::ranges::any_of(cited, [](const index::Passage* passage) { return IsUnread(*passage); });
  if (verdict == Verdict::kSupported || read == nullptr || !some_unread ||
      !SaysWhatCanBeWritten(claim)) {
    return verdict;
  }
  std::vector<std::string> facts;
  bool all_read = true;
  for (const index::Passage* passage : cited) {
    absl::StatusOr<std::string> words = ReadFactsOf(*passage, claim, read, limits);
    if (!words.ok()) {
      edge::NoteMakeshift(limits);
      return verdict;
    }
    all_read = all_read && !words->empty();
    facts.push_back(*std::move(words));
  }
  const Verdict seen = CheckClaim(claim, facts);
  return Fails(seen) && !all_read ? verdict : seen;
}

}  // namespace sightline::query
