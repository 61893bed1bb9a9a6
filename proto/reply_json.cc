#include "proto/reply_json.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "proto/json_value.h"

namespace sightline {
namespace {

using Json = JsonValue;

// `items`, each as `from` writes it.
template <typename Items, typename From>
Json Array(const Items& items, const From& from) {
  Json out = Json::array();
  for (const auto& item : items) out.push_back(from(item));
  return out;
}

// Timings and seconds of a video: microseconds are the finest figure that means anything.
Json Rounded(double value) { return std::round(value * 1e6) / 1e6; }

Json FromValue(const google::protobuf::Value& value);

Json FromStruct(const google::protobuf::Struct& metadata) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : metadata.fields()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  Json out = Json::object();
  for (const std::string& key : keys) out[key] = FromValue(metadata.fields().at(key));
  return out;
}

Json FromNumber(double value) {
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  if (!std::isfinite(value)) return nullptr;
  if (value == std::floor(value) && std::abs(value) <= kLargestExact) {
    return static_cast<int64_t>(value);
  }
  return value;
}

Json FromValue(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kNumberValue: return FromNumber(value.number_value());
    case Value::kStringValue: return value.string_value();
    case Value::kBoolValue: return value.bool_value();
    case Value::kStructValue: return FromStruct(value.struct_value());
    case Value::kListValue: return Array(value.list_value().values(), FromValue);
    case Value::kNullValue:
    case Value::KIND_NOT_SET: return nullptr;
  }
  return nullptr;
}

Json FromBox(const v1::Box& box) {
  return Json::array({Json(box.x0()), Json(box.y0()), Json(box.x1()), Json(box.y1())});
}

Json FromUsage(const v1::Usage& usage) {
  return Json{{"prompt_tokens", usage.prompt_tokens()},
              {"completion_tokens", usage.completion_tokens()},
              {"image_tokens", usage.image_tokens()}};
}

Json FromPlace(const v1::LocatedPlace& place) {
  return Json{{"box", FromBox(place.box())},
              {"says", place.says()},
              {"agreement", Rounded(place.agreement())}};
}

Json FromTime(const google::protobuf::Timestamp& time) {
  using google::protobuf::util::TimeUtil;
  const bool valid = time.seconds() >= TimeUtil::kTimestampMinSeconds &&
                     time.seconds() <= TimeUtil::kTimestampMaxSeconds && time.nanos() >= 0 &&
                     time.nanos() < 1000000000;
  if (!valid) return nullptr;
  // TimeUtil writes as many digits as it needs; a fixed width sorts and aligns.
  std::string text = TimeUtil::ToString(TimeUtil::SecondsToTimestamp(time.seconds()));
  char fraction[16];
  std::snprintf(fraction, sizeof(fraction), ".%03dZ", time.nanos() / 1000000);
  return text.replace(text.size() - 1, 1, fraction);
}

std::string PassagePath(const std::string& id, const char* leaf) {
  std::string out = "/v1/passages/";
  for (const unsigned char c : id) {
    const bool plain = std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += static_cast<char>(c);
      continue;
    }
    char escaped[4];
    std::snprintf(escaped, sizeof(escaped), "%%%02X", c);
    out += escaped;
  }
  return out + leaf;
}

void AddImageUrls(const v1::Passage& passage, Json& out) {
  const bool has = passage.has_image();
  out["image_url"] = has ? Json(PassagePath(passage.passage_id(), "/image")) : Json(nullptr);
  out["thumbnail_url"] =
      has ? Json(PassagePath(passage.passage_id(), "/thumbnail")) : Json(nullptr);
}

Json Strings(const google::protobuf::RepeatedPtrField<std::string>& items) {
  return Array(items, [](const std::string& item) { return Json(item); });
}

