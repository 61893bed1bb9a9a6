#pragma once

#include <cmath>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace sightline::model {

// False for annotations and keywords that JSON Schema does not know: they say nothing about the
// text.
bool ConstrainsText(absl::string_view keyword);

// True when `value` is of one of the types, named as in "type"; whole numbers are integers however
// they are spelt.
template <typename Types>
bool IsOfTypes(const nlohmann::ordered_json& value, const Types& types);

// Where a "$ref" leads inside its document: a JSON pointer, "" = the root. kInvalidArgument: it
// leads elsewhere. `pointer` is where it stands, for the error.
absl::StatusOr<std::string> ReferencePointer(const nlohmann::ordered_json& reference,
                                             const std::string& pointer);

// The schema at `place` in `root`. kInvalidArgument: there is none.
absl::StatusOr<const nlohmann::ordered_json*> Find(const nlohmann::ordered_json& root,
                                                   const std::string& place,
                                                   const std::string& pointer);

// A schema whose values are those of both `a` and `b`. kInvalidArgument, naming `pointer`: they
// cannot be said in one, such as two patterns.
absl::StatusOr<nlohmann::ordered_json> MergeSchemas(const nlohmann::ordered_json& root,
                                                    const nlohmann::ordered_json& a,
                                                    const nlohmann::ordered_json& b,
                                                    const std::string& pointer, int depth = 0);

template <typename Types>
bool IsOfTypes(const nlohmann::ordered_json& value, const Types& types) {
  switch (value.type()) {
    case nlohmann::json::value_t::null: return types.contains("null");
    case nlohmann::json::value_t::boolean: return types.contains("boolean");
    case nlohmann::json::value_t::string: return types.contains("string");
    case nlohmann::json::value_t::array: return types.contains("array");
    case nlohmann::json::value_t::object: return types.contains("object");
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
      return types.contains("number") || types.contains("integer");
    case nlohmann::json::value_t::number_float: {
      const double number = value.get<double>();
      return types.contains("number") ||
             (types.contains("integer") && std::floor(number) == number);
    }
    default: return false;
  }
}

}  // namespace sightline::model
