#include "services/query/query_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "index/date.h"
#include "services/edge/error_details.h"
#include "services/edge/request_log.h"
#include "services/query/answer_filter.h"
#include "services/query/convert.h"
#include "services/query/heat.h"
#include "services/query/kept_answer.h"
#include "services/query/message_filter.h"

namespace sightline::query {
namespace {

constexpr int kDefaultK = 10;
constexpr int kLeastThumbnail = 16;
constexpr int kMostThumbnail = 2048;
constexpr int kHeatmapSide = 1024;
constexpr int kMostHeatmapSide = 4096;

absl::StatusOr<index::FusionMode> ModeFrom(v1::SearchMode mode, const std::string& prefix) {
  switch (mode) {
    case v1::SEARCH_MODE_UNSPECIFIED:
    case v1::SEARCH_MODE_HYBRID: return index::FusionMode::kHybrid;
    case v1::SEARCH_MODE_DENSE: return index::FusionMode::kDense;
    case v1::SEARCH_MODE_LEXICAL: return index::FusionMode::kLexical;
    default:
      return edge::InvalidField(absl::StrCat(prefix, "mode"),
                                absl::StrCat("no such search mode: ", static_cast<int>(mode)));
  }
}

absl::StatusOr<index::TimeRange> TimeFrom(const v1::SearchRequest& request,
                                          const std::string& prefix) {
  const auto read = [&](absl::string_view field,
                        const std::string& text) -> absl::StatusOr<index::DateSpan> {
    const auto span = index::ReadDate(text);
    if (span.has_value()) return *span;
    return edge::InvalidField(absl::StrCat(prefix, field),
                              "expected a date or a time as in RFC 3339: 2024-03-01 or "
                              "2024-03-01T08:00:00Z",
                              "bad_time");
  };
  index::TimeRange out;
  if (!request.time_from().empty()) {
    SL_ASSIGN_OR_RETURN(const index::DateSpan from, read("time_from", request.time_from()));
    out.from = from.first;
  }
  if (!request.time_to().empty()) {
    SL_ASSIGN_OR_RETURN(const index::DateSpan to, read("time_to", request.time_to()));
    out.to = to.last;
  }
  return out;
}

absl::StatusOr<AnswerMode> ModeFrom(v1::AnswerMode mode) {
  switch (mode) {
    case v1::ANSWER_MODE_UNSPECIFIED: return AnswerMode::kAuto;
    case v1::ANSWER_MODE_GENERATIVE: return AnswerMode::kGenerative;
    case v1::ANSWER_MODE_EXTRACTIVE: return AnswerMode::kExtractive;
    default:
      return edge::InvalidField("mode",
                                absl::StrCat("no such answer mode: ", static_cast<int>(mode)));
  }
}

absl::StatusOr<VerdictPolicy> PolicyFrom(v1::VerdictPolicy policy) {
  switch (policy) {
    case v1::VERDICT_POLICY_UNSPECIFIED:
    case v1::VERDICT_POLICY_FLAG: return VerdictPolicy::kFlag;
    case v1::VERDICT_POLICY_DROP: return VerdictPolicy::kDrop;
    case v1::VERDICT_POLICY_REGENERATE: return VerdictPolicy::kRegenerate;
    default:
      return edge::InvalidField("verdict_policy",
                                absl::StrCat("no such policy: ", static_cast<int>(policy)));
  }
}

absl::StatusOr<AnswerRequest> ReadAnswer(const v1::SearchAndAnswerRequest& request) {
  AnswerRequest out;
  SL_ASSIGN_OR_RETURN(out.mode, ModeFrom(request.mode()));
  SL_ASSIGN_OR_RETURN(out.policy, PolicyFrom(request.verdict_policy()));
  SL_ASSIGN_OR_RETURN(out.sampling, SamplingFrom(request.sampling(), "sampling"));
  out.max_tokens = request.sampling().max_tokens();
  out.stop.assign(request.sampling().stop().begin(), request.sampling().stop().end());
  out.json_schema = request.json_schema();
  out.reasoning = request.reasoning();
  out.regions = request.regions();
  return out;
}

absl::Status CheckDrawing(const v1::GetPassageHeatmapRequest& request) {
  const int side = request.max_side();
  if (side != 0 && (side < kLeastThumbnail || side > kMostHeatmapSide)) {
    return edge::InvalidField(
        "max_side",
        absl::StrCat("expected 0 or ", kLeastThumbnail, "..", kMostHeatmapSide, ", got ", side),
        "out_of_range");
  }
  if (request.has_word() && request.word() < 0) {
    return edge::InvalidField("word", "words are counted from 0", "out_of_range");
  }
  if (!v1::HeatmapPicture_IsValid(request.picture())) {
    return edge::InvalidField(
        "picture", absl::StrCat("no such drawing: ", static_cast<int>(request.picture())));
  }
  return absl::OkStatus();
}

absl::Duration Milliseconds(double ms) { return absl::Milliseconds(ms); }

void AddUsage(const FollowUp& follow_up, v1::Usage& usage) {
  usage.set_prompt_tokens(usage.prompt_tokens() + follow_up.prompt_tokens);
  usage.set_completion_tokens(usage.completion_tokens() + follow_up.completion_tokens);
}

void SetTotal(absl::Time start, v1::StageTimings& timings) {
  timings.set_total_ms(absl::ToDoubleMilliseconds(absl::Now() - start));
}

// What a follow-up is searched with puts words of several messages together, which no rule has
// seen so.
absl::Status CheckNotBlocked(const ContentRules& rules, const std::string& field,
                             const QueryContent& content) {
  std::vector<std::string> texts = {content.JoinedText()};
  for (const QueryPart& part : content.parts) texts.push_back(part.text);
  for (std::string& text : texts) SL_RETURN_IF_ERROR(FilterQuestionText(rules, field, text));
  return absl::OkStatus();
}

absl::Status NoPassage(const absl::Status& status, const std::string& id) {
  return edge::WithResource(status, "passage", id);
}

}  // namespace

QueryService::QueryService(Parts parts) : parts_(std::move(parts)) {}

grpc::Status QueryService::Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                                  v1::SearchResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  const absl::Time start = absl::Now();
  auto asked = ReadSearch(*request, "", scope.limits());
  if (!asked.ok()) return scope.Finish(asked.status());
  if (request->second_look()) asked->search.second_look = asked->search.k;
  asked->search.text_syntax = true;  // a question to answer is a sentence: its marks are its own
  const auto retrieved = parts_.retriever.Retrieve(asked->search, scope.limits());
  if (!retrieved.ok()) return scope.Finish(retrieved.status());
  auto found = Leaving(*asked, *retrieved);
  if (!found.ok()) return scope.Finish(found.status());
  *response = *std::move(found);
  SetTotal(start, *response->mutable_timings());
  Measure(response->timings(), response->follow_up(), *context);
  return scope.Finish(absl::OkStatus());
}

