#include "services/gateway/input_field.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/json_field.h"
#include "services/gateway/picture_url.h"

namespace sightline::gateway {
namespace {

namespace json = boost::json;

absl::Status AddText(const std::string& field, const json::value& value, v1::EmbedInput& out) {
  SL_ASSIGN_OR_RETURN(std::string text, StringField(field, value));
  if (text.empty()) return edge::InvalidField(field, "the text is empty", "empty");
  out.add_content()->set_text(std::move(text));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Content> ContentPart(absl::string_view at, const json::value& value) {
  if (!value.is_object()) return WrongType(at, "an object", value);
  const json::object& part = value.get_object();
  const json::value* kind = Member(part, "type");
  if (kind == nullptr) {
    return edge::InvalidField(absl::StrCat(at, ".type"), "the type of a part is required",
                              "missing_field");
  }
  SL_ASSIGN_OR_RETURN(const std::string type, StringField(absl::StrCat(at, ".type"), *kind));
  if (type != "text" && type != "image_url") {
    return edge::InvalidField(absl::StrCat(at, ".type"), "expected \"text\" or \"image_url\"",
                              "unsupported_parameter");
  }
  const std::string field = absl::StrCat(at, ".", type);
  const json::value* content = Member(part, type);
  if (content == nullptr) {
    return edge::InvalidField(field, "the part's content is required", "missing_field");
  }
  if (type == "text") {
    v1::Content text;
    SL_ASSIGN_OR_RETURN(*text.mutable_text(), StringField(field, *content));
    return text;
  }
  if (content->is_string()) {
    SL_ASSIGN_OR_RETURN(const std::string url, StringField(field, *content));
    return PictureFromUrl(field, url);
  }
  if (!content->is_object()) return WrongType(field, "an object with \"url\"", *content);
  const json::value* url = Member(content->get_object(), "url");
  if (url == nullptr) {
    return edge::InvalidField(absl::StrCat(field, ".url"), "the picture's URL is required",
                              "missing_field");
  }
  SL_ASSIGN_OR_RETURN(const std::string text, StringField(absl::StrCat(field, ".url"), *url));
  if (const json::value* detail = Member(content->get_object(), "detail"); detail != nullptr) {
    SL_RETURN_IF_ERROR(StringField(absl::StrCat(field, ".detail"), *detail).status());
  }
  return PictureFromUrl(absl::StrCat(field, ".url"), text);
}

absl::StatusOr<v1::EmbedInput> InputField(absl::string_view field, const json::value& value) {
  v1::EmbedInput out;
  if (value.is_string()) {
    SL_RETURN_IF_ERROR(AddText(std::string(field), value, out));
    return out;
  }
  if (!value.is_object()) {
    return WrongType(field, "a text, or an object with \"text\", \"image\" or \"content\"", value);
  }
  const json::object& object = value.get_object();
  if (const json::value* text = Member(object, "text"); text != nullptr) {
    SL_RETURN_IF_ERROR(AddText(absl::StrCat(field, ".text"), *text, out));
  }
  if (const json::value* image = Member(object, "image"); image != nullptr) {
    const std::string at = absl::StrCat(field, ".image");
    SL_ASSIGN_OR_RETURN(const std::vector<std::string> urls, StringsField(at, *image));
    for (const std::string& url : urls) {
      SL_ASSIGN_OR_RETURN(*out.add_content(), PictureFromUrl(at, url));
    }
  }
  if (const json::value* content = Member(object, "content"); content != nullptr) {
    const std::string at = absl::StrCat(field, ".content");
    if (content->is_string()) {
      SL_RETURN_IF_ERROR(AddText(at, *content, out));
    } else if (content->is_array()) {
      size_t index = 0;
      for (const json::value& part : content->get_array()) {
        SL_ASSIGN_OR_RETURN(*out.add_content(),
                            ContentPart(absl::StrCat(at, "[", index++, "]"), part));
      }
    } else {
      return WrongType(at, "a text or an array of parts", *content);
    }
  }
  if (out.content().empty()) {
    return edge::InvalidField(field, "expected \"text\", \"image\" or \"content\"",
                              "missing_field");
  }
  return out;
}

}  // namespace sightline::gateway
