#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/query/content_rules.h"
#include "services/query/text_filter.h"
#include "sightline/v1/model.pb.h"
#include "sightline/v1/query.pb.h"
#include "sightline/v1/types.pb.h"

namespace sightline::query {

// Apply rules to the texts of what was found: text, heading, strings of the metadata, neighbours,
// snippets. A text that a rule blocks becomes "[blocked: NAME]" as a whole; its passage stays.
// Sources and pictures are as they were. Texts are valid UTF-8, as in every message. Errors of
// ContentRules::Next; the message is then half done. Pure functions; any thread.
absl::Status FilterPassage(const ContentRules& rules, v1::Passage& passage);
absl::Status FilterHits(const ContentRules& rules,
                        google::protobuf::RepeatedPtrField<v1::Hit>& hits);
absl::Status FilterCitation(const ContentRules& rules, v1::Citation& citation);
absl::Status FilterFollowUp(const ContentRules& rules, v1::FollowUp& follow_up);
absl::Status FilterPlace(const ContentRules& rules, v1::LocatedPlace& place);

// Masks a text that comes in. kInvalidArgument with `field` and the reason "content_blocked": a
// rule blocks it; the error names the rule, not what it found.
absl::Status FilterQuestionText(const ContentRules& rules, const std::string& field,
                                std::string& text);
// The same with a filter that nothing has gone through yet, which knows afterwards what stood
// where.
absl::Status FilterQuestionText(TextFilter& filter, const std::string& field, std::string& text);

// `request` with the texts of its query, its history and its instruction masked. Errors of
// FilterQuestionText. `prefix` stands in front of fields ("search.").
absl::StatusOr<v1::SearchRequest> FilterQuestion(const ContentRules& rules,
                                                 v1::SearchRequest request,
                                                 const std::string& prefix);

// `request` with what its messages say masked: their texts and the arguments of calls. Errors as
// FilterQuestion.
absl::StatusOr<v1::GenerateRequest> FilterMessages(const ContentRules& rules,
                                                   v1::GenerateRequest request);

// `request` with its texts masked. Errors as FilterQuestion.
absl::StatusOr<v1::LocateRequest> FilterLookedFor(const ContentRules& rules,
                                                  v1::LocateRequest request);

}  // namespace sightline::query
