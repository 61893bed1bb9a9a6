#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/code_point_set.h"

namespace sightline::model {

// A finite automaton over code points, with edges that take none.
struct CodePointNfa {
  static constexpr int kNoCodePoint = -1;
  struct Edge {
    int set = kNoCodePoint;  // index into `sets`
    int to = 0;
  };
  int start = 0;
  int end = 0;                           // the one state in which a text may end
  std::vector<std::vector<Edge>> edges;  // by state
  std::vector<CodePointSet> sets;
};

// Where a regular expression must match.
enum class RegexMatch {
  kWhole,     // from end to end; ^ and $ at the ends say nothing new
  kAnywhere,  // somewhere in the text, as JSON Schema's "pattern": ^ and $ tie it to an end
};

// Understands: literals, ., [classes], [^classes], \d \w \s \D \W \S, \t \n \r \f \v \0, \xHH,
// \uHHHH,
// \u{H…}, \p{…} and \P{…} (names of ICU), ( ), (?: ), (?<name> ), |, *, +, ?, {n}, {n,}, {n,m},
// each also with a ? behind it, which changes nothing here; ^ in front and $ behind an alternative
// of the outermost level.
// \d, \w and \s are of ASCII; . is any code point but line ends, and NUL only comes where it is
// spelt out. kInvalidArgument, with the place of the fault in characters: anything else (anchors
// inside, look-around, back references, flags), or an automaton of over kMaxRegexStates states.
absl::StatusOr<CodePointNfa> ParseRegex(absl::string_view pattern, RegexMatch match);

// The texts of `nfa` that have `min` to `max` code points; max < 0: no limit. kInvalidArgument: too
// large.
absl::StatusOr<CodePointNfa> WithLength(const CodePointNfa& nfa, int64_t min, int64_t max);

// All texts of `set`.
CodePointNfa AnyOf(const CodePointSet& set);

inline constexpr int kMaxRegexStates = 100'000;

}  // namespace sightline::model
