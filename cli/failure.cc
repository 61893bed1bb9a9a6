#include "cli/failure.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/json_text.h"
#include "cli/terminal.h"

namespace sightline::cli {
namespace {

constexpr char kReason[] = "sightline/reason";
constexpr char kField[] = "sightline.cli/field";
constexpr char kRetryMs[] = "sightline.cli/retry_ms";

std::string Payload(const absl::Status& status, absl::string_view name) {
  const auto payload = status.GetPayload(name);
  return payload.has_value() ? std::string(*payload) : "";
}

void ReadDetail(const google::protobuf::Any& any, absl::Status& out) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  google::rpc::RetryInfo retry;
  if (any.UnpackTo(&info)) {
    out.SetPayload(kReason, absl::Cord(info.reason()));
  } else if (any.UnpackTo(&bad) && bad.field_violations_size() > 0) {
    out.SetPayload(kField, absl::Cord(bad.field_violations(0).field()));
  } else if (any.UnpackTo(&retry)) {
    const int64_t ms =
        retry.retry_delay().seconds() * 1000 + retry.retry_delay().nanos() / 1'000'000;
    out.SetPayload(kRetryMs, absl::Cord(absl::StrCat(ms)));
  }
}

std::string CodeName(const absl::Status& status) {
  return absl::AsciiStrToLower(absl::StatusCodeToString(status.code()));
}

int ExitCodeOf(const absl::Status& status) {
  if (Interrupted() && absl::IsCancelled(status)) return kInterrupted;
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

}  // namespace

absl::Status FromRpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) ReadDetail(any, out);
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

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

int ReportFailure(const absl::Status& status, bool json) {
  const int exit_code = ExitCodeOf(status);
  if (exit_code == kInterrupted) {
    std::fprintf(stderr, "interrupted\n");
    return exit_code;
  }
  if (!json) {
    std::fprintf(stderr, "error: %s (%s)\n",
                 Printable(status.message().empty() ? "no message" : status.message()).c_str(),
                 CodeName(status).c_str());
    return exit_code;
  }
  const std::string field = FailureField(status);
  const std::string reason = FailureReason(status);
  std::fprintf(stderr, "{\"error\":{\"message\":%s,\"type\":%s,\"param\":%s,\"code\":%s}}\n",
               JsonString(status.message()).c_str(), JsonString(CodeName(status)).c_str(),
               field.empty() ? "null" : JsonString(field).c_str(),
               JsonString(reason.empty() ? CodeName(status) : reason).c_str());
  return exit_code;
}

}  // namespace sightline::cli