Json FromScores(const v1::StageScores& scores) {
  Json out;
  out["dense"] = scores.has_dense() ? Json(scores.dense()) : Json(nullptr);
  out["lexical"] = scores.has_lexical() ? Json(scores.lexical()) : Json(nullptr);
  out["patches"] = scores.has_patches() ? Json(scores.patches()) : Json(nullptr);
  out["rerank"] = scores.has_rerank() ? Json(scores.rerank()) : Json(nullptr);
  return out;
}

// `start` and `end` are the keys of a video's times.
void AddHit(const v1::Hit& hit, const char* start, const char* end, Json& out) {
  const v1::Passage& passage = hit.passage();
  out["passage_id"] = passage.passage_id();
  out["document_id"] = passage.document_id();
  out["source"] = passage.source();
  out["kind"] = KindName(passage.kind());
  out["page"] = passage.has_page() ? Json(passage.page()) : Json(nullptr);
  out["box"] = passage.has_box() ? FromBox(passage.box()) : Json(nullptr);
  out[start] = passage.has_start() ? Rounded(passage.start()) : Json(nullptr);
  out[end] = passage.has_end() ? Rounded(passage.end()) : Json(nullptr);
  out["text"] = passage.text();
  if (passage.has_ocr_confidence()) out["ocr_confidence"] = Rounded(passage.ocr_confidence());
  out["score"] = Json(hit.score());
  out["scores"] = FromScores(hit.scores());
  AddImageUrls(passage, out);
  out["metadata"] = FromStruct(passage.metadata());
}

Json FromNeighbour(const v1::Neighbour& neighbour) {
  Json out;
  out["passage_id"] = neighbour.passage_id();
  out["offset"] = neighbour.offset();
  out["kind"] = KindName(neighbour.kind());
  out["page"] = neighbour.has_page() ? Json(neighbour.page()) : Json(nullptr);
  out["heading"] = neighbour.heading();
  out["text"] = neighbour.text();
  return out;
}

Json FromExplanation(const v1::Explanation& why) {
  Json out;
  out["dense_rank"] = why.has_dense_rank() ? Json(why.dense_rank()) : Json(nullptr);
  out["lexical_rank"] = why.has_lexical_rank() ? Json(why.lexical_rank()) : Json(nullptr);
  out["dense_part"] = Json(why.dense_part());
  out["lexical_part"] = Json(why.lexical_part());
  out["fused_score"] = Json(why.fused_score());
  out["fused_rank"] = why.fused_rank();
  out["matched_terms"] = Strings(why.matched_terms());
  out["duplicates"] = Strings(why.duplicates());
  out["group_rank"] = why.group_rank() > 0 ? Json(why.group_rank()) : Json(nullptr);
  out["left_out"] = Strings(why.left_out());
  return out;
}

Json FromHit(const v1::Hit& hit) {
  Json out;
  AddHit(hit, "start", "end", out);
  out["neighbours"] = Array(hit.neighbours(), FromNeighbour);
  out["explanation"] = hit.has_explanation() ? FromExplanation(hit.explanation()) : Json(nullptr);
  out["led_by"] = Strings(hit.led_by());
  return out;
}

Json FromVerdict(v1::Verdict verdict) {
  return verdict == v1::VERDICT_UNSPECIFIED ? Json(nullptr) : Json(VerdictName(verdict));
}

Json FromCitation(const v1::Citation& citation) {
  Json out;
  out["marker"] = citation.marker();
  out["start"] = citation.start();
  out["end"] = citation.end();
  AddHit(citation.hit(), "start_seconds", "end_seconds", out);
  out["snippet"] = citation.snippet();
  out["verdict"] = FromVerdict(citation.verdict());
  const bool checked = citation.verdict() != v1::VERDICT_UNSPECIFIED;
  out["support"] = checked ? Json(citation.support()) : Json(nullptr);
  out["region"] = citation.has_region() ? FromBox(citation.region()) : Json(nullptr);
  return out;
}

Json FromField(const v1::FieldCitation& field) {
  Json out;
  out["json_pointer"] = field.json_pointer();
  out["citation"] = FromCitation(field.citation());
  return out;
}

