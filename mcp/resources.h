#pragma once

#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "mcp/call.h"
#include "mcp/json_rpc.h"
#include "mcp/stubs.h"

namespace sightline::mcp {

// What can be read by its address: sightline://collections/NAME, a collection's figures;
// sightline://passages/ID, a passage, and …/image, its picture as stored, in base64.

// "sightline://passages/ID/image", percent signs where needed.
std::string PictureUri(absl::string_view passage_id);

// The results of resources/list, which names the collections, and resources/templates/list.
std::variant<Json, RpcError> ResourceList(const Stubs& stubs, Call& call);
Json ResourceTemplates();

// The result of resources/read. kResourceNotFound: no such thing; kInvalidParams: no such address.
std::variant<Json, RpcError> ReadResource(const Json& params, const Stubs& stubs, Call& call);

}  // namespace sightline::mcp
