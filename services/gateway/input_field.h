#pragma once

#include <boost/json/value.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// Reads what is embedded or ranked as one: a text; {"text", "image"}, either or both, `image` a
// data: or http(s) URL or an array of them; or {"content": […]} with the parts of a chat message,
// text and image_url. `field` names it in errors; kInvalidArgument as in json_field.h and
// picture_url.h.
absl::StatusOr<v1::EmbedInput> InputField(absl::string_view field, const boost::json::value& value);

// One part of a chat message: {"type":"text","text"} or {"type":"image_url","image_url":{"url"}}.
// "unsupported_parameter": another type.
absl::StatusOr<v1::Content> ContentPart(absl::string_view field, const boost::json::value& value);

}  // namespace sightline::gateway