Json FromSentence(const v1::SentenceVerdict& sentence) {
  Json out;
  out["start"] = sentence.start();
  out["end"] = sentence.end();
  out["markers"] = Array(sentence.markers(), [](int marker) { return Json(marker); });
  out["verdict"] = FromVerdict(sentence.verdict());
  return out;
}

Json FromTimings(const v1::StageTimings& timings, bool with_answer) {
  Json out;
  out["encode"] = Rounded(timings.encode_ms());
  out["dense"] = Rounded(timings.dense_ms());
  out["patches"] = Rounded(timings.patches_ms());
  out["lexical"] = Rounded(timings.lexical_ms());
  out["fuse"] = Rounded(timings.fuse_ms());
  out["rerank"] = Rounded(timings.rerank_ms());
  out["second_look"] = Rounded(timings.second_look_ms());
  if (with_answer) {
    out["draft"] = Rounded(timings.draft_ms());
    out["generate"] = Rounded(timings.generate_ms());
    out["first_token"] = Rounded(timings.first_token_ms());
  }
  out["total"] = Rounded(timings.total_ms());
  return out;
}

Json FromFollowUp(const v1::FollowUp& follow_up) {
  Json out;
  out["rewritten_query"] = follow_up.rewritten_query();
  out["generated"] = follow_up.generated();
  out["pictures"] = Array(follow_up.pictures(), [](const v1::EarlierPicture& picture) {
    return Json{{"turn", picture.turn()}, {"part", picture.part()}};
  });
  out["rewrite_ms"] = Rounded(follow_up.rewrite_ms());
  return out;
}

Json FromHits(const google::protobuf::RepeatedPtrField<v1::Hit>& hits) {
  return Array(hits, FromHit);
}

Json FromFailures(const google::protobuf::RepeatedPtrField<v1::PageFailure>& failures) {
  return Array(failures, [](const v1::PageFailure& failure) {
    return Json{
        {"page", failure.page()}, {"reason", failure.reason()}, {"message", failure.message()}};
  });
}

// `exported`: without what differs from one ingest of the same files to the next.
Json FromDocument(const v1::Document& document, bool exported = false) {
  Json out;
  out["document_id"] = document.document_id();
  if (!exported) out["collection"] = document.collection();
  out["source"] = document.source();
  out["media_type"] = document.media_type();
  out["content_hash"] = document.content_hash();
  if (!exported) out["version"] = document.version();
  out["metadata"] = FromStruct(document.metadata());
  out["state"] = DocumentStateName(document.state());
  out["failures"] = FromFailures(document.failures());
  out["bytes"] = document.bytes();
  out["pages"] = document.pages();
  out["passages"] = document.passages();
  if (exported) return out;
  out["created"] = document.has_created() ? FromTime(document.created()) : Json(nullptr);
  out["updated"] = document.has_updated() ? FromTime(document.updated()) : Json(nullptr);
  return out;
}

Json FromJob(const v1::Job& job) {
  Json out;
  out["job_id"] = job.job_id();
  out["collection"] = job.collection();
  out["document_id"] = job.document_id();
  out["source"] = job.source();
  out["state"] = JobStateName(job.state());
  out["attempts"] = job.attempts();
  out["failures"] = FromFailures(job.failures());
  out["created"] = job.has_created() ? FromTime(job.created()) : Json(nullptr);
  out["updated"] = job.has_updated() ? FromTime(job.updated()) : Json(nullptr);
  return out;
}

Json FromCollection(const v1::Collection& collection) {
  Json out;
  out["name"] = collection.name();
  out["model_fingerprint"] = collection.model_fingerprint();
  out["dimension"] = collection.dimension();
  out["created"] = collection.has_created() ? FromTime(collection.created()) : Json(nullptr);
  out["patch_vectors"] = PatchVectorsName(collection.patch_vectors());
  out["vectors"] = VectorCodesName(collection.vectors());
  return out;
}

