#include "ingest/failure.h"

#include "absl/strings/cord.h"
#include "ingest/media/media_client.h"

namespace sightline::ingest {
namespace {

std::string ReasonOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument: return "invalid_argument";
    case absl::StatusCode::kNotFound: return "not_found";
    case absl::StatusCode::kFailedPrecondition: return "failed_precondition";
    case absl::StatusCode::kResourceExhausted: return "overloaded";
    case absl::StatusCode::kUnavailable: return "unavailable";
    case absl::StatusCode::kDeadlineExceeded: return "timeout";
    case absl::StatusCode::kCancelled: return "cancelled";
    case absl::StatusCode::kDataLoss: return "data_loss";
    default: return "internal";
  }
}

}  // namespace

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonPayload, absl::Cord(reason));
  return status;
}

std::string ReasonOf(const absl::Status& status) {
  if (const auto payload = status.GetPayload(kReasonPayload)) return std::string(*payload);
  const std::string reason = media::ErrorReason(status);
  return reason.empty() ? ReasonOfCode(status.code()) : reason;
}

index::PageFailure FailureOf(int page, const absl::Status& status) {
  return {.page = page, .reason = ReasonOf(status), .message = std::string(status.message())};
}

bool IsTransient(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kResourceExhausted ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

bool IsTransientReason(absl::string_view reason) {
  return reason == "timeout" || reason == "crashed" || reason == "unavailable" ||
         reason == "overloaded";
}

}  // namespace sightline::ingest
