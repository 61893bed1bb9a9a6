#pragma once

#include "tools/demo_world/page_plan.h"
#include "tools/demo_world/picture.h"

namespace sightline::demo_world {

// The page as a photo or scan of it would be: turned, lit, blurred, with noise. Any thread.
Picture PaintPage(const PagePlan& plan);

}  // namespace sightline::demo_world