Json FromModelPart(bool present, const v1::ModelPart& part) {
  if (!present) return nullptr;
  Json out;
  out["name"] = part.name();
  out["fingerprint"] = part.fingerprint();
  out["architecture"] = part.architecture();
  out["parameters"] = part.parameters();
  out["dtype"] = part.dtype();
  out["dimension"] = part.dimension();
  out["context"] = part.context();
  out["device"] = part.device();
  return out;
}

Json PageToken(const std::string& token) { return token.empty() ? Json(nullptr) : Json(token); }

// "PASSAGE_KIND_TEXT" with the prefix "PASSAGE_KIND_" becomes "text".
std::string EnumName(const std::string& wire_name, const std::string& prefix) {
  if (wire_name.size() <= prefix.size()) return "unknown";
  std::string out = wire_name.substr(prefix.size());
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out == "unspecified" ? "unknown" : out;
}

Json FromDuplicates(const v1::DuplicateGroup& group) {
  Json out;
  out["pictures"] = Array(group.pictures(), [](const v1::DuplicatePicture& picture) {
    Json one;
    one["passage_id"] = picture.passage_id();
    one["document_id"] = picture.document_id();
    one["source"] = picture.source();
    one["page"] = picture.has_page() ? Json(picture.page()) : Json(nullptr);
    one["exact"] = picture.exact();
    return one;
  });
  return out;
}

}  // namespace

std::string KindName(v1::PassageKind kind) {
  return EnumName(v1::PassageKind_Name(kind), "PASSAGE_KIND_");
}

std::string DocumentStateName(v1::DocumentState state) {
  return EnumName(v1::DocumentState_Name(state), "DOCUMENT_STATE_");
}

std::string JobStateName(v1::JobState state) {
  return EnumName(v1::JobState_Name(state), "JOB_STATE_");
}

std::string OutcomeName(v1::IngestOutcome outcome) {
  return EnumName(v1::IngestOutcome_Name(outcome), "INGEST_OUTCOME_");
}

std::string VerdictName(v1::Verdict verdict) {
  return EnumName(v1::Verdict_Name(verdict), "VERDICT_");
}

std::string PatchVectorsName(v1::PatchVectors vectors) {
  if (vectors == v1::PATCH_VECTORS_UNSPECIFIED) return "none";
  return EnumName(v1::PatchVectors_Name(vectors), "PATCH_VECTORS_");
}

std::optional<v1::PatchVectors> PatchVectorsOf(const std::string& name) {
  for (const auto vectors :
       {v1::PATCH_VECTORS_UNSPECIFIED, v1::PATCH_VECTORS_BINARY, v1::PATCH_VECTORS_INT8}) {
    if (name == PatchVectorsName(vectors)) return vectors;
  }
  return std::nullopt;
}

std::string FollowUpJson(const v1::FollowUp& follow_up) { return FromFollowUp(follow_up).Text(); }

std::string VectorCodesName(v1::VectorCodes codes) {
  if (codes == v1::VECTOR_CODES_UNSPECIFIED) return "f16";
  return EnumName(v1::VectorCodes_Name(codes), "VECTOR_CODES_");
}

std::optional<v1::VectorCodes> VectorCodesOf(const std::string& name) {
  for (const auto codes : {v1::VECTOR_CODES_UNSPECIFIED, v1::VECTOR_CODES_INT8,
                           v1::VECTOR_CODES_BINARY, v1::VECTOR_CODES_PQ}) {
    if (name == VectorCodesName(codes)) return codes;
  }
  return std::nullopt;
}

std::string SearchReplyJson(const v1::SearchResponse& reply) {
  Json out;
  out["hits"] = FromHits(reply.hits());
  out["exact"] = reply.exact();
  out["recall"] = reply.has_recall() ? Json(reply.recall()) : Json(nullptr);
  out["warnings"] = Strings(reply.warnings());
  out["timings_ms"] = FromTimings(reply.timings(), false);
  out["follow_up"] = reply.has_follow_up() ? FromFollowUp(reply.follow_up()) : Json(nullptr);
  return out.Text();
}