grpc::Status QueryService::SearchAndAnswer(grpc::ServerContext* context,
                                           const v1::SearchAndAnswerRequest* request,
                                           grpc::ServerWriter<v1::AnswerEvent>* writer) {
  const edge::CallScope scope(parts_.watcher, *context);
  auto done = Run(*context, *request, scope.limits(),
                  [&](const v1::AnswerEvent& event) { return writer->Write(event); });
  if (!done.ok()) return scope.Finish(done.status());
  v1::AnswerEvent event;
  *event.mutable_done() = *std::move(done);
  if (!writer->Write(event)) return scope.Finish(absl::CancelledError("the client is gone"));
  return scope.Finish(absl::OkStatus());
}

grpc::Status QueryService::Answer(grpc::ServerContext* context,
                                  const v1::SearchAndAnswerRequest* request,
                                  v1::AnswerResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  auto done = Run(*context, *request, scope.limits(), [](const v1::AnswerEvent&) { return true; });
  if (!done.ok()) return scope.Finish(done.status());
  *response = *std::move(done);
  return scope.Finish(absl::OkStatus());
}

grpc::Status QueryService::GetPassage(grpc::ServerContext* context,
                                      const v1::GetPassageRequest* request,
                                      v1::GetPassageResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  const auto id = PassageIdFrom(request->passage_id());
  if (!id.ok()) return scope.Finish(id.status());
  const auto passage = parts_.corpus.GetPassage(*id);
  if (!passage.ok()) return scope.Finish(NoPassage(passage.status(), request->passage_id()));
  *response->mutable_passage() = ToProto(*passage);
  if (parts_.filters.answers == nullptr) return scope.Finish(absl::OkStatus());
  return scope.Finish(FilterPassage(*parts_.filters.answers, *response->mutable_passage()));
}

