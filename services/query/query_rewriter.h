#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/follow_up.h"

namespace sightline::query {

// Makes a question in a conversation searchable: a trained generator that answers at once writes it
// so that it stands alone; without one, or where what it writes is of no use, the rule of
// follow_up.h applies. Any thread.
class QueryRewriter {
 public:
  // `generator`, which outlives the rewriter, may be null.
  QueryRewriter(model::Generator* generator, const ConversationLimits& limits);

  // Warnings, as that the generator failed, stand in the result's `search`. kCancelled,
  // kDeadlineExceeded: the call's own time is over; the rewriting alone has less.
  absl::StatusOr<FollowUp> Rewrite(const QueryContent& question, const Conversation& conversation,
                                   const edge::CallLimits& limits) const;

 private:
  bool Writes() const;
  absl::StatusOr<FollowUp> Generated(const QueryContent& question, const Conversation& conversation,
                                     const edge::CallLimits& limits) const;

  model::Generator* const generator_;
  const ConversationLimits limits_;
};

// What the generator is told: the last turns as quoted text, cut where they are long, and the
// question.
std::vector<model::Message> RewritingMessages(absl::string_view question,
                                              const Conversation& conversation);

// False for a rewriting that says nothing, or mostly of what neither the question nor the
// conversation speak of.
bool IsUsableRewriting(absl::string_view rewritten, absl::string_view question,
                       const Conversation& conversation);

}  // namespace sightline::query