std::string AnswerReplyJson(const v1::AnswerResponse& reply) {
  Json out;
  out["answer"] = reply.answer();
  out["abstained"] = reply.abstained();
  out["citations"] = Array(reply.citations(), FromCitation);
  out["hits"] = FromHits(reply.hits());
  out["usage"] = FromUsage(reply.usage());
  out["warnings"] = Strings(reply.warnings());
  out["timings_ms"] = FromTimings(reply.timings(), true);
  out["mode"] = EnumName(v1::AnswerMode_Name(reply.mode()), "ANSWER_MODE_");
  out["finish_reason"] = reply.finish_reason();
  out["cached"] = reply.cached();
  out["sentences"] = Array(reply.sentences(), FromSentence);
  out["field_citations"] = Array(reply.field_citations(), FromField);
  out["unsupported_fields"] = Strings(reply.unsupported_fields());
  out["reasoning"] = reply.reasoning().empty() ? Json(nullptr) : Json(reply.reasoning());
  out["follow_up"] = reply.has_follow_up() ? FromFollowUp(reply.follow_up()) : Json(nullptr);
  return out.Text();
}

std::string LocateReplyJson(const v1::LocateResponse& reply) {
  Json out;
  out["places"] = Array(reply.places(), FromPlace);
  out["model"] = reply.model();
  out["usage"] = FromUsage(reply.usage());
  return out.Text();
}

std::string CheckClaimsReplyJson(const v1::CheckClaimsResponse& reply) {
  Json out;
  out["verdicts"] = Array(reply.verdicts(), [](const v1::ClaimVerdict& verdict) {
    Json one;
    one["claim"] = verdict.claim();
    one["start"] = verdict.start();
    one["end"] = verdict.end();
    one["text"] = verdict.text();
    one["verdict"] = FromVerdict(verdict.verdict());
    one["evidence"] = Array(verdict.evidence(), FromCitation);
    return one;
  });
  out["warnings"] = Strings(reply.warnings());
  out["timings_ms"] = FromTimings(reply.timings(), false);
  return out.Text();
}

std::string HitJson(const v1::Hit& hit) { return FromHit(hit).Text(); }

std::string BoxJson(const v1::Box& box) { return FromBox(box).Text(); }

std::string CitationJson(const v1::Citation& citation) { return FromCitation(citation).Text(); }

std::string FieldCitationJson(const v1::FieldCitation& field) { return FromField(field).Text(); }

std::string DeltaJson(const v1::Delta& delta) { return Json{{"text", delta.text()}}.Text(); }

std::string HeatmapJson(const v1::GetPassageHeatmapResponse& heatmap) {
  const auto numbers = [](const google::protobuf::RepeatedField<float>& values) {
    return Array(values, [](float value) { return Json(value); });
  };
  Json out;
  out["rows"] = heatmap.rows();
  out["columns"] = heatmap.columns();
  out["values"] = numbers(heatmap.values());
  out["score"] = Json(heatmap.score());
  out["box"] = heatmap.has_box() ? FromBox(heatmap.box()) : Json(nullptr);
  out["width"] = heatmap.width();
  out["height"] = heatmap.height();
  out["words"] = Array(heatmap.words(), [&](const v1::HeatmapWord& word) {
    Json one;
    one["start"] = word.start();
    one["end"] = word.end();
    one["text"] = word.text();
    one["values"] = numbers(word.values());
    return one;
  });
  out["follow_up"] = heatmap.has_follow_up() ? FromFollowUp(heatmap.follow_up()) : Json(nullptr);
  out["warnings"] = Strings(heatmap.warnings());
  return out.Text();
}

