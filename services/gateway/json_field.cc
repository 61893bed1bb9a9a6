#include "services/gateway/json_field.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <limits>

#include "services/gateway/json_text.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

}  // namespace

absl::Status WrongType(absl::string_view name, absl::string_view expected,
                       const json::value& value) {
  return edge::InvalidField(name,
                            absl::StrCat("expected ", expected, ", got ", JsonKindName(value)));
}

absl::StatusOr<std::string> StringField(absl::string_view name, const json::value& value) {
  if (!value.is_string()) return WrongType(name, "a string", value);
  return std::string(value.get_string().data(), value.get_string().size());
}

absl::StatusOr<std::vector<std::string>> StringsField(absl::string_view name,
                                                      const json::value& value) {
  std::vector<std::string> out;
  if (value.is_string()) {
    SL_ASSIGN_OR_RETURN(out.emplace_back(), StringField(name, value));
    return out;
  }
  if (!value.is_array()) return WrongType(name, "an array of strings", value);
  for (const json::value& entry : value.get_array()) {
    SL_ASSIGN_OR_RETURN(std::string text,
                        StringField(absl::StrCat(name, "[", out.size(), "]"), entry));
    out.push_back(std::move(text));
  }
  return out;
}

absl::StatusOr<bool> BooleanField(absl::string_view name, const json::value& value) {
  if (!value.is_bool()) return WrongType(name, "true or false", value);
  return value.get_bool();
}

absl::StatusOr<double> NumberField(absl::string_view name, const json::value& value) {
  if (!value.is_number()) return WrongType(name, "a number", value);
  return value.to_number<double>();
}

absl::StatusOr<int32_t> WholeField(absl::string_view name, const json::value& value,
                                   int32_t least) {
  SL_ASSIGN_OR_RETURN(const double number, NumberField(name, value));
  if (number != std::floor(number) || number < least ||
      number > std::numeric_limits<int32_t>::max()) {
    return edge::InvalidField(
        name, absl::StrCat("expected a whole number from ", least, " to 2147483647"));
  }
  return static_cast<int32_t>(number);
}

absl::StatusOr<uint64_t> SeedField(absl::string_view name, const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<uint64_t>(value.get_int64());
  }
  return edge::InvalidField(name, "expected a whole number from 0 to 18446744073709551615");
}

const json::value* Member(const json::object& object, absl::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace sightline::gateway
