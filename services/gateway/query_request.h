#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/query.pb.h"

namespace sightline::gateway {

// A query as REST states it, ready for gRPC.
struct QueryRequest {
  v1::SearchAndAnswerRequest request;
  bool stream = false;  // the body asks for events, whatever Accept says
  absl::Time deadline;  // the request's, or what `timeout` in the body says
};

// Which fields are known: `answer_mode`, `max_tokens` and so on exist for answers only.
enum class QueryKind { kSearch, kAnswer };

// Reads the body of POST /v1/search or /v1/answer, JSON or multipart/form-data, see openapi.json.
// kInvalidArgument names the field: "unknown_field", "missing_field", "invalid_field", and the
// reasons of json_text.h, multipart.h and picture_url.h; "unknown_type" (HTTP 415) for any other
// Content-Type. What the server judges itself (ranges of k, filters, names) is passed on.
absl::StatusOr<QueryRequest> ReadQuery(const Request& request, QueryKind kind);

// Sets the member of `out` that one field of the body stands for; `name` is any field but text,
// images and crop, and an unknown one is passed over.
absl::Status ApplyQueryField(absl::string_view name, const boost::json::value& value,
                             absl::Duration max_timeout, QueryRequest& out);

// The deadline that `seconds` asks for, cut to the longest allowed. kInvalidArgument unless
// 0 < seconds.
absl::StatusOr<absl::Time> DeadlineIn(double seconds, absl::Duration max_timeout);

// kInvalidArgument, reason "unknown_type", unless the request's body is JSON in UTF-8.
absl::Status RequireJson(const Request& request);

}  // namespace sightline::gateway