grpc::Status QueryService::CheckClaims(grpc::ServerContext* context,
                                       const v1::CheckClaimsRequest* request,
                                       v1::CheckClaimsResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  const absl::Time start = absl::Now();
  auto checked = parts_.claims.Check(*request, scope.limits());
  if (!checked.ok()) return scope.Finish(checked.status());
  *response = *std::move(checked);
  SetTotal(start, *response->mutable_timings());
  Measure(response->timings(), /*follow_up=*/{}, *context);
  return scope.Finish(absl::OkStatus());
}

grpc::Status QueryService::GetPassageImage(grpc::ServerContext* context,
                                           const v1::GetPassageImageRequest* request,
                                           v1::GetPassageImageResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  const auto image = [&]() -> absl::StatusOr<Thumbnail> {
    SL_ASSIGN_OR_RETURN(const uint64_t id, PassageIdFrom(request->passage_id()));
    const int side = request->max_side();
    if (side != 0 && (side < kLeastThumbnail || side > kMostThumbnail)) {
      return edge::InvalidField(
          "max_side",
          absl::StrCat("expected 0 or ", kLeastThumbnail, "..", kMostThumbnail, ", got ", side),
          "out_of_range");
    }
    const auto passage = parts_.corpus.GetPassage(id);
    if (!passage.ok()) return NoPassage(passage.status(), request->passage_id());
    if (passage->blob_hash.empty()) {
      return NoPassage(
          edge::WithReason(absl::NotFoundError(absl::StrCat("passage ", id, " has no picture")),
                           "no_picture"),
          request->passage_id());
    }
    SL_ASSIGN_OR_RETURN(index::Blob blob, parts_.corpus.GetBlob(passage->blob_hash));
    if (side == 0) {
      return Thumbnail{std::move(blob.bytes), std::move(blob.media_type), blob.width, blob.height};
    }
    return parts_.thumbnail(blob.bytes, side, scope.limits().deadline);
  }();
  if (!image.ok()) return scope.Finish(image.status());
  response->set_data(image->bytes);
  response->set_media_type(image->media_type);
  response->set_width(image->width);
  response->set_height(image->height);
  return scope.Finish(absl::OkStatus());
}

grpc::Status QueryService::GetPassageHeatmap(grpc::ServerContext* context,
                                             const v1::GetPassageHeatmapRequest* request,
                                             v1::GetPassageHeatmapResponse* response) {
  const edge::CallScope scope(parts_.watcher, *context);
  auto heatmap = MakeHeatmap(*request, scope.limits());
  if (!heatmap.ok()) return scope.Finish(heatmap.status());
  *response = *std::move(heatmap);
  return scope.Finish(absl::OkStatus());
}

