#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::cli {

// What one .sightlineignore file says, in the syntax of gitignore: a pattern a line; "#" begins a
// comment; "!" takes back what an earlier line left out; a slash at the end means folders alone,
// one before that ties the pattern to the file's own folder; "*" and "?" match within a name,
// "[a-z]" one letter of it, "**" any number of folders; a backslash takes the next letter as it is.
// Immutable; any thread.
class IgnoreRules {
 public:
  static IgnoreRules Parse(absl::string_view text);

  // What the last line that matches says of a path below the file's folder: true leaves it out,
  // false keeps it; empty when none matches. Of folders above it the caller asks first.
  std::optional<bool> Verdict(absl::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::vector<std::u32string> names;  // of the pattern, split at slashes
    bool keeps = false;
    bool folders_only = false;
  };
  std::vector<Rule> rules_;
};

}  // namespace sightline::cli
