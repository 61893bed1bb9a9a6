#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/eval_options.h"
#include "cli/terminal.h"

namespace sightline::cli {

inline constexpr int kDefaultQueries = 100;  // of each task

// True of "demo-world:SEED" and what is meant to be it.
bool NamesWorld(const std::string& dataset);

// The seed of the shop, of the half that is for evaluation. kInvalidArgument: no "demo-world:SEED".
absl::StatusOr<uint64_t> WorldSeed(const std::string& dataset);

// Makes that shop, has it ingested, asks every kind of question and prints the figures.
// kInvalidArgument: a seed or task that is none; errors of EvalSession and of the calls.
absl::Status EvalWorld(const EvalOptions& options, const Terminal& terminal);

}  // namespace sightline::cli
