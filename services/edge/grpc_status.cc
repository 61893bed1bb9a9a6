#include "services/edge/grpc_status.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "services/edge/error_details.h"

namespace sightline::edge {
namespace {

constexpr char kDomain[] = "sightline";
// Trailers above 8 KiB are refused by HTTP/2 peers with default settings, and the message travels
// twice.
constexpr size_t kMaxMessageBytes = 2048;

std::string ShortMessage(absl::string_view message) {
  std::string out = ToValidUtf8(message);
  if (out.size() > kMaxMessageBytes) {
    out.resize(Utf8PrefixLength(out, kMaxMessageBytes));
    out += "…";
  }
  return out;
}

google::rpc::Status Details(const absl::Status& status, const std::string& message) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);

  google::rpc::ErrorInfo info;
  const std::string reason = Reason(status);
  info.set_reason(ToValidUtf8(reason.empty() ? DefaultReason(status.code()) : reason));
  info.set_domain(kDomain);
  details.add_details()->PackFrom(info);

  google::rpc::BadRequest bad;
  for (const FieldViolation& violation : Fields(status)) {
    auto* out = bad.add_field_violations();
    out->set_field(violation.field);
    out->set_description(ShortMessage(violation.description));
  }
  if (bad.field_violations_size() > 0) details.add_details()->PackFrom(bad);

  auto retry = RetryAfter(status);
  if (!retry.has_value() && status.code() == absl::StatusCode::kResourceExhausted) {
    retry = absl::Seconds(1);
  }
  if (retry.has_value()) {
    google::rpc::RetryInfo out;
    const int64_t seconds = absl::ToInt64Seconds(*retry);
    out.mutable_retry_delay()->set_seconds(seconds);
    out.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(*retry - absl::Seconds(seconds))));
    details.add_details()->PackFrom(out);
  }
  if (const auto resource = ResourceOf(status); resource.has_value()) {
    google::rpc::ResourceInfo out;
    out.set_resource_type(resource->type);
    out.set_resource_name(ToValidUtf8(resource->name));
    details.add_details()->PackFrom(out);
  }
  return details;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = ShortMessage(status.message());
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      Details(status, message).SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details()))
    return out;
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::ResourceInfo resource;
    if (any.UnpackTo(&info)) {
      if (info.domain() == kDomain) out = WithReason(std::move(out), info.reason());
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        out = WithField(std::move(out), violation.field(), violation.description());
      }
    } else if (any.UnpackTo(&retry)) {
      out = WithRetryAfter(std::move(out), absl::Seconds(retry.retry_delay().seconds()) +
                                               absl::Nanoseconds(retry.retry_delay().nanos()));
    } else if (any.UnpackTo(&resource)) {
      out = WithResource(std::move(out), resource.resource_type(), resource.resource_name());
    }
  }
  return out;
}

int HttpCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk: return 200;
    case absl::StatusCode::kInvalidArgument: return 400;
    case absl::StatusCode::kOutOfRange: return 400;
    case absl::StatusCode::kUnauthenticated: return 401;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kAlreadyExists: return 409;
    case absl::StatusCode::kAborted: return 409;
    case absl::StatusCode::kFailedPrecondition: return 400;
    case absl::StatusCode::kResourceExhausted: return 429;
    case absl::StatusCode::kCancelled: return 499;
    case absl::StatusCode::kUnimplemented: return 501;
    case absl::StatusCode::kUnavailable: return 503;
    case absl::StatusCode::kDeadlineExceeded: return 504;
    default: return 500;
  }
}

int HttpCode(const absl::Status& status) {
  const std::string reason = Reason(status);
  if (reason == "too_large" || reason == "too_many_pixels") return 413;
  if (reason == "unknown_type" || reason == "type_not_allowed") return 415;
  if (reason == "bad_image" || reason == "bad_pdf" || reason == "encrypted" || reason == "empty" ||
      reason == "aspect_ratio" || reason == "too_many_pages") {
    return 422;
  }
  return HttpCode(status.code());
}

}  // namespace sightline::edge
