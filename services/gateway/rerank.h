#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/model.pb.h"

namespace sightline::gateway {

// POST /v1/rerank in the form of Cohere and Jina: `query` and each of `documents` as in
// input_field.h, `top_n`, `return_documents`; `instruction` is ours. Other fields are passed over.
struct RerankCall {
  v1::RerankRequest request;
  int top_n = 0;  // 0 = all
  bool return_documents = false;
};
// kInvalidArgument names the field; "unknown_type" for a body that is not JSON.
absl::StatusOr<RerankCall> ReadRerank(const Request& request);

// {"id","model","results":[{"index","relevance_score","document"}]}: best first, equal
// scores in the order of the documents. `document` is {"text"}, the parts' texts, where asked for.
std::string RerankReplyJson(const RerankCall& call, const v1::RerankResponse& reply,
                            absl::string_view id);

}  // namespace sightline::gateway
