#include "services/ingest/worker_client.h"

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "ingest/failure.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/worker_convert.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kUnaryTimeout = absl::Seconds(30);
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
constexpr int kMostRefusals = 8;  // for want of room, which may be a message that never fits

// Of a call that takes a moment, unless the server is away.
void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMilliseconds(kUnaryTimeout));
}

// The result of `call`, made again while the server is away.
template <typename Call>
std::invoke_result_t<Call> Insist(const model::CancelFlag& cancel, const Call& call) {
  int refusals = 0;
  for (absl::Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    auto result = call();
    if (!ingest::IsTransient(result.status())) return result;
    if (absl::IsResourceExhausted(result.status()) && ++refusals == kMostRefusals) return result;
    if (cancel->WaitForNotificationWithTimeout(pause)) {
      return absl::CancelledError("the lease is over");
    }
  }
}

}  // namespace

absl::StatusOr<v1::Pipeline> WorkerClient::GetPipeline(const std::string& model_fingerprint) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetPipelineRequest request;
  request.set_model_fingerprint(model_fingerprint);
  v1::Pipeline response;
  SL_RETURN_IF_ERROR(edge::FromGrpcStatus(stub_->GetPipeline(&context, request, &response)));
  return response;
}

absl::StatusOr<WorkerClient::Leased> WorkerClient::Lease(const v1::LeaseJobRequest& request) {
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mu_);
    if (stopped_) return absl::CancelledError("stopped");
    leasing_.insert(&context);
  }
  const auto done = absl::MakeCleanup([&] {
    absl::MutexLock lock(&mu_);
    leasing_.erase(&context);
  });
  Leased out;
  bool has_lease = false;
  const auto reader = stub_->LeaseJob(&context, request);
  v1::LeaseJobResponse part;
  while (reader->Read(&part)) {
    if (part.has_lease()) {
      has_lease = true;
      out.lease = std::move(*part.mutable_lease());
    } else {
      out.bytes += part.chunk();
    }
  }
  absl::Status status = edge::FromGrpcStatus(reader->Finish());
  if (status.ok() && (!has_lease || ContentHash(out.bytes) != out.lease.content_hash())) {
    status = absl::DataLossError("the bytes of the document did not arrive as they were sent");
  }
  if (status.ok()) return out;
  // The server may not have noticed. Where this does not reach it the lease runs out.
  if (has_lease) static_cast<void>(Release(out.lease.lease_id()));
  return status;
}

void WorkerClient::Stop() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
  for (grpc::ClientContext* const context : leasing_) context->TryCancel();
}

absl::Status WorkerClient::Keep(const std::string& lease,
                                const std::optional<ingest::Progress>& progress) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::KeepLeaseRequest request;
  request.set_lease_id(lease);
  if (progress.has_value()) {
    request.mutable_progress()->set_pages_done(progress->pages_done);
    request.mutable_progress()->set_pages_total(progress->pages_total);
    request.mutable_progress()->set_passages(progress->passages);
  }
  v1::KeepLeaseResponse response;
  return edge::FromGrpcStatus(stub_->KeepLease(&context, request, &response));
}

absl::Status WorkerClient::Release(const std::string& lease) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ReleaseLeaseRequest request;
  request.set_lease_id(lease);
  v1::ReleaseLeaseResponse response;
  return edge::FromGrpcStatus(stub_->ReleaseLease(&context, request, &response));
}

absl::StatusOr<bool> WorkerClient::HoldsMember(const std::string& lease, const v1::Member& member,
                                               const model::CancelFlag& cancel) {
  return Insist(cancel, [&]() -> absl::StatusOr<bool> {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CheckMemberRequest request;
    request.set_lease_id(lease);
    *request.mutable_member() = member;
    v1::CheckMemberResponse response;
    SL_RETURN_IF_ERROR(edge::FromGrpcStatus(stub_->CheckMember(&context, request, &response)));
    return response.is_stored();
  });
}

absl::StatusOr<ingest::MemberEnd> WorkerClient::PutMember(
    const std::string& lease, const v1::Member& member,
    const absl::StatusOr<index::DocumentWrite>& write, const model::CancelFlag& cancel) {
  return Insist(cancel, [&]() -> absl::StatusOr<ingest::MemberEnd> {
    grpc::ClientContext context;
    v1::ReportMemberResponse response;
    const auto writer = stub_->ReportMember(&context, &response);
    v1::ReportHeader header;
    header.set_lease_id(lease);
    *header.mutable_member() = member;
    SendReport(std::move(header), write,
               [&](const v1::ReportRequest& part) { return writer->Write(part); });
    writer->WritesDone();
    SL_RETURN_IF_ERROR(edge::FromGrpcStatus(writer->Finish()));
    return ingest::MemberEnd{FromWorkerError(response.error())};
  });
}

absl::StatusOr<v1::IngestOutcome> WorkerClient::Report(const std::string& lease,
                                                       const ingest::Reading& reading,
                                                       const model::CancelFlag& cancel) {
  return Insist(cancel, [&]() -> absl::StatusOr<v1::IngestOutcome> {
    grpc::ClientContext context;
    v1::ReportResultResponse response;
    const auto writer = stub_->ReportResult(&context, &response);
    v1::ReportHeader header;
    header.set_lease_id(lease);
    header.set_repeats(reading.repeats);
    header.set_is_complete(reading.is_complete);
    for (const std::string& id : reading.member_ids) header.add_member_ids(id);
    SendReport(std::move(header), reading.write,
               [&](const v1::ReportRequest& part) { return writer->Write(part); });
    writer->WritesDone();
    SL_RETURN_IF_ERROR(edge::FromGrpcStatus(writer->Finish()));
    return response.outcome();
  });
}

}  // namespace sightline::services
