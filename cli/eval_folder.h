#pragma once

#include "absl/status/status.h"
#include "cli/eval_options.h"
#include "cli/terminal.h"

namespace sightline::cli {

// Reads a dataset folder (eval_dataset.h), has it ingested, searches in every mode, asks what has
// an answer, and prints the figures. Errors of Dataset::Open, EvalSession and of the calls.
absl::Status EvalFolder(const EvalOptions& options, const Terminal& terminal);

}  // namespace sightline::cli
