#pragma once

#include "tools/demo_world/page_draft.h"

namespace sightline::demo_world {

// A label or a sign: a name, and below it lines of a word and a value. False if the words find no
// room.
bool PlanBoard(Draft& draft);

}  // namespace sightline::demo_world
