#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sightline::query {

// A value of a JSON text that holds no other: a string, a number, true, false or null.
struct JsonLeaf {
  enum class Kind { kString, kNumber, kBool, kNull };
  std::string pointer;  // RFC 6901, e.g. "/items/0/price"; empty when the text is one leaf
  std::string name;     // of the property it is the value of, or is an element of the value of
  Kind kind = Kind::kNull;
  std::string value;  // a string's characters; of the others what stands in the text
  size_t begin = 0;   // bytes [begin, end) of the text, a string's quotes included
  size_t end = 0;
};

// All leaves of `text` in its order. Empty when it is not JSON, or nests more than 256 deep. Pure;
// any thread.
std::vector<JsonLeaf> JsonLeaves(absl::string_view text);

}  // namespace sightline::query
