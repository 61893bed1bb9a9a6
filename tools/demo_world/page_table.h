#pragma once

#include "tools/demo_world/page_draft.h"

namespace sightline::demo_world {

// A price list, an invoice, a stock table: lines above, rows in columns, lines below. False if the
// words find no room.
bool PlanTable(Draft& draft);

}  // namespace sightline::demo_world
