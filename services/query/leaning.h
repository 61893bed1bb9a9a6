#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/query/conversation.h"

// Which earlier turns a question cannot be understood without, told by its words, in English and
// Chinese. Pure functions; any thread.
namespace sightline::query {

// True when the question points at something it does not name ("And who makes it?", "the same but
// in red", "它多少钱？"), goes on from before ("What about the Tavi lamp?"), or says next to
// nothing ("How much?"). A pronoun behind a name, or behind four words that carry meaning, stands
// for what the question itself says. With a picture of its own only a beginning like "And" counts.
bool LeansOnEarlier(absl::string_view question, bool has_picture);

// The places of the user's turns that the question leans on, latest first: the last one, and as
// long as that one leans itself, the one before it. Empty: the question stands alone.
std::vector<size_t> TurnsLeantOn(absl::string_view question, bool has_picture,
                                 const Conversation& conversation);

}  // namespace sightline::query
