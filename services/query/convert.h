#pragma once

#include "absl/status/statusor.h"
#include "services/query/answerer.h"
#include "services/query/follow_up.h"
#include "services/query/heatmap.h"
#include "services/query/hits.h"
#include "services/query/retriever.h"
#include "sightline/v1/query.pb.h"
#include "sightline/v1/types.pb.h"

// What queries use as wire messages, and back. Pure functions; any thread.
namespace sightline::query {

v1::PassageKind ToProto(index::PassageKind kind);
v1::Box ToProto(const Box& box);
v1::TextLine ToProto(const TextLine& line);
// Metadata that is not a JSON object (a damaged store) is left out.
v1::Passage ToProto(const index::Passage& passage);
v1::Explanation ToProto(const HitReason& reason);
v1::Hit ToProto(const Hit& hit);
v1::Verdict ToProto(Verdict verdict);
// `hits` are those the citation's index speaks of.
v1::Citation ToProto(const Citation& citation, const std::vector<Hit>& hits);
v1::FieldCitation ToProto(const FieldCitation& field, const std::vector<Hit>& hits);
v1::SentenceVerdict ToProto(const SentenceVerdict& sentence);
v1::FollowUp ToProto(const FollowUp& follow_up);
v1::SearchResponse ToProto(const Retrieved& retrieved);  // without total_ms
// What was written; not the hits, nor what their search took.
v1::AnswerResponse ToProto(const Answer& answer, const std::vector<Hit>& hits);
v1::GetPassageHeatmapResponse ToProto(const Heatmap& heatmap);  // without what is drawn

// kInvalidArgument with the field (under `prefix`) and its range.
absl::StatusOr<model::SamplingParams> SamplingFrom(const v1::SamplingOptions& sampling,
                                                   const std::string& prefix);

}  // namespace sightline::query
