#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/connection.h"

namespace sightline::cli {

// The texts that a benchmark looks for: the lines of `file`; or where that is empty, a few words in
// a row out of passages of the collection, the same ones each time while its documents are the
// same. kInvalidArgument: a file without a line; kFailedPrecondition: no document of the collection
// has text; kNotFound: no such file or collection.
absl::StatusOr<std::vector<std::string>> BenchQueries(const Connection& connection,
                                                      const std::string& collection,
                                                      const std::string& file);

// Some words in a row out of `text`, or of a script without blanks some characters; `seed` chooses
// which. Without the marks of the query syntax. Empty where `text` has none.
std::string SomeWords(absl::string_view text, unsigned seed);

}  // namespace sightline::cli
