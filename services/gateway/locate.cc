#include "services/gateway/locate.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <utility>

#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/gateway/json_field.h"
#include "services/gateway/json_text.h"
#include "services/gateway/picture_url.h"
#include "services/gateway/query_request.h"

namespace sightline::gateway {

namespace json = boost::json;

absl::StatusOr<v1::LocateRequest> ReadLocate(const Request& request) {
  SL_RETURN_IF_ERROR(RequireJson(request));
  SL_ASSIGN_OR_RETURN(const json::value body, ParseJson(request.body));
  if (!body.is_object()) return WrongType("body", "an object", body);
  std::string text;
  std::string image;
  for (const json::key_value_pair& field : body.get_object()) {
    const absl::string_view name(field.key().data(), field.key().size());
    if (field.value().is_null()) continue;
    if (name == "text") {
      SL_ASSIGN_OR_RETURN(text, StringField(name, field.value()));
    } else if (name == "image") {
      SL_ASSIGN_OR_RETURN(image, StringField(name, field.value()));
    } else {
      return edge::InvalidField(name, "no such field; known are text, image", "unknown_field");
    }
  }
  if (image.empty()) {
    return edge::InvalidField("image", "the picture's URL is required", "missing_field");
  }
  if (text.empty()) {
    return edge::InvalidField("text", "words for what is looked for are required", "missing_field");
  }
  v1::LocateRequest out;
  SL_ASSIGN_OR_RETURN(*out.add_content(), PictureFromUrl("image", image));
  out.add_content()->set_text(std::move(text));
  return out;
}

}  // namespace sightline::gateway
