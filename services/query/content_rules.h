#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::query {

// kMask: the match is replaced by "[NAME]". kBlock: nothing of the text goes on.
enum class RuleAction { kMask, kBlock };

// A rule sees this many bytes of a match at most: what is longer is judged by them alone. It also
// bounds what a stream holds back for one rule.
inline constexpr size_t kMaxMatchBytes = 1024;

// What texts must not hold, as docs/content-filters.md describes it. Immutable; any thread.
class ContentRules {
 public:
  // One rule a line; empty lines and lines that begin with # say nothing. Null when no rule is
  // there. kInvalidArgument: a line that is no rule, with its number.
  static absl::StatusOr<std::shared_ptr<const ContentRules>> Parse(absl::string_view lines);
  ~ContentRules();

  size_t size() const;
  const std::string& name(size_t rule) const;
  RuleAction action(size_t rule) const;

  // A step of one rule through a text.
  struct Match {
    size_t begin = 0;  // bytes [begin, end) of the text, whole characters, at least one
    size_t end = 0;
  };
  struct Step {
    std::optional<Match> match;
    size_t decided = 0;  // up to here no match begins but `match`; at its end where there is one
  };
  // The first match of `rule` that begins at byte `from` or later. `text` is valid UTF-8 up to
  // where it is known, from the text's beginning; `whole`: nothing follows. Not whole, no match
  // behind `decided` hangs on what is known alone: whatever way a text grows, its matches are those
  // of the whole text. kInternal: the rule needs more work on this text than is allowed.
  absl::StatusOr<Step> Next(size_t rule, absl::string_view text, size_t from, bool whole) const;

 private:
  struct Rule;
  ContentRules();

  std::vector<Rule> rules_;
};

// Rules for what comes in and what goes out; null = none.
struct FilterOptions {
  std::shared_ptr<const ContentRules> questions;
  std::shared_ptr<const ContentRules> answers;  // and the passages and snippets beside them
};

}  // namespace sightline::query
