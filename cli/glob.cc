#include "cli/glob.h"

#include <fnmatch.h>

#include "absl/strings/match.h"

namespace sightline::cli {
namespace {

bool Matches(const std::string& pattern, const std::string& name, const std::string& below) {
  return ::fnmatch(pattern.c_str(), absl::StrContains(pattern, '/') ? below.c_str() : name.c_str(),
                   0) == 0;
}

}  // namespace

bool Wanted(const std::vector<std::string>& globs, const std::string& name,
            const std::string& below) {
  bool has_including = false;
  bool included = false;
  for (const std::string& glob : globs) {
    if (glob[0] == '!') {
      if (Matches(glob.substr(1), name, below)) return false;
    } else {
      has_including = true;
      included = included || Matches(glob, name, below);
    }
  }
  return included || !has_including;
}

}  // namespace sightline::cli
