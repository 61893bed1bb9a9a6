#include "services/query/convert.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"

namespace sightline::query {
namespace {

void Fill(const nlohmann::json& object, google::protobuf::Struct& out);

void Fill(const nlohmann::json& json, google::protobuf::Value& out) {
  switch (json.type()) {
    case nlohmann::json::value_t::boolean: out.set_bool_value(json.get<bool>()); break;
    case nlohmann::json::value_t::string: out.set_string_value(json.get<std::string>()); break;
    case nlohmann::json::value_t::object: Fill(json, *out.mutable_struct_value()); break;
    case nlohmann::json::value_t::array: {
      google::protobuf::ListValue& list = *out.mutable_list_value();
      for (const nlohmann::json& item : json) Fill(item, *list.add_values());
      break;
    }
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float: out.set_number_value(json.get<double>()); break;
    case nlohmann::json::value_t::null:
    case nlohmann::json::value_t::binary:
    case nlohmann::json::value_t::discarded:
      out.set_null_value(google::protobuf::NULL_VALUE);
      break;
  }
}

void Fill(const nlohmann::json& object, google::protobuf::Struct& out) {
  for (const auto& [key, value] : object.items()) Fill(value, (*out.mutable_fields())[key]);
}

constexpr int kMaxTokens = 32'768;
constexpr int kMaxStops = 16;
constexpr int kMaxTokenEntries = 1024;
constexpr size_t kMaxStopBytes = 256;

absl::Status OutOfRange(const std::string& prefix, absl::string_view field,
                        absl::string_view expected, double got) {
  return edge::InvalidField(absl::StrCat(prefix, ".", field),
                            absl::StrCat("expected ", expected, ", got ", got), "out_of_range");
}

}  // namespace

v1::Box ToProto(const Box& box) {
  v1::Box out;
  out.set_x0(box.x0);
  out.set_y0(box.y0);
  out.set_x1(box.x1);
  out.set_y1(box.y1);
  return out;
}

v1::PassageKind ToProto(index::PassageKind kind) {
  switch (kind) {
    case index::PassageKind::kText: return v1::PASSAGE_KIND_TEXT;
    case index::PassageKind::kImage: return v1::PASSAGE_KIND_IMAGE;
    case index::PassageKind::kPage: return v1::PASSAGE_KIND_PAGE;
    case index::PassageKind::kFigure: return v1::PASSAGE_KIND_FIGURE;
    case index::PassageKind::kTable: return v1::PASSAGE_KIND_TABLE;
    case index::PassageKind::kVideoSegment: return v1::PASSAGE_KIND_VIDEO_SEGMENT;
  }
  return v1::PASSAGE_KIND_UNSPECIFIED;
}

v1::TextLine ToProto(const TextLine& line) {
  v1::TextLine out;
  out.set_begin(line.begin);
  if (line.box.has_value()) *out.mutable_box() = ToProto(*line.box);
  return out;
}

v1::Passage ToProto(const index::Passage& passage) {
  v1::Passage out;
  out.set_passage_id(absl::StrCat(passage.id));
  out.set_document_id(passage.document_id);
  out.set_collection(passage.collection);
  // Paths on disk need not be UTF-8, and protobuf refuses strings that are not.
  out.set_source(ToValidUtf8(passage.source));
  out.set_kind(ToProto(passage.kind));
  out.set_ordinal(passage.ordinal);
  if (passage.page > 0) out.set_page(passage.page);
  if (passage.box.has_value()) *out.mutable_box() = ToProto(*passage.box);
  if (passage.start.has_value()) out.set_start(*passage.start);
  if (passage.end.has_value()) out.set_end(*passage.end);
  out.set_text(ToValidUtf8(passage.text));
  out.set_heading(ToValidUtf8(passage.heading));
  out.set_has_image(!passage.blob_hash.empty());
  out.set_token_count(passage.token_count);
  if (passage.ocr_confidence.has_value()) out.set_ocr_confidence(*passage.ocr_confidence);
  // Not protobuf's own reader of JSON, which looks every type up by its name.
  const auto metadata =
      nlohmann::json::parse(passage.metadata_json, nullptr, /*allow_exceptions=*/false);
  if (metadata.is_object()) Fill(metadata, *out.mutable_metadata());
  return out;
}

v1::Explanation ToProto(const HitReason& reason) {
  v1::Explanation out;
  if (reason.stages.dense_rank > 0) out.set_dense_rank(reason.stages.dense_rank);
  if (reason.stages.lexical_rank > 0) out.set_lexical_rank(reason.stages.lexical_rank);
  out.set_dense_part(reason.stages.dense_part);
  out.set_lexical_part(reason.stages.lexical_part);
  out.set_fused_score(reason.fused_score);
  out.set_fused_rank(reason.fused_rank);
  for (const std::string& term : reason.stages.matched_terms) out.add_matched_terms(term);
  for (const uint64_t id : reason.duplicates) out.add_duplicates(absl::StrCat(id));
  out.set_group_rank(reason.group_rank);
  for (const uint64_t id : reason.left_out) out.add_left_out(absl::StrCat(id));
  return out;
}

v1::Hit ToProto(const Hit& hit) {
  v1::Hit out;
  *out.mutable_passage() = ToProto(hit.passage);
  out.set_score(hit.score);
  if (hit.dense.has_value()) out.mutable_scores()->set_dense(*hit.dense);
  if (hit.lexical.has_value()) out.mutable_scores()->set_lexical(*hit.lexical);
  if (hit.rerank.has_value()) out.mutable_scores()->set_rerank(*hit.rerank);
  if (hit.patches.has_value()) out.mutable_scores()->set_patches(*hit.patches);
  for (const Neighbour& neighbour : hit.neighbours) {
    v1::Neighbour& beside = *out.add_neighbours();
    beside.set_passage_id(absl::StrCat(neighbour.passage.id));
    beside.set_offset(neighbour.offset);
    beside.set_kind(ToProto(neighbour.passage.kind));
    if (neighbour.passage.page > 0) beside.set_page(neighbour.passage.page);
    beside.set_heading(ToValidUtf8(neighbour.passage.heading));
    beside.set_text(ToValidUtf8(neighbour.passage.text));
  }
  if (hit.reason.has_value()) *out.mutable_explanation() = ToProto(*hit.reason);
  for (const std::string& word : hit.led_by) out.add_led_by(word);
  return out;
}

v1::Verdict ToProto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kUnchecked: return v1::VERDICT_UNSPECIFIED;
    case Verdict::kSupported: return v1::VERDICT_SUPPORTED;
    case Verdict::kUnsupported: return v1::VERDICT_UNSUPPORTED;
    case Verdict::kContradicted: return v1::VERDICT_CONTRADICTED;
  }
  return v1::VERDICT_UNSPECIFIED;
}

