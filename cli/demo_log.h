#pragma once

#include <string>

#include "absl/time/time.h"
#include "cli/json_text.h"
#include "cli/terminal.h"

namespace sightline::cli {

// What the demo says while it runs, and its count of what came out right. Not thread-safe.
class DemoLog {
 public:
  // Prints nothing when `silent`. `terminal` outlives it.
  DemoLog(const Terminal& terminal, bool silent) : terminal_(terminal), silent_(silent) {}

  const Terminal& terminal() const { return terminal_; }

  void Say(const std::string& line) const;
  void Step(const std::string& title, absl::Duration took) const;
  // A step whose right outcome is known.
  void Judged(const std::string& title, bool right, absl::Duration took);
  void LeftOut(const std::string& what, const std::string& why);

  int asked() const { return asked_; }
  int right() const { return right_; }
  const std::string& left_out() const { return left_out_text_; }
  std::string LeftOutJson() const { return left_out_.Done(); }

 private:
  const Terminal& terminal_;
  const bool silent_;
  int asked_ = 0;
  int right_ = 0;
  JsonList left_out_;
  std::string left_out_text_;
};

}  // namespace sightline::cli
