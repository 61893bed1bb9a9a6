#include "services/edge/error_details.h"

#include <google/rpc/error_details.pb.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace sightline::edge {
namespace {

constexpr char kFieldsPayload[] = "sightline/fields";
constexpr char kRetryPayload[] = "sightline/retry";
constexpr char kResourcePayload[] = "sightline/resource";

template <typename Message>
std::optional<Message> ReadPayload(const absl::Status& status, absl::string_view url) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  Message message;
  if (!message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonPayload, absl::Cord(reason));
  return status;
}

absl::Status WithField(absl::Status status, absl::string_view field,
                       absl::string_view description) {
  if (status.ok()) return status;
  auto bad = ReadPayload<google::rpc::BadRequest>(status, kFieldsPayload)
                 .value_or(google::rpc::BadRequest());
  auto* violation = bad.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(std::string(description.empty() ? status.message() : description));
  status.SetPayload(kFieldsPayload, absl::Cord(bad.SerializeAsString()));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  const int64_t seconds = absl::ToInt64Seconds(delay);
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay - absl::Seconds(seconds))));
  status.SetPayload(kRetryPayload, absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status WithResource(absl::Status status, absl::string_view type, absl::string_view name) {
  google::rpc::ResourceInfo info;
  info.set_resource_type(std::string(type));
  info.set_resource_name(std::string(name));
  info.set_description(std::string(status.message()));
  status.SetPayload(kResourcePayload, absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description,
                          absl::string_view reason) {
  return WithReason(
      WithField(absl::InvalidArgumentError(absl::StrCat(field, ": ", description)), field), reason);
}

std::string Reason(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonPayload);
  return payload.has_value() ? std::string(*payload) : std::string();
}

std::vector<FieldViolation> Fields(const absl::Status& status) {
  std::vector<FieldViolation> out;
  const auto bad = ReadPayload<google::rpc::BadRequest>(status, kFieldsPayload);
  if (!bad.has_value()) return out;
  for (const auto& violation : bad->field_violations()) {
    out.push_back({violation.field(), violation.description()});
  }
  return out;
}

std::optional<absl::Duration> RetryAfter(const absl::Status& status) {
  const auto info = ReadPayload<google::rpc::RetryInfo>(status, kRetryPayload);
  if (!info.has_value()) return std::nullopt;
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

std::optional<Resource> ResourceOf(const absl::Status& status) {
  const auto info = ReadPayload<google::rpc::ResourceInfo>(status, kResourcePayload);
  if (!info.has_value()) return std::nullopt;
  return Resource{info->resource_type(), info->resource_name()};
}

std::string DefaultReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk: return "ok";
    case absl::StatusCode::kCancelled: return "cancelled";
    case absl::StatusCode::kInvalidArgument: return "invalid_argument";
    case absl::StatusCode::kDeadlineExceeded: return "deadline_exceeded";
    case absl::StatusCode::kNotFound: return "not_found";
    case absl::StatusCode::kAlreadyExists: return "already_exists";
    case absl::StatusCode::kPermissionDenied: return "permission_denied";
    case absl::StatusCode::kResourceExhausted: return "overloaded";
    case absl::StatusCode::kFailedPrecondition: return "failed_precondition";
    case absl::StatusCode::kAborted: return "aborted";
    case absl::StatusCode::kOutOfRange: return "out_of_range";
    case absl::StatusCode::kUnimplemented: return "unimplemented";
    case absl::StatusCode::kInternal: return "internal";
    case absl::StatusCode::kUnavailable: return "unavailable";
    case absl::StatusCode::kDataLoss: return "data_loss";
    case absl::StatusCode::kUnauthenticated: return "unauthenticated";
    default: return "unknown";
  }
}

}  // namespace sightline::edge
