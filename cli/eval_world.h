#pragma once

#include "absl/status/status.h"
#include "cli/eval_options.h"
#include "cli/terminal.h"

namespace sightline::cli {

// True of "demo-world:SEED" and what is meant to be it.
bool NamesWorld(const std::string& dataset);

// Makes that shop, has it ingested, asks every kind of question and prints the figures.
// kInvalidArgument: a seed or task that is none; errors of EvalSession and of the calls.
absl::Status EvalWorld(const EvalOptions& options, const Terminal& terminal);

}  // namespace sightline::cli
