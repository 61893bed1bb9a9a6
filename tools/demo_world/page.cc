#include "tools/demo_world/page.h"

#include <utility>

#include "tools/demo_world/page_paint.h"
#include "tools/demo_world/page_plan.h"

namespace sightline::demo_world {

DrawnPage DrawPage(const PageContent& content, uint64_t view) {
  PagePlan plan = PlanPage(content, view);
  DrawnPage page;
  page.picture = PaintPage(plan);
  page.lines = std::move(plan.lines);
  return page;
}

Picture DrawWords(const std::string& text, uint64_t view) {
  return PaintPage(PlanWords(text, view));
}

}  // namespace sightline::demo_world
