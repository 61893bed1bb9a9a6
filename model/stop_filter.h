#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::model {

// Cuts a growing text before the first of several stop strings, giving out only what can no longer
// be a part of one. One thread.
class StopFilter {
 public:
  // None may be empty.
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Adds `piece` and returns the text that is now certain. Nothing more comes once stopped() is
  // true.
  std::string Push(absl::string_view piece);

  // What was kept back, at the end of the text.
  std::string Finish();

  bool stopped() const { return stopped_; }

 private:
  const std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace sightline::model