absl::StatusOr<v1::GetPassageHeatmapResponse> QueryService::MakeHeatmap(
    const v1::GetPassageHeatmapRequest& request, const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(CheckDrawing(request));
  SL_ASSIGN_OR_RETURN(const uint64_t id, PassageIdFrom(request.passage_id()));
  const auto passage = parts_.corpus.GetPassage(id);
  if (!passage.ok()) return NoPassage(passage.status(), request.passage_id());
  v1::SearchRequest search;
  search.set_collection(passage->collection);
  search.set_instruction(request.instruction());
  search.set_no_cache(request.no_cache());
  *search.mutable_query() = request.query();
  *search.mutable_history() = request.history();
  SL_ASSIGN_OR_RETURN(const Asked asked, ReadSearch(search, "", limits));
  const bool words = request.words() || request.has_word();
  auto heatmap = parts_.heatmapper.Make(*passage, asked.search, words, limits);
  if (absl::IsNotFound(heatmap.status())) {
    return NoPassage(heatmap.status(), request.passage_id());
  }
  if (!heatmap.ok()) return heatmap.status();
  if (request.has_word() && request.word() >= static_cast<int>(heatmap->words.size())) {
    return edge::InvalidField(
        "word",
        absl::StrCat("the query has ", heatmap->words.size(),
                     " words with values of their own, counted from 0; got ", request.word()),
        "out_of_range");
  }
  SL_ASSIGN_OR_RETURN(const index::Blob blob, parts_.corpus.GetBlob(passage->blob_hash));
  v1::GetPassageHeatmapResponse out = ToProto(*heatmap);
  if (asked.follow_up.has_value()) {
    SL_ASSIGN_OR_RETURN(*out.mutable_follow_up(), Leaving(*asked.follow_up));
  }
  out.set_width(blob.width);
  out.set_height(blob.height);
  if (request.picture() == v1::HEATMAP_PICTURE_UNSPECIFIED) return out;
  const std::vector<float>& values =
      request.has_word() ? heatmap->words[request.word()].values : heatmap->values;
  SL_ASSIGN_OR_RETURN(
      Thumbnail drawn,
      parts_.draw_heat(blob.bytes,
                       {.rows = heatmap->rows,
                        .columns = heatmap->columns,
                        .values = HeatBytes(values),
                        .alone = request.picture() == v1::HEATMAP_PICTURE_ALONE,
                        .max_side = request.max_side() == 0 ? kHeatmapSide : request.max_side()},
                       limits.deadline));
  out.set_drawn(std::move(drawn.bytes));
  out.set_drawn_width(drawn.width);
  out.set_drawn_height(drawn.height);
  return out;
}

absl::StatusOr<QueryService::Asked> QueryService::ReadSearch(const v1::SearchRequest& request,
                                                             const std::string& prefix,
                                                             const edge::CallLimits& limits) const {
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reading the query"));
  if (parts_.filters.questions == nullptr) return ReadFiltered(request, prefix, limits);
  SL_ASSIGN_OR_RETURN(const v1::SearchRequest filtered,
                      FilterQuestion(*parts_.filters.questions, request, prefix));
  return ReadFiltered(filtered, prefix, limits);
}

