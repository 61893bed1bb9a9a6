#pragma once

#include "absl/status/status.h"
#include "cli/eval_options.h"
#include "cli/terminal.h"

namespace sightline::cli {

// Writes a made-up shop to the folder `options.export_to` as a dataset that `eval` and other
// systems read: corpus.jsonl, queries.jsonl, qrels/test.tsv and images/. The queries are those of
// `options.tasks` that search or ask; what is about a picture at hand has no place there.
// kInvalidArgument: a seed or task that is none; kAlreadyExists: the folder has something in it;
// kUnavailable: it cannot be written.
absl::Status ExportWorld(const EvalOptions& options, const Terminal& terminal);

}  // namespace sightline::cli
