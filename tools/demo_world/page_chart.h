#pragma once

#include "tools/demo_world/page_draft.h"

namespace sightline::demo_world {

// Bar charts. False if the words find no room.

// Each row a height of its own: label, bar, number.
bool PlanLyingChart(Draft& draft);
// Bars side by side: number on top of each, label below.
bool PlanStandingChart(Draft& draft);

}  // namespace sightline::demo_world
