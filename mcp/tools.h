#pragma once

#include <string>
#include <variant>

#include "mcp/call.h"
#include "mcp/json_rpc.h"
#include "mcp/stubs.h"

namespace sightline::mcp {

// The tools: search, ask, get_passage, list_collections. All of them only read.

// The result of tools/list.
Json ToolList();

// The result of tools/call. Arguments that do not fit the tool's schema and failures of the server
// are results with "isError", whose text starts with the stable reason, so that a model can mend
// its call; only a name that is no tool is an error of the protocol.
std::variant<Json, RpcError> CallTool(const Json& params, const Stubs& stubs, Call& call);

}  // namespace sightline::mcp
