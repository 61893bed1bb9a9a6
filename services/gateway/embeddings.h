#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// POST /v1/embeddings in OpenAI's shape: `input` one of input_field.h or an array of them, or
// instead `messages`, whose parts are one input; `dimensions`, `encoding_format` float or base64;
// `instruction` is ours. Other fields are passed over, as OpenAI does.
struct EmbeddingsRequest {
  v1::EmbedRequest request;
  bool base64 = false;
};
// kInvalidArgument names the field; "unknown_type" for a body that is not JSON.
absl::StatusOr<EmbeddingsRequest> ReadEmbeddings(const Request& request);

// {"object":"list","data":[{"object":"embedding","index","embedding"}],"model","usage"}; base64 is
// of little-endian float32.
std::string EmbeddingsReplyJson(const v1::EmbedResponse& reply, bool base64);

}  // namespace sightline::gateway
