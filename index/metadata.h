#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sightline::index {

inline constexpr size_t kMaxMetadataBytes = 64 << 10;
inline constexpr int kMaxMetadataDepth = 32;

using Scalar = std::variant<bool, int64_t, double, std::string>;

// A document's metadata, read once and laid flat: the path of a value is the names it stands under,
// joined by dots. The elements of an array, and the fields of the objects in it, share the array's
// path, so that a comparison with a path is one with any element. Immutable; any thread.
class Metadata {
 public:
  Metadata() = default;
  // kInvalidArgument: not a JSON object, more than 64 KiB, or nested deeper than 32; the message
  // says where.
  static absl::StatusOr<Metadata> Parse(absl::string_view json);

  // Empty: no value there.
  std::span<const Scalar> ValuesAt(absl::string_view path) const;
  // True when the path leads to a value, an array or an object; a null is not there.
  bool Exists(absl::string_view path) const;

 private:
  struct Field {
    std::string path;
    std::vector<Scalar> values;  // empty: an object or an array stands there, no value of its own
  };

  std::vector<Field> fields_;  // ascending by path
};

}  // namespace sightline::index
