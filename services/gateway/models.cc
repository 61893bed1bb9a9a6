#include "services/gateway/models.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/gateway/error_reply.h"
#include "services/gateway/json_text.h"

namespace sightline::gateway {
namespace {

std::vector<std::pair<std::string, std::string>> IdsAndTexts(const v1::GetModelResponse& reply) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](const v1::ModelPart& part, const char* role) {
    out.emplace_back(part.name(), absl::StrCat("{\"id\":", JsonString(part.name()),
                                               ",\"object\":\"model\",\"created\":0,\"owned_by\":"
                                               "\"sightline\",\"role\":\"",
                                               role, "\"}"));
  };
  if (reply.has_encoder()) add(reply.encoder(), "encoder");
  if (reply.has_reranker()) add(reply.reranker(), "reranker");
  if (reply.has_generator()) add(reply.generator(), "generator");
  return out;
}

}  // namespace

std::string ModelListJson(const v1::GetModelResponse& reply) {
  const auto append = [](std::string* out, const auto& entry) { *out += entry.second; };
  return absl::StrCat("{\"object\":\"list\",\"data\":[",
                      absl::StrJoin(IdsAndTexts(reply), ",", append), "]}");
}

Reply ModelReply(const v1::GetModelResponse& reply, absl::string_view id) {
  for (auto& [name, text] : IdsAndTexts(reply)) {
    if (name != id) continue;
    Reply found;
    found.body = std::move(text);
    return found;
  }
  return ErrorReply(404, "model_not_found", absl::StrCat("there is no model \"", id, "\""),
                    "model");
}

}  // namespace sightline::gateway
