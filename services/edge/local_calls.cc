#include "services/edge/local_calls.h"

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "services/edge/grpc_status.h"
#include "services/edge/request_log.h"

namespace sightline::edge {

grpc::Status LocalCalls::Run(absl::string_view method, LocalContext& context,
                             absl::FunctionRef<grpc::Status()> handler) {
  RequestRecord record(metrics_, method);
  grpc::Status status = RunBounded(handler);
  record.End(static_cast<absl::StatusCode>(status.error_code()), context.stages);
  return status;
}

grpc::Status LocalCalls::RunBounded(absl::FunctionRef<grpc::Status()> handler) {
  const absl::Cleanup leave = [this] { --at_work_; };
  if (++at_work_ > max_calls_) {
    return ToGrpcStatus(absl::ResourceExhaustedError("too many calls are at work"));
  }
  try {
    return handler();
  } catch (...) {
    // As gRPC has it, which lets nothing of the exception out either.
    return grpc::Status(grpc::StatusCode::UNKNOWN, "Unexpected error in RPC handling");
  }
}

}  // namespace sightline::edge
