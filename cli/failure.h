#pragma once

#include "absl/status/status.h"

namespace sightline::cli {

// Writes the failure to standard error: a sentence, or with `json` the error object that REST
// replies carry. Returns the exit code that belongs to it.
int ReportFailure(const absl::Status& status, bool json);

}  // namespace sightline::cli
