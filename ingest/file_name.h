#pragma once

#include <string>

#include "absl/strings/string_view.h"

// Pure functions; any thread.
namespace sightline::ingest {

// The last part of a path or URL.
std::string FileName(absl::string_view source);

// Of that the part from its last dot on, in lower case; "" when it has none.
std::string Extension(absl::string_view source);

}  // namespace sightline::ingest