v1::Citation ToProto(const Citation& citation, const std::vector<Hit>& hits) {
  v1::Citation out;
  out.set_marker(citation.marker);
  out.set_start(static_cast<int>(citation.start));
  out.set_end(static_cast<int>(citation.end));
  *out.mutable_hit() = ToProto(hits[citation.hit]);
  out.mutable_hit()->clear_neighbours();
  out.mutable_hit()->clear_explanation();
  out.mutable_hit()->clear_led_by();
  out.set_snippet(ToValidUtf8(citation.snippet));
  out.set_verdict(ToProto(citation.verdict));
  out.set_support(citation.support);
  if (citation.region.has_value()) *out.mutable_region() = ToProto(*citation.region);
  return out;
}

v1::FieldCitation ToProto(const FieldCitation& field, const std::vector<Hit>& hits) {
  v1::FieldCitation out;
  out.set_json_pointer(ToValidUtf8(field.pointer));
  *out.mutable_citation() = ToProto(field.citation, hits);
  return out;
}

v1::SentenceVerdict ToProto(const SentenceVerdict& sentence) {
  v1::SentenceVerdict out;
  out.set_start(static_cast<int>(sentence.start));
  out.set_end(static_cast<int>(sentence.end));
  for (const int marker : sentence.markers) out.add_markers(marker);
  out.set_verdict(ToProto(sentence.verdict));
  return out;
}

