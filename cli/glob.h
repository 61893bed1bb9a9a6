#pragma once

#include <string>
#include <vector>

namespace sightline::cli {

// Whether the patterns of --glob let a file in: `name` is its own, `below` its path under the
// folder that was named. See IngestSources.
bool Wanted(const std::vector<std::string>& globs, const std::string& name,
            const std::string& below);

}  // namespace sightline::cli