absl::StatusOr<QueryService::Asked> QueryService::ReadFiltered(
    const v1::SearchRequest& request, const std::string& prefix,
    const edge::CallLimits& limits) const {
  Asked asked;
  RetrieveRequest& out = asked.search;
  out.collection = request.collection();
  if (out.collection.empty()) {
    return edge::InvalidField(absl::StrCat(prefix, "collection"), "expected a collection's name",
                              "missing_field");
  }
  out.k = request.k() == 0 ? kDefaultK : request.k();
  out.filter = request.filter();
  SL_ASSIGN_OR_RETURN(out.mode, ModeFrom(request.mode(), prefix));
  if (request.has_dense_weight()) {
    if (!(request.dense_weight() >= 0 && request.dense_weight() <= 1)) {
      return edge::InvalidField(absl::StrCat(prefix, "dense_weight"),
                                absl::StrCat("expected 0 to 1, got ", request.dense_weight()));
    }
    if (out.mode != index::FusionMode::kHybrid) {
      return edge::InvalidField(absl::StrCat(prefix, "dense_weight"),
                                "only of hybrid searches; this one is of one kind");
    }
    out.dense_weight = static_cast<float>(request.dense_weight());
  }
  out.rerank = request.rerank();
  out.instruction = request.instruction();
  out.candidates = request.candidates();
  out.group_by_document = request.group_by_document();
  out.group_size = request.group_size() == 0 ? 1 : request.group_size();
  out.neighbours = request.neighbours();
  out.explain = request.explain();
  out.no_cache = request.no_cache();
  out.no_patches = request.no_patches();
  out.collapse = request.collapse_near_duplicates();
  SL_ASSIGN_OR_RETURN(out.time, TimeFrom(request, prefix));
  SL_RETURN_IF_ERROR(
      CheckHistory(request.history(), absl::StrCat(prefix, "history"), parts_.conversation));
  // Last, as it is the one part that costs: pictures are fetched and decoded here.
  const NamedParts query = {request.query(), absl::StrCat(prefix, "query")};
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures({&query, 1}, parts_.limits, parts_.fetcher, limits));
  SL_ASSIGN_OR_RETURN(out.content, ReadSearchContent(query.parts, query.field, parts_.limits,
                                                     parts_.decode, limits.deadline, fetched));
  asked.question = out.content;
  if (!request.history().empty()) SL_RETURN_IF_ERROR(FollowHistory(request, prefix, limits, asked));
  return asked;
}

