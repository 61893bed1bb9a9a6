#include "services/query/claim_checker.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/query/convert.h"
#include "services/query/grounded_writer.h"
#include "services/query/message_filter.h"

namespace sightline::query {
namespace {

constexpr int kDefaultK = 5;

absl::Status TooManyPassages(const std::string& field) {
  return edge::InvalidField(
      field,
      absl::StrCat(
          "names more than ", kMaxPassagesOfClaim,
          " passages; name the ones that matter, or none and have the collection searched"),
      "too_many_passages");
}

absl::Status Check(const v1::CheckClaimsRequest& request) {
  if (request.claims().empty() || request.claims_size() > kMaxClaims) {
    return edge::InvalidField(
        "claims", absl::StrCat("expected 1..", kMaxClaims, ", got ", request.claims_size()),
        request.claims().empty() ? "missing_field" : "out_of_range");
  }
  if (request.k() < 0 || request.k() > kMaxPassagesSearched) {
    return edge::InvalidField(
        "k", absl::StrCat("expected 0..", kMaxPassagesSearched, ", got ", request.k()),
        "out_of_range");
  }
  return absl::OkStatus();
}

// The sentences that state something, with their place in `text`.
std::vector<v1::ClaimVerdict> Sentences(const std::string& text) {
  std::vector<v1::ClaimVerdict> out;
  for (const Span& span : SplitAnswer(text)) {
    const absl::string_view words =
        absl::string_view(text).substr(span.begin, span.end - span.begin);
    const std::string claim(absl::StripAsciiWhitespace(WithoutMarkers(words)));
    if (!HasLetterOrDigit(claim)) continue;
    const size_t begin = Trimmed(words, {0, words.size()}).begin;
    v1::ClaimVerdict& sentence = out.emplace_back();
    sentence.set_start(static_cast<int>(span.begin + begin));
    sentence.set_end(static_cast<int>(span.begin + std::max(begin, EndWithoutMarkers(words))));
    sentence.set_text(claim);
  }
  return out;
}

// Of verdicts of single passages: which one counts most for the claim.
int Weight(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSupported: return 3;
    case Verdict::kContradicted: return 2;
    case Verdict::kUnchecked: return 1;
    case Verdict::kUnsupported: return 0;
  }
  return 0;
}

void AddTimings(const Retrieved& found, v1::StageTimings& out) {
  out.set_encode_ms(out.encode_ms() + found.encode_ms);
  out.set_dense_ms(out.dense_ms() + found.dense_ms);
  out.set_lexical_ms(out.lexical_ms() + found.lexical_ms);
  out.set_fuse_ms(out.fuse_ms() + found.fuse_ms);
}

}  // namespace

absl::StatusOr<v1::CheckClaimsResponse> ClaimChecker::Check(const v1::CheckClaimsRequest& request,
                                                            const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(query::Check(request));
  v1::CheckClaimsResponse out;
  edge::CallLimits noted = limits;
  noted.makeshift = std::make_shared<std::atomic<bool>>(false);
  std::set<uint64_t> pictures_read, not_read;
  PictureWords read;
  if (parts_.read != nullptr) {
    read = [&](const index::Passage& picture, bool chinese,
               const edge::CallLimits& call) -> absl::StatusOr<std::string> {
      if (pictures_read.size() == kMaxReadings && !pictures_read.contains(picture.id)) {
        not_read.insert(picture.id);
        return "";
      }
      pictures_read.insert(picture.id);
      return parts_.read(picture, chinese, call);
    };
  }
  for (int i = 0; i < request.claims_size(); ++i) {
    const v1::Claim& claim = request.claims(i);
    const std::string field = absl::StrCat("claims[", i, "]");
    std::string text = claim.text();
    if (text.size() > parts_.limits.max_text_bytes) {
      return edge::InvalidField(field + ".text",
                                absl::StrCat("expected at most ", parts_.limits.max_text_bytes,
                                             " bytes, got ", text.size()),
                                "text_too_long");
    }
    std::optional<TextFilter> filter;
    if (parts_.filters.questions != nullptr) {
      filter.emplace(*parts_.filters.questions);
      SL_RETURN_IF_ERROR(FilterQuestionText(*filter, field + ".text", text));
    }
    std::vector<v1::ClaimVerdict> sentences = Sentences(text);
    if (sentences.empty()) {
      return edge::InvalidField(field + ".text", "expected a text that states something",
                                "missing_field");
    }
    if (out.verdicts_size() + static_cast<int>(sentences.size()) > kMaxClaimSentences) {
      return edge::InvalidField(
          field + ".text",
          absl::StrCat("with it there are more than ", kMaxClaimSentences, " sentences"),
          "text_too_long");
    }
    const bool search = claim.passage_ids().empty() && claim.document_ids().empty();
    Sources sources;
    if (!search) {
      SL_ASSIGN_OR_RETURN(sources, Named(request, claim, field));
    }
    for (v1::ClaimVerdict& sentence : sentences) {
      SL_RETURN_IF_ERROR(edge::StillWanted(limits, "judging a sentence"));
      // Where a marker stood inside a word, there is now a word that no rule has seen.
      if (parts_.filters.questions != nullptr && !absl::StrContains(text, sentence.text())) {
        SL_RETURN_IF_ERROR(FilterQuestionText(*parts_.filters.questions, field + ".text",
                                              *sentence.mutable_text()));
      }
      sentence.set_claim(i);
      if (filter.has_value()) {  // places are those of the caller's text
        sentence.set_start(static_cast<int>(filter->UnmapBegin(sentence.start())));
        sentence.set_end(static_cast<int>(filter->UnmapEnd(sentence.end())));
      }
      if (search) {
        SL_ASSIGN_OR_RETURN(sources, Search(request, sentence.text(), limits, out));
      }
      SL_RETURN_IF_ERROR(Judge(sources, read, noted, sentence));
      *out.add_verdicts() = std::move(sentence);
    }
  }
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "judging a sentence"));
  if (!not_read.empty()) {
    out.add_warnings(absl::StrCat("pictures that were not read, because a request reads at most ",
                                  kMaxReadings, ": ", not_read.size()));
  }
  if (*noted.makeshift) out.add_warnings(edge::kMakeshiftWarning);
  return out;
}