v1::FollowUp ToProto(const FollowUp& follow_up) {
  v1::FollowUp out;
  out.set_rewritten_query(ToValidUtf8(follow_up.rewritten_query));
  out.set_generated(follow_up.generated);
  for (const auto& [turn, part] : follow_up.pictures) {
    v1::EarlierPicture& picture = *out.add_pictures();
    picture.set_turn(static_cast<int>(turn));
    picture.set_part(part);
  }
  out.set_rewrite_ms(follow_up.rewrite_ms);
  return out;
}

v1::SearchResponse ToProto(const Retrieved& retrieved) {
  v1::SearchResponse out;
  for (const Hit& hit : retrieved.hits) *out.add_hits() = ToProto(hit);
  out.set_exact(retrieved.exact);
  if (retrieved.recall.has_value()) out.set_recall(*retrieved.recall);
  for (const std::string& warning : retrieved.warnings) out.add_warnings(warning);
  out.mutable_timings()->set_encode_ms(retrieved.encode_ms);
  out.mutable_timings()->set_dense_ms(retrieved.dense_ms);
  out.mutable_timings()->set_lexical_ms(retrieved.lexical_ms);
  out.mutable_timings()->set_fuse_ms(retrieved.fuse_ms);
  out.mutable_timings()->set_rerank_ms(retrieved.rerank_ms);
  out.mutable_timings()->set_patches_ms(retrieved.patches_ms);
  out.mutable_timings()->set_second_look_ms(retrieved.second_look_ms);
  return out;
}

v1::AnswerResponse ToProto(const Answer& answer, const std::vector<Hit>& hits) {
  v1::AnswerResponse out;
  out.set_answer(answer.text);
  out.set_abstained(answer.abstained);
  out.set_reasoning(answer.reasoning);
  for (const Citation& citation : answer.citations) {
    *out.add_citations() = ToProto(citation, hits);
  }
  for (const SentenceVerdict& sentence : answer.sentences) {
    *out.add_sentences() = ToProto(sentence);
  }
  for (const FieldCitation& field : answer.fields.citations) {
    *out.add_field_citations() = ToProto(field, hits);
  }
  for (const std::string& pointer : answer.fields.unsupported) {
    out.add_unsupported_fields(pointer);
  }
  out.mutable_usage()->set_prompt_tokens(answer.prompt_tokens);
  out.mutable_usage()->set_completion_tokens(answer.completion_tokens);
  out.mutable_usage()->set_image_tokens(answer.image_tokens);
  for (const std::string& warning : answer.warnings) out.add_warnings(warning);
  out.set_mode(answer.mode == AnswerMode::kGenerative ? v1::ANSWER_MODE_GENERATIVE
                                                      : v1::ANSWER_MODE_EXTRACTIVE);
  out.set_finish_reason(answer.finish_reason);
  out.mutable_timings()->set_draft_ms(answer.draft_ms);
  out.mutable_timings()->set_generate_ms(answer.generate_ms);
  out.mutable_timings()->set_first_token_ms(answer.first_token_ms);
  return out;
}

v1::GetPassageHeatmapResponse ToProto(const Heatmap& heatmap) {
  v1::GetPassageHeatmapResponse out;
  out.set_rows(heatmap.rows);
  out.set_columns(heatmap.columns);
  out.mutable_values()->Assign(heatmap.values.begin(), heatmap.values.end());
  out.set_score(heatmap.whole);
  if (heatmap.box.has_value()) *out.mutable_box() = ToProto(*heatmap.box);
  for (const HeatmapWord& word : heatmap.words) {
    v1::HeatmapWord& one = *out.add_words();
    one.set_start(static_cast<int32_t>(word.span.begin));
    one.set_end(static_cast<int32_t>(word.span.end));
    one.set_text(word.text);
    one.mutable_values()->Assign(word.values.begin(), word.values.end());
  }
  out.mutable_warnings()->Assign(heatmap.warnings.begin(), heatmap.warnings.end());
  return out;
}

