#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "services/edge/error_details.h"

// Readers of one field of a JSON body. Each gives the value, or kInvalidArgument that names the
// field, "invalid_field".
namespace sightline::gateway {

// "NAME: expected EXPECTED, got a number".
absl::Status WrongType(absl::string_view name, absl::string_view expected,
                       const boost::json::value& value);

absl::StatusOr<std::string> StringField(absl::string_view name, const boost::json::value& value);
// An array of strings, or one string.
absl::StatusOr<std::vector<std::string>> StringsField(absl::string_view name,
                                                      const boost::json::value& value);
absl::StatusOr<bool> BooleanField(absl::string_view name, const boost::json::value& value);
absl::StatusOr<double> NumberField(absl::string_view name, const boost::json::value& value);
// A whole number from `least` to 2^31 - 1.
absl::StatusOr<int32_t> WholeField(absl::string_view name, const boost::json::value& value,
                                   int32_t least);
inline absl::StatusOr<int32_t> PositiveField(absl::string_view name,
                                             const boost::json::value& value) {
  return WholeField(name, value, 1);
}
// A whole number from 0 to 2^64 - 1.
absl::StatusOr<uint64_t> SeedField(absl::string_view name, const boost::json::value& value);

// One of the words of `choices`.
template <typename Enum, size_t N>
absl::StatusOr<Enum> ChoiceField(absl::string_view name, const boost::json::value& value,
                                 const std::pair<const char*, Enum> (&choices)[N]) {
  SL_ASSIGN_OR_RETURN(const std::string text, StringField(name, value));
  std::vector<absl::string_view> names;
  for (const auto& [choice, number] : choices) {
    if (text == choice) return number;
    names.push_back(choice);
  }
  return edge::InvalidField(name, absl::StrCat("expected one of ", absl::StrJoin(names, ", ")));
}

// The member, or null when it is absent or null.
const boost::json::value* Member(const boost::json::object& object, absl::string_view name);

}  // namespace sightline::gateway