absl::StatusOr<ClaimChecker::Sources> ClaimChecker::Named(const v1::CheckClaimsRequest& request,
                                                          const v1::Claim& claim,
                                                          const std::string& field) const {
  Sources out;
  const auto add = [&](index::Passage passage) {
    for (const Hit& hit : out.hits) {
      if (hit.passage.id == passage.id) return;
    }
    out.hits.push_back({.passage = std::move(passage)});
  };
  for (int i = 0; i < claim.passage_ids_size(); ++i) {
    const std::string name = absl::StrCat(field, ".passage_ids[", i, "]");
    SL_ASSIGN_OR_RETURN(const uint64_t id, PassageIdFrom(claim.passage_ids(i), name));
    absl::StatusOr<index::Passage> passage = parts_.corpus.GetPassage(id);
    if (!passage.ok()) {
      return edge::WithResource(edge::WithField(passage.status(), name), "passage",
                                claim.passage_ids(i));
    }
    add(*std::move(passage));
    if (out.hits.size() > kMaxPassagesOfClaim) return TooManyPassages(field);
  }
  for (int i = 0; i < claim.document_ids_size(); ++i) {
    const std::string name = absl::StrCat(field, ".document_ids[", i, "]");
    const std::string& id = claim.document_ids(i);
    if (request.collection().empty()) {
      return edge::InvalidField("collection", "the collection of the documents is required",
                                "missing_field");
    }
    // A document without passages is there all the same, and says nothing.
    if (const auto there = parts_.corpus.GetDocument(request.collection(), id); !there.ok()) {
      return edge::WithResource(edge::WithField(there.status(), name), "document", id);
    }
    SL_ASSIGN_OR_RETURN(
        std::vector<index::Passage> passages,
        parts_.corpus.DocumentPassages(request.collection(), id, kMaxPassagesOfClaim + 1));
    for (index::Passage& passage : passages) add(std::move(passage));
    if (out.hits.size() > kMaxPassagesOfClaim) return TooManyPassages(name);
  }
  return out;
}

absl::StatusOr<ClaimChecker::Sources> ClaimChecker::Search(const v1::CheckClaimsRequest& request,
                                                           const std::string& sentence,
                                                           const edge::CallLimits& limits,
                                                           v1::CheckClaimsResponse& out) const {
  if (request.collection().empty()) {
    return edge::InvalidField("collection",
                              "the collection to search is required for a claim that names no "
                              "passages",
                              "missing_field");
  }
  RetrieveRequest search;
  search.collection = request.collection();
  search.content.texts = {sentence};
  search.filter = request.filter();
  search.no_cache = request.no_cache();
  search.k = request.k() == 0 ? kDefaultK : request.k();
  SL_ASSIGN_OR_RETURN(Retrieved found, parts_.retriever.Retrieve(search, limits));
  AddTimings(found, *out.mutable_timings());
  for (const std::string& warning : found.warnings) {
    const auto& known = out.warnings();
    if (std::find(known.begin(), known.end(), warning) == known.end()) out.add_warnings(warning);
  }
  return Sources{.hits = std::move(found.hits), .together = false};
}

absl::Status ClaimChecker::Judge(const Sources& sources, const PictureWords& read,
                                 const edge::CallLimits& limits, v1::ClaimVerdict& out) const {
  std::vector<const index::Passage*> passages;
  for (const Hit& hit : sources.hits) passages.push_back(&hit.passage);
  const auto judge = [&](std::span<const index::Passage* const> cited, const PictureWords& words) {
    return JudgeByReading(out.text(), cited, parts_.entailment, words, limits);
  };
  const Verdict of_all =
      sources.together || passages.empty() ? judge(passages, read) : Verdict::kUnchecked;
  std::vector<Verdict> verdicts(passages.size(), of_all);
  if (!sources.together) {
    for (size_t i = 0; i < passages.size(); ++i) verdicts[i] = judge({&passages[i], 1}, nullptr);
    // Pictures are read out only for what nothing else supports, until one does.
    for (size_t i = 0; i < passages.size(); ++i) {
      if (std::ranges::find(verdicts, Verdict::kSupported) != verdicts.end()) break;
      if (IsUnread(*passages[i])) verdicts[i] = judge({&passages[i], 1}, read);
    }
  }
  std::vector<size_t> order(passages.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return Weight(verdicts[a]) > Weight(verdicts[b]); });
  out.set_verdict(ToProto(order.empty() ? of_all : verdicts[order.front()]));
  for (const size_t i : order) {
    Citation citation = {.marker = out.evidence_size() + 1,
                         .start = static_cast<size_t>(out.start()),
                         .end = static_cast<size_t>(out.end()),
                         .hit = i,
                         .snippet = "",
                         .verdict = verdicts[i],
                         .support = Overlap(out.text(), FactsOf(*passages[i]))};
    RestOn(*passages[i], out.text(), citation);
    v1::Citation& evidence = *out.add_evidence();
    evidence = ToProto(citation, sources.hits);
    if (parts_.filters.answers == nullptr) continue;
    SL_RETURN_IF_ERROR(FilterCitation(*parts_.filters.answers, evidence));
  }
  return absl::OkStatus();
}

}  // namespace sightline::query