absl::StatusOr<model::SamplingParams> SamplingFrom(const v1::SamplingOptions& sampling,
                                                   const std::string& prefix) {
  model::SamplingParams out;
  if (sampling.has_temperature()) {
    if (!(sampling.temperature() >= 0 && sampling.temperature() <= 100)) {
      return OutOfRange(prefix, "temperature", "0..100", sampling.temperature());
    }
    out.temperature = sampling.temperature();
  }
  if (sampling.has_top_p()) {
    if (!(sampling.top_p() > 0 && sampling.top_p() <= 1)) {
      return OutOfRange(prefix, "top_p", "above 0, at most 1", sampling.top_p());
    }
    out.top_p = sampling.top_p();
  }
  if (sampling.has_top_k()) {
    if (sampling.top_k() < 0) return OutOfRange(prefix, "top_k", "at least 0", sampling.top_k());
    out.top_k = sampling.top_k();
  }
  if (sampling.has_repetition_penalty()) {
    if (!(sampling.repetition_penalty() > 0 && sampling.repetition_penalty() <= 10)) {
      return OutOfRange(prefix, "repetition_penalty", "above 0, at most 10",
                        sampling.repetition_penalty());
    }
    out.repetition_penalty = sampling.repetition_penalty();
  }
  if (sampling.has_presence_penalty()) {
    if (!(std::abs(sampling.presence_penalty()) <= 10)) {
      return OutOfRange(prefix, "presence_penalty", "-10..10", sampling.presence_penalty());
    }
    out.presence_penalty = sampling.presence_penalty();
  }
  if (sampling.has_min_p()) {
    if (!(sampling.min_p() >= 0 && sampling.min_p() <= 1)) {
      return OutOfRange(prefix, "min_p", "0..1", sampling.min_p());
    }
    out.min_p = sampling.min_p();
  }
  if (sampling.has_frequency_penalty()) {
    if (!(std::abs(sampling.frequency_penalty()) <= 10)) {
      return OutOfRange(prefix, "frequency_penalty", "-10..10", sampling.frequency_penalty());
    }
    out.frequency_penalty = sampling.frequency_penalty();
  }
  if (sampling.logit_bias_size() > kMaxTokenEntries) {
    return OutOfRange(prefix, "logit_bias", absl::StrCat("at most ", kMaxTokenEntries, " tokens"),
                      sampling.logit_bias_size());
  }
  for (const auto& [id, addend] : sampling.logit_bias()) {
    if (id < 0 || !(std::abs(addend) <= 100)) {
      return edge::InvalidField(absl::StrCat(prefix, ".logit_bias"),
                                "expected token ids from 0 with addends of -100..100",
                                "out_of_range");
    }
    out.logit_bias.emplace_back(id, addend);
  }
  if (sampling.stop_token_ids_size() > kMaxTokenEntries) {
    return OutOfRange(prefix, "stop_token_ids",
                      absl::StrCat("at most ", kMaxTokenEntries, " tokens"),
                      sampling.stop_token_ids_size());
  }
  out.stop_token_ids.assign(sampling.stop_token_ids().begin(), sampling.stop_token_ids().end());
  if (sampling.has_seed()) out.seed = sampling.seed();
  if (sampling.max_tokens() < 0 || sampling.max_tokens() > kMaxTokens) {
    return OutOfRange(prefix, "max_tokens", absl::StrCat("0..", kMaxTokens), sampling.max_tokens());
  }
  if (sampling.stop_size() > kMaxStops) {
    return OutOfRange(prefix, "stop", absl::StrCat("at most ", kMaxStops, " texts"),
                      sampling.stop_size());
  }
  for (const std::string& stop : sampling.stop()) {
    if (stop.empty() || stop.size() > kMaxStopBytes) {
      return edge::InvalidField(absl::StrCat(prefix, ".stop"),
                                absl::StrCat("expected texts of 1..", kMaxStopBytes, " bytes"),
                                "out_of_range");
    }
  }
  return out;
}

}  // namespace sightline::query
