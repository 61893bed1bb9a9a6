#include "mcp/call.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/time/clock.h"

namespace sightline::mcp {
namespace {

constexpr char kReason[] = "sightline/reason";

absl::Status FromRpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status out(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return out;
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info)) out.SetPayload(kReason, absl::Cord(info.reason()));
  }
  return out;
}

}  // namespace

Call::Call(std::string authorization, absl::Duration timeout, bool no_cache)
    : authorization_(std::move(authorization)),
      deadline_(absl::Now() + timeout),
      no_cache_(no_cache) {}

absl::Status Call::Run(const std::function<grpc::Status(grpc::ClientContext*)>& method) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline_));
  if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
  {
    absl::MutexLock lock(&mu_);
    if (cancelled_) return absl::CancelledError("cancelled");
    running_ = &context;
  }
  const grpc::Status status = method(&context);
  absl::MutexLock lock(&mu_);
  running_ = nullptr;
  return FromRpc(status);
}

void Call::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  if (running_ != nullptr) running_->TryCancel();
}

bool Call::cancelled() const {
  absl::MutexLock lock(&mu_);
  return cancelled_;
}

std::string ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kReason);
  if (payload.has_value()) return std::string(*payload);
  return absl::AsciiStrToLower(absl::StatusCodeToString(status.code()));
}

}  // namespace sightline::mcp
