#include "services/gateway/history_field.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/input_field.h"
#include "services/gateway/json_field.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

absl::Status Missing(const std::string& field) {
  return edge::InvalidField(field, "is required", "missing_field");
}

absl::StatusOr<v1::Turn> ReadTurn(const std::string& at, const json::value& value) {
  if (!value.is_object()) return WrongType(at, "an object", value);
  const json::object& fields = value.get_object();
  const json::value* role = Member(fields, "role");
  if (role == nullptr) return Missing(absl::StrCat(at, ".role"));
  v1::Turn turn;
  SL_ASSIGN_OR_RETURN(*turn.mutable_role(), StringField(absl::StrCat(at, ".role"), *role));
  const std::string name = absl::StrCat(at, ".content");
  const json::value* content = Member(fields, "content");
  if (content == nullptr) return Missing(name);
  if (content->is_string()) {
    SL_ASSIGN_OR_RETURN(*turn.add_content()->mutable_text(), StringField(name, *content));
    return turn;
  }
  if (!content->is_array()) return WrongType(name, "a text or an array of parts", *content);
  for (const json::value& part : content->get_array()) {
    SL_ASSIGN_OR_RETURN(v1::Content read,
                        ContentPart(absl::StrCat(name, "[", turn.content_size(), "]"), part));
    *turn.add_content() = std::move(read);
  }
  return turn;
}

}  // namespace

absl::StatusOr<std::vector<v1::Turn>> HistoryField(absl::string_view name,
                                                   const json::value& value) {
  std::vector<v1::Turn> out;
  if (!value.is_array()) return WrongType(name, "an array of messages", value);
  for (const json::value& entry : value.get_array()) {
    SL_ASSIGN_OR_RETURN(v1::Turn turn, ReadTurn(absl::StrCat(name, "[", out.size(), "]"), entry));
    out.push_back(std::move(turn));
  }
  return out;
}

}  // namespace sightline::gateway
