#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// POST /v1/embeddings in OpenAI's shape: `input` a text or an array of texts, `dimensions`,
// `encoding_format` float or base64; `model` and `user` are accepted and not used; `instruction` is
// ours.
struct EmbeddingsRequest {
  v1::EmbedRequest request;
  bool base64 = false;
};
// kInvalidArgument names the field; "unknown_type" for a body that is not JSON.
absl::StatusOr<EmbeddingsRequest> ReadEmbeddings(const Request& request);

// {"object":"list","data":[{"object":"embedding","index","embedding"}],"model","usage"}; base64 is
// of little-endian float32.
std::string EmbeddingsReplyJson(const v1::EmbedResponse& reply, bool base64);

// {"object":"list","data":[{"id","object":"model","created","owned_by","role"}]}: the loaded parts.
std::string ModelListJson(const v1::GetModelResponse& reply);

}  // namespace sightline::gateway
