#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "services/query/answerer.h"
#include "services/query/content_rules.h"

namespace sightline::query {

// Writes an answer to `sink`, as Answerer::Write.
using AnswerWriter = std::function<absl::StatusOr<Answer>(const AnswerSink& sink)>;

// Has `write` write an answer and applies `rules` to its text and reasoning on their way to `sink`,
// which gets what the returned answer holds: masked, and places in the text moved along. A citation
// leaves when the text does that was written before it. Fields of a JSON answer are named by the
// keys that left; where a rule takes away what makes it JSON, they are left out. Snippets are as
// they were; message_filter.h has those. Where a rule blocks, the answer ends before the match and
// the writing stops: finish_reason "content_filter", a warning that names the rule, the citations
// and sentences that lie before it, and `mode` and no usage where the writer was still at work.
// Errors of `write` and of ContentRules::Next.
absl::StatusOr<Answer> FilterAnswer(const ContentRules& rules, AnswerMode mode,
                                    const AnswerSink& sink, const AnswerWriter& write);

}  // namespace sightline::query
