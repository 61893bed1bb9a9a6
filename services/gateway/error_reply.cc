#include "services/gateway/error_reply.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/gateway/json_text.h"

namespace sightline::gateway {
namespace {

absl::string_view ErrorType(int http_status) {
  switch (http_status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 408:
    case 504: return "timeout_error";
    case 429: return "rate_limit_error";
    default: return http_status < 500 ? "invalid_request_error" : "server_error";
  }
}

// A message that was written for users: every error of our services carries a reason, a library's
// or the transport's own does not.
bool IsPublic(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss: return false;
    case absl::StatusCode::kUnavailable: return !edge::Reason(status).empty();
    default: return true;
  }
}

absl::string_view FixedMessage(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnavailable: return "the server is not reachable";
    case absl::StatusCode::kDataLoss: return "stored data is damaged";
    default: return "internal error";
  }
}

// The name in REST of a field of the wire format.
std::string RestName(absl::string_view field) {
  absl::ConsumePrefix(&field, "search.");
  absl::ConsumePrefix(&field, "sampling.");
  return std::string(field);
}

}  // namespace

Reply ErrorReply(int http_status, absl::string_view code, absl::string_view message,
                 absl::string_view param) {
  Reply reply;
  reply.status = http_status;
  reply.body =
      absl::StrCat("{\"error\":{\"message\":", JsonString(ToValidUtf8(message)), ",\"type\":\"",
                   ErrorType(http_status),
                   "\",\"param\":", param.empty() ? "null" : JsonString(ToValidUtf8(param)),
                   ",\"code\":", JsonString(ToValidUtf8(code)), "}}");
  if (http_status == 429 || http_status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

Reply ErrorReply(const absl::Status& status, absl::string_view request_id) {
  const int http_status = edge::HttpCode(status);
  std::string message(status.message());
  if (!IsPublic(status)) {
    log::Error("request failed", {{"request_id", std::string(request_id)},
                                  {"code", absl::StatusCodeToString(status.code())},
                                  {"detail", message}});
    message = absl::StrCat(FixedMessage(status.code()), " (request ", request_id, ")");
  }
  std::string code = edge::Reason(status);
  if (code.empty()) code = edge::DefaultReason(status.code());
  const std::vector<edge::FieldViolation> fields = edge::Fields(status);
  Reply reply = ErrorReply(http_status, code, message,
                           fields.empty() ? std::string() : RestName(fields.front().field));
  if (const auto delay = edge::RetryAfter(status); delay.has_value()) {
    const int64_t seconds = std::max<int64_t>(1, std::ceil(absl::ToDoubleSeconds(*delay)));
    reply.headers.clear();
    reply.headers.emplace_back("Retry-After", absl::StrCat(seconds));
  }
  return reply;
}

absl::string_view ReasonPhrase(int http_status) {
  switch (http_status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace sightline::gateway
