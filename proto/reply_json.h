#pragma once

#include <optional>
#include <string>

#include "sightline/v1/collection.pb.h"
#include "sightline/v1/export.pb.h"
#include "sightline/v1/ingest.pb.h"
#include "sightline/v1/maintenance.pb.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"
#include "sightline/v1/types.pb.h"

// The JSON that users see, in REST replies and in `--json` of the command line: one place, so that
// both write the same bytes. Every function is pure and may be called from any thread.
//
// Rules of the format:
//  - one line, keys always present and in a fixed order; what is absent is `null`;
//  - names of the wire format in snake_case, enumerations in lower case ("video_segment");
//  - a float32 is written with the fewest digits that read back as the same float32; not-a-number
//  and
//    infinity are `null`; metadata keys are sorted, whole metadata numbers carry no fraction;
//  - times are RFC 3339 in UTC with milliseconds; pictures are paths below the gateway's root.
namespace sightline {

// {"rewritten_query","generated","pictures":[{"turn","part"}],"rewrite_ms"}
std::string FollowUpJson(const v1::FollowUp& follow_up);

// {"hits":[…],"exact","recall","warnings","timings_ms":{"encode","dense","patches","lexical","fuse","rerank","second_look","total"},
// "follow_up"}
// `exact` is true when every allowed vector was compared; otherwise `recall` is the estimate, or
// null. `follow_up` is null unless there was a history.
std::string SearchReplyJson(const v1::SearchResponse& reply);

// {"answer","abstained","citations":[…],"hits":[…],"usage":{"prompt_tokens","completion_tokens",
// "image_tokens"},"warnings","timings_ms","mode","finish_reason",
// "sentences":[{"start","end","markers","verdict"}],"field_citations":[…],"unsupported_fields",
// "reasoning","follow_up"}; `reasoning` is null unless it was asked for. An abstention's hits are
// the near misses. `timings_ms` as for a search and "draft","generate","first_token"; `mode` is
// "generative" or "extractive".
std::string AnswerReplyJson(const v1::AnswerResponse& reply);

// {"verdicts":[{"claim","start","end","text","verdict","evidence":[…]}],"warnings","timings_ms"}
// `verdict` is null when the sentence was not checked; evidence is as in CitationJson, and
// `timings_ms` as for a search.
std::string CheckClaimsReplyJson(const v1::CheckClaimsResponse& reply);

// {"places":[{"box":[x0,y0,x1,y1],"says","agreement"}],"model","usage"}, usage as of an answer.
std::string LocateReplyJson(const v1::LocateResponse& reply);

// {"passage_id","document_id","source","kind","page","box":[x0,y0,x1,y1],"start","end","text","score",
// "scores":{"dense","lexical","patches","rerank"},"image_url","thumbnail_url","metadata",
// "neighbours":[{"passage_id","offset","kind","page","heading","text"}],"explanation","led_by"}
// `start` and `end` are seconds of a video; both URLs are null for a passage without a picture.
// `explanation` is null, or {"dense_rank","lexical_rank","dense_part","lexical_part","fused_score",
// "fused_rank","matched_terms","duplicates","group_rank","left_out"}. `led_by` is empty but for
// hits that a second look found.
std::string HitJson(const v1::Hit& hit);

// {"marker","start","end", then the hit's keys up to "metadata", "snippet","verdict","support"}
// Here `start` and `end` are the answer's bytes [start, end) that the passage supports; a video's
// times are `start_seconds` and `end_seconds`. `verdict` is null when the sentence was not checked.
std::string CitationJson(const v1::Citation& citation);
std::string BoxJson(const v1::Box& box);  // [x0,y0,x1,y1]

// {"json_pointer","citation":{…}}
std::string FieldCitationJson(const v1::FieldCitation& field);

// {"text"}: one piece of a streamed answer.
std::string DeltaJson(const v1::Delta& delta);

// {"passage_id","document_id","collection","source","kind","ordinal","page","box","start","end","text",
// "heading","token_count","image_url","thumbnail_url","metadata"}, and "ocr_confidence" of text
// that was read from a picture.
std::string PassageJson(const v1::Passage& passage);

// Lines of an export:
// {"document":{"document_id","source","media_type","content_hash","metadata","state",
// "failures","bytes","pages","passages"}}, then for each of its passages {"passage":{"document_id",
// "ordinal","kind","page","box","start","end","text","heading","token_count","image_hash","vector"}},
// "vector", "ocr_confidence" and "lines":[{"begin","box"}] where there are some. What differs from
// one ingest of the same files to the next, numbers of passages and versions and times, is left
// out.
std::string ExportedDocumentJson(const v1::Document& document);
std::string ExportedPassageJson(const v1::ExportedPassage& exported);

// {"rows","columns","values":[…],"score","box","width","height",
// "words":[{"start","end","text","values"}],"warnings"}
// `values` are row by row; `width` and `height` are the stored picture's pixels.
std::string HeatmapJson(const v1::GetPassageHeatmapResponse& heatmap);

// {"document_id","collection","source","media_type","content_hash","version","metadata","state",
// "failures":[{"page","reason","message"}],"bytes","pages","passages","created","updated"}
std::string DocumentJson(const v1::Document& document);

// {"outcome","document_id","job_id","document","failures"}: how the ingest of one document ended.
// `outcome` is "indexed", "unchanged", "partial" or "failed". A status before the end has the
// outcome "accepted", or "progress" with "pages_done","pages_total","passages", and neither
// document nor failures.
std::string IngestStatusJson(const v1::IngestStatus& status);

// {"job_id","collection","document_id","source","state","attempts","failures","created","updated"}
std::string JobJson(const v1::Job& job);

// {"name","model_fingerprint","dimension","created","patch_vectors"}; "none", "binary" or "int8".
std::string CollectionJson(const v1::Collection& collection);

// The collection's keys, then "stats":{"documents","passages","vectors","tombstones","sequence",
// "index_sequence","bytes","segments","recall" or
// null,"shadow_scans","parts":{"records","pictures",
// "vectors","patches","postings","index_files","memory_codes","memory_graphs","memory_halves",
// "mapped_halves"}}: bytes; and "next_documents" while it is embedded again.
std::string CollectionStatsJson(const v1::GetCollectionStatsResponse& reply);

// {"id","made","bytes","files","collections","documents"}
std::string BackupJson(const v1::Backup& backup);

// {"passages","searched_bytes","traces":[…],"until_restart":[…]}
std::string ErasureJson(const v1::EraseDocumentResponse& reply);

// {"sound","documents","passages","vectors","problems":[…]}
std::string CorpusCheckJson(const v1::CheckCorpusResponse& reply);

// {"encoder":{"name","fingerprint","architecture","parameters","dtype","dimension","context","device"},
// "reranker","generator","warnings"}; a part that is not loaded is null.
std::string ModelJson(const v1::GetModelResponse& reply);

// {"groups":[{"pictures":[{"passage_id","document_id","source","page","exact"}]}],"groups_found",
// "pictures"}, and one of the groups.
std::string DuplicatesJson(const v1::ListDuplicatesResponse& reply);
std::string DuplicateGroupJson(const v1::DuplicateGroup& group);

// {"documents":[…],"next_page_token"}, {"jobs":[…],"next_page_token"}, {"collections":[…]};
// `next_page_token` is null on the last page.
std::string DocumentListJson(const v1::ListDocumentsResponse& reply);
std::string JobListJson(const v1::ListJobsResponse& reply);
std::string CollectionListJson(const v1::ListCollectionsResponse& reply);

// A metadata object, e.g. {"lang":"zh","year":2023}.
std::string MetadataJson(const google::protobuf::Struct& metadata);

// Reads a metadata object into `out`. False with a sentence in `error` when `json` is not one JSON
// object.
bool ParseMetadata(const std::string& json, google::protobuf::Struct& out, std::string& error);

// Lower-case names: "text", "indexed", "queued", "supported"; "unknown" for a value this build
// lacks.
std::string KindName(v1::PassageKind kind);
std::string DocumentStateName(v1::DocumentState state);
std::string JobStateName(v1::JobState state);
std::string OutcomeName(v1::IngestOutcome outcome);
std::string VerdictName(v1::Verdict verdict);
std::string PatchVectorsName(v1::PatchVectors vectors);  // "none", "binary", "int8"
// Of another name: none.
std::optional<v1::PatchVectors> PatchVectorsOf(const std::string& name);
std::string VectorCodesName(v1::VectorCodes codes);  // "f16", "int8", "binary", "pq"
// The one of that name, or none.
std::optional<v1::VectorCodes> VectorCodesOf(const std::string& name);

}  // namespace sightline
