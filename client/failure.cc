#include "client/failure.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sightline::client {
namespace {

constexpr char kReason[] = "sightline/reason";
constexpr char kField[] = "sightline.client/field";
constexpr char kRetryMs[] = "sightline.client/retry_ms";

std::string Payload(const absl::Status& status, absl::string_view name) {
  const auto payload = status.GetPayload(name);
  return payload.has_value() ? std::string(*payload) : "";
}

absl::Status WithPayload(absl::Status status, absl::string_view name, absl::string_view value) {
  status.SetPayload(name, absl::Cord(value));
  return status;
}

absl::Status WithDetail(absl::Status status, const google::protobuf::Any& any) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  google::rpc::RetryInfo retry;
  if (any.UnpackTo(&info)) return WithFailureReason(std::move(status), info.reason());
  if (any.UnpackTo(&bad) && bad.field_violations_size() > 0) {
    return WithPayload(std::move(status), kField, bad.field_violations(0).field());
  }
  if (any.UnpackTo(&retry)) {
    return WithFailureRetryAfter(std::move(status),
                                 absl::Seconds(retry.retry_delay().seconds()) +
                                     absl::Nanoseconds(retry.retry_delay().nanos()));
  }
  return status;
}

}  // namespace

absl::Status FromRpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) out = WithDetail(std::move(out), any);
  }
  return out;
}

std::string FailureReason(const absl::Status& status) { return Payload(status, kReason); }

std::string FailureField(const absl::Status& status) { return Payload(status, kField); }

std::optional<absl::Duration> FailureRetryAfter(const absl::Status& status) {
  int64_t ms = 0;
  if (!absl::SimpleAtoi(Payload(status, kRetryMs), &ms)) return std::nullopt;
  return absl::Milliseconds(ms);
}

absl::Status WithFailureReason(absl::Status status, absl::string_view reason) {
  return WithPayload(std::move(status), kReason, reason);
}

absl::Status WithFailureRetryAfter(absl::Status status, absl::Duration delay) {
  return WithPayload(std::move(status), kRetryMs, absl::StrCat(absl::ToInt64Milliseconds(delay)));
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

}  // namespace sightline::client
