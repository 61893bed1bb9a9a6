#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::model {

// A set of Unicode scalar values: code points from 0 to 10FFFF without the surrogates.
class CodePointSet {
 public:
  using Range = std::pair<uint32_t, uint32_t>;  // both ends included

  CodePointSet() = default;
  static CodePointSet All();
  static CodePointSet Of(uint32_t first, uint32_t last);
  // A property as in \p{NAME}: "L", "Lu", "N", "Greek", "Script=Han", … kInvalidArgument: unknown.
  static absl::StatusOr<CodePointSet> Property(absl::string_view name);

  // Surrogates among them are left out.
  void Add(uint32_t first, uint32_t last);
  void Add(const CodePointSet& other);
  CodePointSet Complement() const;
  CodePointSet Intersection(const CodePointSet& other) const;

  bool empty() const { return ranges_.empty(); }
  bool Contains(uint32_t code_point) const;
  // Ascending, without neighbours that touch.
  const std::vector<Range>& ranges() const { return ranges_; }

  friend bool operator==(const CodePointSet&, const CodePointSet&) = default;

 private:
  std::vector<Range> ranges_;
};

// `text`, valid UTF-8, as code points.
std::vector<uint32_t> CodePointsOf(absl::string_view text);

}  // namespace sightline::model
