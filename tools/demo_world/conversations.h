#pragma once

#include <optional>

#include "tools/demo_world/questions.h"

namespace sightline::demo_world {

// A question in the middle of a conversation, of the three kinds Task has for that; nothing when
// the world holds nothing to ask so.
std::optional<Question> AskInConversation(const World& world, Task task, Random& random);

}  // namespace sightline::demo_world
