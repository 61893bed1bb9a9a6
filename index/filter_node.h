#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/metadata.h"

namespace sightline::index {

enum class FilterField { kMetadata, kSource, kDocumentId, kMediaType, kKind, kPage };
enum class FilterOp { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

// A parsed condition. Which members count depends on `type`.
struct FilterNode {
  enum class Type { kConstant, kAnd, kOr, kNot, kCompare, kIn, kExists };

  Type type = Type::kConstant;
  bool constant = true;                               // kConstant
  std::vector<std::unique_ptr<FilterNode>> children;  // kAnd, kOr: two or more; kNot: one
  FilterField field = FilterField::kMetadata;         // kCompare, kIn
  std::string path;                                   // of kMetadata
  FilterOp op = FilterOp::kEqual;                     // kCompare
  Scalar value;                                       // kCompare
  std::vector<std::string> strings;                   // kIn, ascending
  std::vector<long double> numbers;   // kIn, ascending; long double holds every int64
  bool has_bool[2] = {false, false};  // kIn: false, true
};

// The tree of a non-blank expression within the bounds of filter.h; kInvalidArgument as
// Filter::Parse.
absl::StatusOr<std::unique_ptr<FilterNode>> ParseFilterTree(absl::string_view expression);

}  // namespace sightline::index
