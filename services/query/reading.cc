#include "services/query/reading.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "services/cache/cache_key.h"
#include "services/query/claim_check.h"
#include "services/query/generation.h"
#include "services/query/names.h"
#include "services/query/terms.h"

namespace sightline::query {
namespace {

bool IsOnPageOf(const index::Passage& words, const index::Passage& picture) {
  return picture.kind == index::PassageKind::kPage && !words.text.empty() &&
         words.collection == picture.collection && words.document_id == picture.document_id &&
         words.page == picture.page;
}

// There is nothing to be read, and there will not be.
bool CannotBeRead(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status);
}

}  // namespace

std::string ReadRequest(bool chinese) { return chinese ? "读出文字。" : "Read the text."; }

bool IsUnread(const index::Passage& passage) {
  return IsPicture(passage.kind) && passage.kind != index::PassageKind::kVideoSegment &&
         !passage.blob_hash.empty() && passage.text.empty();
}

absl::StatusOr<std::string> PictureReadings::Read(const index::Passage& picture, bool chinese,
                                                  const edge::CallLimits& limits) {
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reading a picture out"));
  cache::CacheKeyMaker maker(cache::TenantSalt(secret_, limits.tenant), "reading");
  const std::string key = maker.Number(chinese ? 1 : 0).Field(picture.blob_hash).Make().bytes();
  if (const auto known = kept_.Find(key); known != nullptr) return *known;
  const int forgotten = forgotten_;
  const auto keep = [&](std::string words) {
    auto value = std::make_shared<const std::string>(std::move(words));
    if (forgotten_ == forgotten) {
      kept_.Insert(key, value, static_cast<int64_t>(value->size()));
      // Forget came between.
      if (forgotten_ != forgotten) kept_.Clear();
    }
    return *value;
  };
  absl::StatusOr<ImagePtr> image = picture_(picture, limits.deadline);
  if (CannotBeRead(image.status())) return keep("");
  SL_RETURN_IF_ERROR(image.status());
  model::GenerateInput input;
  input.messages = {{.role = "user", .parts = {*std::move(image), ReadRequest(chinese)}}};
  input.sampling.temperature = 0;
  input.max_tokens = kReadingTokens;
  const absl::StatusOr<model::GenerateResult> result =
      Generate(generator_, input, limits, [](const model::TextPiece&) { return true; });
  if (CannotBeRead(result.status())) return keep("");
  SL_RETURN_IF_ERROR(result.status());
  const bool is_whole = result->first().finish_reason != model::FinishReason::kLength;
  return keep(is_whole ? result->first().text : "");
}

void PictureReadings::Forget() {
  ++forgotten_;
  kept_.Clear();
}

absl::StatusOr<index::Passage> ReadOut(const index::Passage& passage, const std::string& claim,
                                       const PictureWords& read, const edge::CallLimits& limits) {
  index::Passage out = passage;
  if (read != nullptr && IsUnread(passage)) {
    SL_ASSIGN_OR_RETURN(out.text, read(passage, IsMostlyCjk(claim), limits));
  }
  return out;
}

bool SaysWhatCanBeWritten(const std::string& text) {
  return std::ranges::any_of(
             text, [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }) ||
         !NamesIn(text).empty() || !QuotesIn(text).empty();
}

Verdict CheckReadClaim(const std::string& claim, const std::vector<std::string>& facts,
                       bool whole) {
  const Verdict verdict = CheckClaim(claim, facts);
  if (!Fails(verdict)) return verdict;
  const bool tells = std::ranges::any_of(facts, [&](const std::string& words) {
    return SaysWhatCanBeWritten(words) || Overlap(claim, words) > 0;
  });
  return whole && tells && SaysWhatCanBeWritten(claim) ? verdict : Verdict::kUnchecked;
}

Verdict JudgeByReading(const std::string& claim, std::span<const index::Passage* const> cited,
                       const EntailmentScorer& scorer, const PictureWords& read,
                       const edge::CallLimits& limits) {
  const Verdict verdict = JudgeClaim(claim, cited, scorer, limits);
  const auto to_read = [&](const index::Passage* picture) {
    return IsUnread(*picture) && std::ranges::none_of(cited, [&](const index::Passage* words) {
             return IsOnPageOf(*words, *picture);
           });
  };
  if (verdict == Verdict::kSupported || read == nullptr || !SaysWhatCanBeWritten(claim) ||
      std::ranges::none_of(cited, to_read)) {
    return verdict;
  }
  // What a reranker saw and refused stays refused.
  if (scorer != nullptr && Fails(verdict) && !Fails(JudgeClaim(claim, cited, nullptr, limits))) {
    return verdict;
  }
  std::vector<std::string> facts;
  bool whole = true;
  for (const index::Passage* passage : cited) {
    if (!to_read(passage)) {
      facts.push_back(FactsOf(*passage));
      continue;
    }
    const absl::StatusOr<index::Passage> known = ReadOut(*passage, claim, read, limits);
    if (!known.ok()) {
      edge::NoteMakeshift(limits);
      return verdict;
    }
    facts.push_back(FactsOf(*known));
    whole = whole && !facts.back().empty();
  }
  const Verdict seen = CheckReadClaim(claim, facts, whole);
  return seen == Verdict::kUnchecked ? verdict : seen;
}

}  // namespace sightline::query
