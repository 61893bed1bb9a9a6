#include "cli/demo_log.h"

#include "absl/strings/str_cat.h"
#include "cli/command.h"

namespace sightline::cli {

void DemoLog::Say(const std::string& line) const {
  if (!silent_) PrintLine(line);
}

void DemoLog::Step(const std::string& title, absl::Duration took) const {
  Say(absl::StrCat("\n", Styled(terminal_, Style::kBold, title), "  ",
                   Styled(terminal_, Style::kDim, ShortDuration(took))));
}

void DemoLog::Judged(const std::string& title, bool right, absl::Duration took) {
  ++asked_;
  right_ += right ? 1 : 0;
  const Style style = right ? Style::kGreen : Style::kRed;
  Say(absl::StrCat("\n", Styled(terminal_, style, right ? "✓" : "✗"), " ",
                   Styled(terminal_, Style::kBold, title), "  ",
                   Styled(terminal_, Style::kDim, ShortDuration(took))));
}

void DemoLog::LeftOut(const std::string& what, const std::string& why) {
  left_out_.Add(JsonObject().Text("what", what).Text("why", why).Done());
  absl::StrAppend(&left_out_text_,
                  left_out_text_.empty() ? absl::StrCat("Left out, as ", why, ": ") : "; ", what);
}

}  // namespace sightline::cli