absl::Status QueryService::FollowHistory(const v1::SearchRequest& request,
                                         const std::string& prefix, const edge::CallLimits& limits,
                                         Asked& asked) const {
  const std::string field = absl::StrCat(prefix, "history");
  std::vector<NamedParts> turns;
  for (int i = 0; i < request.history_size(); ++i) {
    turns.push_back({request.history(i).content(), absl::StrCat(field, "[", i, "].content")});
  }
  SL_ASSIGN_OR_RETURN(const FetchedPictures fetched,
                      FetchPictures(turns, parts_.limits, parts_.fetcher, limits));
  SL_ASSIGN_OR_RETURN(asked.history,
                      ReadHistory(request.history(), field, parts_.conversation, parts_.limits,
                                  parts_.decode, limits.deadline, fetched));
  SL_ASSIGN_OR_RETURN(asked.follow_up,
                      parts_.rewriter.Rewrite(asked.question, asked.history, limits));
  if (parts_.filters.questions != nullptr) {
    SL_RETURN_IF_ERROR(CheckNotBlocked(*parts_.filters.questions, field, asked.follow_up->search));
    SL_RETURN_IF_ERROR(
        CheckNotBlocked(*parts_.filters.questions, field, asked.follow_up->stand_alone));
  }
  asked.search.content = asked.follow_up->search;
  if (asked.follow_up->by_meaning && asked.search.mode == index::FusionMode::kHybrid) {
    asked.search.mode = index::FusionMode::kDense;
  }
  // The weights are the rule's, not the caller's, who need not hear that words have none.
  if (asked.search.mode == index::FusionMode::kLexical && asked.question.parts.empty()) {
    asked.search.content.parts.clear();
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::AnswerResponse> QueryService::Run(grpc::ServerContext& context,
                                                     const v1::SearchAndAnswerRequest& request,
                                                     const edge::CallLimits& limits,
                                                     const OnEvent& on_event) {
  const absl::Time start = absl::Now();
  SL_ASSIGN_OR_RETURN(AnswerRequest wanted, ReadAnswer(request));
  SL_RETURN_IF_ERROR(edge::StillWanted(limits, "reading the query"));
  v1::SearchAndAnswerRequest filtered = request;
  if (parts_.filters.questions != nullptr) {
    SL_ASSIGN_OR_RETURN(*filtered.mutable_search(),
                        FilterQuestion(*parts_.filters.questions,
                                       std::move(*filtered.mutable_search()), "search."));
  }
  edge::CallLimits noted = limits;
  noted.makeshift = std::make_shared<std::atomic<bool>>(false);
  KeptAnswer kept(parts_.answers, parts_.corpus, noted, filtered, parts_.answerer.Repeats(wanted));
  v1::AnswerEvent last;
  if (auto events = kept.Find(); events.has_value()) {
    last = std::move(events->back());
    events->pop_back();
    for (v1::AnswerEvent& event : *events) {
      if (event.has_retrieved()) {
        SetTotal(start, *event.mutable_retrieved()->mutable_search()->mutable_timings());
      }
      if (!on_event(event)) return absl::CancelledError("the client is gone");
    }
    SetTotal(start, *last.mutable_done()->mutable_timings());
  } else {
    SL_ASSIGN_OR_RETURN(*last.mutable_done(), Work(start, filtered.search(), std::move(wanted),
                                                   noted, [&](const v1::AnswerEvent& event) {
                                                     kept.Add(event);
                                                     return on_event(event);
                                                   }));
    if (*noted.makeshift) last.mutable_done()->add_warnings(edge::kMakeshiftWarning);
    kept.Add(last);
  }
  Measure(last.done().timings(), last.done().follow_up(), context);
  return std::move(*last.mutable_done());
}

absl::StatusOr<v1::AnswerResponse> QueryService::Work(absl::Time start,
                                                      const v1::SearchRequest& filtered,
                                                      AnswerRequest wanted,
                                                      const edge::CallLimits& limits,
                                                      const OnEvent& on_event) {
  SL_ASSIGN_OR_RETURN(Asked asked, ReadFiltered(filtered, "search.", limits));
  if (asked.question.texts.empty() && asked.question.images.empty()) {
    return edge::InvalidField("search.query",
                              "an answer needs a question: a text or a picture with a weight above "
                              "0 beside the stored passages and documents",
                              "empty_query");
  }
  if (filtered.has_second_look() ? filtered.second_look() : parts_.second_look) {
    asked.search.second_look = parts_.answer_passages;
  }
  SL_ASSIGN_OR_RETURN(const Retrieved retrieved, parts_.retriever.Retrieve(asked.search, limits));
  wanted.question = std::move(asked.question);
  wanted.history = std::move(asked.history);
  if (asked.follow_up.has_value()) wanted.stand_alone = asked.follow_up->stand_alone;

  v1::AnswerEvent event;
  v1::SearchResponse& found = *event.mutable_retrieved()->mutable_search();
  SL_ASSIGN_OR_RETURN(found, Leaving(asked, retrieved));
  SetTotal(start, *found.mutable_timings());
  v1::AnswerResponse done;
  *done.mutable_hits() = found.hits();
  *done.mutable_warnings() = found.warnings();
  *done.mutable_timings() = found.timings();
  if (found.has_follow_up()) *done.mutable_follow_up() = found.follow_up();
  if (!on_event(event)) return absl::CancelledError("the client is gone");

  const ContentRules* const rules = parts_.filters.answers.get();
  absl::Status citations_filtered;
  const auto give_citation = [&](v1::AnswerEvent& out, v1::Citation& citation) {
    if (rules != nullptr) citations_filtered.Update(FilterCitation(*rules, citation));
    return citations_filtered.ok() && on_event(out);
  };
  const AnswerSink sink = {.on_text =
                               [&](absl::string_view text) {
                                 v1::AnswerEvent out;
                                 out.mutable_delta()->set_text(std::string(text));
                                 return on_event(out);
                               },
                           .on_citation =
                               [&](const Citation& citation) {
                                 v1::AnswerEvent out;
                                 *out.mutable_citation() = ToProto(citation, retrieved.hits);
                                 return give_citation(out, *out.mutable_citation());
                               },
                           .on_field =
                               [&](const FieldCitation& field) {
                                 v1::AnswerEvent out;
                                 *out.mutable_field_citation() = ToProto(field, retrieved.hits);
                                 return give_citation(
                                     out, *out.mutable_field_citation()->mutable_citation());
                               },
                           .on_reasoning =
                               [&](absl::string_view text) {
                                 v1::AnswerEvent out;
                                 out.mutable_reasoning()->set_text(std::string(text));
                                 return on_event(out);
                               }};
  const auto write = [&](const AnswerSink& to) {
    return parts_.answerer.Write(wanted, retrieved, limits, to);
  };
  const absl::StatusOr<query::Answer> written =
      rules == nullptr ? write(sink)
                       : FilterAnswer(*rules, parts_.answerer.ModeOf(wanted), sink, write);
  SL_RETURN_IF_ERROR(citations_filtered);
  SL_RETURN_IF_ERROR(written.status());
  const query::Answer& answer = *written;
  SL_ASSIGN_OR_RETURN(const v1::AnswerResponse leaving, Leaving(answer, retrieved.hits));
  done.MergeFrom(leaving);
  if (asked.follow_up.has_value()) AddUsage(*asked.follow_up, *done.mutable_usage());
  SetTotal(start, *done.mutable_timings());
  if (answer.first_token_ms > 0) parts_.metrics.FirstToken(Milliseconds(answer.first_token_ms));
  parts_.metrics.TokensUsed(done.usage().prompt_tokens(), done.usage().completion_tokens());
  return done;
}

absl::StatusOr<v1::SearchResponse> QueryService::Leaving(const Asked& asked,
                                                         const Retrieved& retrieved) const {
  v1::SearchResponse out = ToProto(retrieved);
  if (asked.follow_up.has_value()) {
    SL_ASSIGN_OR_RETURN(*out.mutable_follow_up(), Leaving(*asked.follow_up));
  }
  if (parts_.filters.answers != nullptr) {
    SL_RETURN_IF_ERROR(FilterHits(*parts_.filters.answers, *out.mutable_hits()));
  }
  return out;
}

absl::StatusOr<v1::FollowUp> QueryService::Leaving(const FollowUp& follow_up) const {
  v1::FollowUp out = ToProto(follow_up);
  if (parts_.filters.answers != nullptr) {
    SL_RETURN_IF_ERROR(FilterFollowUp(*parts_.filters.answers, out));
  }
  return out;
}

absl::StatusOr<v1::AnswerResponse> QueryService::Leaving(const query::Answer& answer,
                                                         const std::vector<Hit>& hits) const {
  v1::AnswerResponse out = ToProto(answer, hits);
  if (parts_.filters.answers == nullptr) return out;
  for (v1::Citation& citation : *out.mutable_citations()) {
    SL_RETURN_IF_ERROR(FilterCitation(*parts_.filters.answers, citation));
  }
  for (v1::FieldCitation& field : *out.mutable_field_citations()) {
    SL_RETURN_IF_ERROR(FilterCitation(*parts_.filters.answers, *field.mutable_citation()));
  }
  return out;
}

void QueryService::Measure(const v1::StageTimings& timings, const v1::FollowUp& follow_up,
                           grpc::ServerContext& context) {
  const double retrieval = timings.dense_ms() + timings.lexical_ms() + timings.fuse_ms();
  edge::Stages stages;
  const auto add = [&](const char* stage, double ms) {
    if (ms <= 0) return;
    parts_.metrics.StageDone(stage, Milliseconds(ms));
    stages.emplace_back(stage, ms);
  };
  add("rewrite", follow_up.generated() ? follow_up.rewrite_ms() : 0);
  add("encode", timings.encode_ms());
  add("retrieval", retrieval);
  add("patches", timings.patches_ms());
  add("rerank", timings.rerank_ms());
  add("second_look", timings.second_look_ms());
  add("draft", timings.draft_ms());
  add("answer", timings.generate_ms() - timings.draft_ms());
  edge::ReportStages(context, stages);
}

}  // namespace sightline::query
