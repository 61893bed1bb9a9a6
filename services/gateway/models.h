#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// {"object":"list","data":[{"id","object":"model","created","owned_by","role"}]}: the loaded parts.
std::string ModelListJson(const v1::GetModelResponse& reply);

// The part of that name, or 404 "model_not_found".
Reply ModelReply(const v1::GetModelResponse& reply, absl::string_view id);

}  // namespace sightline::gateway
