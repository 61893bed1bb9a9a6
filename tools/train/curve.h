#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tools/train/trainer.h"

namespace sightline::train {

// The learning curve of a run as a CSV file: step, seconds trained, rate, length of the gradient,
// and for each lesson the mean loss, the share of tokens (queries, pairs) that were right and the
// share of samples that were right as a whole, empty where the lesson did not come.
class Curve {
 public:
  // Goes on with the file at `path` after `step`; rows beyond it, of an interrupted run, go.
  static absl::StatusOr<Curve> Open(const std::string& path, int64_t step);

  // Adds a row and prints its gist to standard error.
  absl::Status Add(int64_t step, double rate, double gradient, const std::vector<LessonSums>& sums);

 private:
  Curve(std::string path, std::string text, double seconds)
      : path_(std::move(path)), text_(std::move(text)), seconds_(seconds) {}

  std::string path_;
  std::string text_;
  double seconds_;  // of earlier sittings
  absl::Time start_ = absl::Now();
};

// {"step": …, "lessons": {"describe": {"loss": …, "right": …, "whole": …, "samples": …}, …}}
std::string SumsJson(int64_t step, const std::vector<LessonSums>& sums);

}  // namespace sightline::train