std::string PassageJson(const v1::Passage& passage) {
  Json out;
  out["passage_id"] = passage.passage_id();
  out["document_id"] = passage.document_id();
  out["collection"] = passage.collection();
  out["source"] = passage.source();
  out["kind"] = KindName(passage.kind());
  out["ordinal"] = passage.ordinal();
  out["page"] = passage.has_page() ? Json(passage.page()) : Json(nullptr);
  out["box"] = passage.has_box() ? FromBox(passage.box()) : Json(nullptr);
  out["start"] = passage.has_start() ? Rounded(passage.start()) : Json(nullptr);
  out["end"] = passage.has_end() ? Rounded(passage.end()) : Json(nullptr);
  out["text"] = passage.text();
  out["heading"] = passage.heading();
  out["token_count"] = passage.token_count();
  if (passage.has_ocr_confidence()) out["ocr_confidence"] = Rounded(passage.ocr_confidence());
  AddImageUrls(passage, out);
  out["metadata"] = FromStruct(passage.metadata());
  return out.Text();
}

std::string ExportedDocumentJson(const v1::Document& document) {
  return Json{{"document", FromDocument(document, /*exported=*/true)}}.Text();
}

std::string ExportedPassageJson(const v1::ExportedPassage& exported) {
  const v1::Passage& passage = exported.passage();
  Json inner;
  inner["document_id"] = passage.document_id();
  inner["ordinal"] = passage.ordinal();
  inner["kind"] = KindName(passage.kind());
  inner["page"] = passage.has_page() ? Json(passage.page()) : Json(nullptr);
  inner["box"] = passage.has_box() ? FromBox(passage.box()) : Json(nullptr);
  inner["start"] = passage.has_start() ? Rounded(passage.start()) : Json(nullptr);
  inner["end"] = passage.has_end() ? Rounded(passage.end()) : Json(nullptr);
  inner["text"] = passage.text();
  inner["heading"] = passage.heading();
  inner["token_count"] = passage.token_count();
  if (passage.has_ocr_confidence()) inner["ocr_confidence"] = Rounded(passage.ocr_confidence());
  inner["image_hash"] = exported.image_hash().empty() ? Json(nullptr) : Json(exported.image_hash());
  if (exported.lines_size() > 0) {
    inner["lines"] = Array(exported.lines(), [](const v1::TextLine& line) {
      return Json{{"begin", line.begin()},
                  {"box", line.has_box() ? FromBox(line.box()) : Json(nullptr)}};
    });
  }
  if (exported.vector_size() > 0) {
    // As doubles: exports of an older build are compared with to the byte.
    inner["vector"] = Array(exported.vector(), [](double value) { return Json(value); });
  }
  return Json{{"passage", inner}}.Text();
}

std::string DocumentJson(const v1::Document& document) { return FromDocument(document).Text(); }

std::string IngestStatusJson(const v1::IngestStatus& status) {
  Json out;
  out["outcome"] = status.has_finished()   ? OutcomeName(status.finished().outcome())
                   : status.has_progress() ? "progress"
                                           : "accepted";
  out["document_id"] = status.document_id();
  out["job_id"] = status.job_id();
  if (status.has_progress()) {
    out["pages_done"] = status.progress().pages_done();
    out["pages_total"] = status.progress().pages_total();
    out["passages"] = status.progress().passages();
  } else if (status.has_finished()) {
    const v1::IngestFinished& finished = status.finished();
    out["document"] = finished.has_document() ? FromDocument(finished.document()) : Json(nullptr);
    out["failures"] = FromFailures(finished.failures());
  }
  return out.Text();
}

std::string JobJson(const v1::Job& job) { return FromJob(job).Text(); }

std::string CollectionJson(const v1::Collection& collection) {
  return FromCollection(collection).Text();
}

