#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/query/conversation.h"

namespace sightline::query {

// What was said before a question, as messages to stand in front of the one with the passages: the
// latest turns that fit into `token_budget`, from a user's on, with their pictures while the budget
// and `max_pictures` last. Numbers of passages that were cited then are taken out, and others in
// brackets made harmless: only passages of this prompt can be cited. Errors: those of `generator`,
// `limits`.
absl::StatusOr<std::vector<model::Message>> ShownTurns(const Conversation& conversation,
                                                       int token_budget, int max_pictures,
                                                       const model::Generator& generator,
                                                       const edge::CallLimits& limits);

}  // namespace sightline::query