std::string CollectionStatsJson(const v1::GetCollectionStatsResponse& reply) {
  Json out = FromCollection(reply.collection());
  const v1::CollectionStats& stats = reply.stats();
  Json counts;
  counts["documents"] = stats.documents();
  counts["passages"] = stats.passages();
  counts["vectors"] = stats.vectors();
  counts["tombstones"] = stats.tombstones();
  counts["sequence"] = stats.sequence();
  counts["index_sequence"] = stats.index_sequence();
  counts["bytes"] = stats.bytes();
  counts["segments"] = stats.segments();
  counts["recall"] = stats.has_recall() ? Json(stats.recall()) : Json(nullptr);
  counts["shadow_scans"] = stats.shadow_scans();
  if (stats.has_next_documents()) counts["next_documents"] = stats.next_documents();
  const v1::CollectionBytes& parts = stats.parts();
  Json bytes;
  bytes["records"] = parts.records();
  bytes["pictures"] = parts.pictures();
  bytes["vectors"] = parts.vectors();
  bytes["patches"] = parts.patches();
  bytes["postings"] = parts.postings();
  bytes["index_files"] = parts.index_files();
  bytes["memory_codes"] = parts.memory_codes();
  bytes["memory_graphs"] = parts.memory_graphs();
  bytes["memory_halves"] = parts.memory_halves();
  bytes["mapped_halves"] = parts.mapped_halves();
  counts["parts"] = bytes;
  out["stats"] = counts;
  return out.Text();
}

std::string BackupJson(const v1::Backup& backup) {
  Json out;
  out["id"] = backup.id();
  out["made"] = FromTime(backup.made());
  out["bytes"] = backup.bytes();
  out["files"] = backup.files();
  out["collections"] = backup.collections();
  out["documents"] = backup.documents();
  return out.Text();
}

std::string ErasureJson(const v1::EraseDocumentResponse& reply) {
  Json out;
  out["passages"] = reply.passages();
  out["searched_bytes"] = reply.searched_bytes();
  out["traces"] = Strings(reply.traces());
  out["until_restart"] = Strings(reply.until_restart());
  return out.Text();
}

std::string CorpusCheckJson(const v1::CheckCorpusResponse& reply) {
  Json out;
  out["sound"] = reply.problems().empty();
  out["documents"] = reply.documents();
  out["passages"] = reply.passages();
  out["vectors"] = reply.vectors();
  out["problems"] = Strings(reply.problems());
  return out.Text();
}

std::string ModelJson(const v1::GetModelResponse& reply) {
  Json out;
  out["encoder"] = FromModelPart(reply.has_encoder(), reply.encoder());
  out["reranker"] = FromModelPart(reply.has_reranker(), reply.reranker());
  out["generator"] = FromModelPart(reply.has_generator(), reply.generator());
  out["warnings"] = Strings(reply.warnings());
  return out.Text();
}

std::string DocumentListJson(const v1::ListDocumentsResponse& reply) {
  Json out;
  out["documents"] =
      Array(reply.documents(), [](const v1::Document& item) { return FromDocument(item); });
  out["next_page_token"] = PageToken(reply.next_page_token());
  return out.Text();
}

std::string DuplicateGroupJson(const v1::DuplicateGroup& group) {
  return FromDuplicates(group).Text();
}

std::string DuplicatesJson(const v1::ListDuplicatesResponse& reply) {
  Json out;
  out["groups"] = Array(reply.groups(), FromDuplicates);
  out["groups_found"] = reply.groups_found();
  out["pictures"] = reply.pictures();
  return out.Text();
}

std::string JobListJson(const v1::ListJobsResponse& reply) {
  Json out;
  out["jobs"] = Array(reply.jobs(), FromJob);
  out["next_page_token"] = PageToken(reply.next_page_token());
  return out.Text();
}

std::string CollectionListJson(const v1::ListCollectionsResponse& reply) {
  Json out;
  out["collections"] = Array(reply.collections(), FromCollection);
  return out.Text();
}

std::string MetadataJson(const google::protobuf::Struct& metadata) {
  return FromStruct(metadata).Text();
}

bool ParseMetadata(const std::string& json, google::protobuf::Struct& out, std::string& error) {
  out.Clear();
  const auto status = google::protobuf::util::JsonStringToMessage(json, &out);
  if (status.ok()) return true;
  error = "metadata is not a JSON object: " + std::string(status.message());
  return false;
}

}  // namespace sightline
