#include "services/ingest/worker_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "ingest/pipeline.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/convert.h"
#include "services/ingest/request_checks.h"

namespace sightline::services {
namespace {

constexpr absl::Duration kLongestWait = absl::Minutes(1);
constexpr size_t kMaxNameBytes = 256;

// Runs the body of a call with the leases; nothing is thrown into gRPC.
template <typename Body>
grpc::Status WithJobs(ingest::Ingestor& ingestor, absl::string_view call, Body&& body) {
  return edge::ToGrpcStatus(CatchStatus(call, [&]() -> absl::Status {
    ingest::RemoteJobs* const jobs = ingestor.remote();
    if (jobs == nullptr) return absl::UnavailableError("this server does no jobs (yet)");
    return std::forward<Body>(body)(*jobs);
  }));
}

absl::Status Mismatch(absl::string_view message, absl::string_view reason) {
  return edge::WithReason(absl::FailedPreconditionError(message), reason);
}

}  // namespace

WorkerService::WorkerService(const Parts& parts, const ingest::IngestOptions& options,
                             const media::MediaOptions& media)
    : parts_(parts),
      max_picture_bytes_(options.max_picture_bytes),
      pipeline_(ToPipeline(options, media, ingest::ReadingFingerprint(options, parts.media),
                           ingest::GeneratorFingerprint(parts.generator))) {}

absl::Status WorkerService::CheckModel(const std::string& fingerprint) const {
  const model::ModelInfo& info = parts_.encoder.info();
  if (fingerprint == info.fingerprint) return absl::OkStatus();
  return Mismatch(
      absl::StrCat("the worker runs another encoder (", ToValidUtf8(fingerprint.substr(0, 12)),
                   ") than the server: ", info.name, " (", info.fingerprint.substr(0, 12), ")"),
      "model_mismatch");
}

absl::Status WorkerService::CheckWorker(const v1::LeaseJobRequest& request) const {
  SL_RETURN_IF_ERROR(RequireField(request.worker_id(), "worker_id"));
  if (request.worker_id().size() > kMaxNameBytes) {
    return edge::InvalidField("worker_id",
                              absl::StrCat("expected at most ", kMaxNameBytes, " bytes"));
  }
  SL_RETURN_IF_ERROR(CheckModel(request.model_fingerprint()));
  if (request.pipeline_id() != pipeline_.id()) {
    return Mismatch("the server reads documents in another way by now", "pipeline_changed");
  }
  if (request.reading() != pipeline_.reading()) {
    return Mismatch(
        "the worker reads documents in another way than the server: both are to be of one version, "
        "with the same languages for reading scanned pages",
        "pipeline_mismatch");
  }
  return absl::OkStatus();
}

grpc::Status WorkerService::GetPipeline(grpc::ServerContext* /*context*/,
                                        const v1::GetPipelineRequest* request,
                                        v1::Pipeline* response) {
  return WithJobs(parts_.ingestor, "GetPipeline", [&](ingest::RemoteJobs&) {
    SL_RETURN_IF_ERROR(CheckModel(request->model_fingerprint()));
    *response = pipeline_;
    return absl::OkStatus();
  });
}

grpc::Status WorkerService::LeaseJob(grpc::ServerContext* context,
                                     const v1::LeaseJobRequest* request,
                                     grpc::ServerWriter<v1::LeaseJobResponse>* writer) {
  const edge::CallScope scope(parts_.watcher, *context);
  return WithJobs(parts_.ingestor, "LeaseJob", [&](ingest::RemoteJobs& jobs) -> absl::Status {
    SL_RETURN_IF_ERROR(CheckWorker(*request));
    const absl::Duration wait =
        std::clamp(absl::Milliseconds(request->wait_ms()), absl::ZeroDuration(), kLongestWait);
    const absl::Time deadline = std::min(scope.limits().deadline, absl::Now() + wait);
    SL_ASSIGN_OR_RETURN(
        const ingest::Lease lease,
        jobs.Take({.name = ToValidUtf8(request->worker_id()), .generator = request->generator()},
                  deadline, scope.limits().cancel));
    return Send(lease, jobs, *writer);
  });
}

absl::Status WorkerService::Send(const ingest::Lease& lease, ingest::RemoteJobs& jobs,
                                 grpc::ServerWriter<v1::LeaseJobResponse>& writer) const {
  v1::LeaseJobResponse part;
  v1::LeasedDocument& leased = *part.mutable_lease();
  leased = ToLeased(lease.task);
  leased.set_lease_id(lease.id);
  leased.set_lease_expiry_ms(absl::ToUnixMillis(lease.expiry));
  *leased.mutable_job() = ToProto(lease.job);
  bool listens = writer.Write(part);
  const absl::string_view bytes = lease.file->bytes();
  for (size_t at = 0; listens && at < bytes.size(); at += kWorkerChunkBytes) {
    const absl::string_view chunk = bytes.substr(at, kWorkerChunkBytes);
    part.set_chunk(chunk.data(), chunk.size());
    listens = writer.Write(part);
    if (listens) SL_RETURN_IF_ERROR(jobs.Renew(lease.id, std::nullopt).status());
  }
  if (listens) return absl::OkStatus();
  SL_RETURN_IF_ERROR(jobs.Release(lease.id));
  return absl::CancelledError("the worker is gone");
}

grpc::Status WorkerService::KeepLease(grpc::ServerContext* /*context*/,
                                      const v1::KeepLeaseRequest* request,
                                      v1::KeepLeaseResponse* response) {
  return WithJobs(parts_.ingestor, "KeepLease", [&](ingest::RemoteJobs& jobs) -> absl::Status {
    std::optional<ingest::Progress> progress;
    if (request->has_progress()) {
      progress = {.pages_done = std::max(0, request->progress().pages_done()),
                  .pages_total = std::max(0, request->progress().pages_total()),
                  .passages = std::max(0, request->progress().passages())};
    }
    SL_ASSIGN_OR_RETURN(const absl::Time expiry, jobs.Renew(request->lease_id(), progress));
    response->set_lease_expiry_ms(absl::ToUnixMillis(expiry));
    return absl::OkStatus();
  });
}

grpc::Status WorkerService::CheckMember(grpc::ServerContext* /*context*/,
                                        const v1::CheckMemberRequest* request,
                                        v1::CheckMemberResponse* response) {
  return WithJobs(parts_.ingestor, "CheckMember", [&](ingest::RemoteJobs& jobs) -> absl::Status {
    SL_ASSIGN_OR_RETURN(const bool is_stored,
                        jobs.HoldsMember(request->lease_id(), MemberFrom(request->member())));
    response->set_is_stored(is_stored);
    return absl::OkStatus();
  });
}

absl::Status WorkerService::ReadReport(grpc::ServerReader<v1::ReportRequest>& stream,
                                       ingest::RemoteJobs& jobs, ReportReader& report) const {
  v1::ReportRequest part;
  absl::Status fault;
  while (fault.ok() && stream.Read(&part)) {
    fault = report.Add(std::move(part));
    part.Clear();
    // A lease that is lost needs no more bytes.
    if (fault.ok()) SL_RETURN_IF_ERROR(jobs.Check(report.header().lease_id()));
  }
  return fault;
}

grpc::Status WorkerService::ReportMember(grpc::ServerContext* context,
                                         grpc::ServerReader<v1::ReportRequest>* reader,
                                         v1::ReportMemberResponse* response) {
  return WithJobs(parts_.ingestor, "ReportMember", [&](ingest::RemoteJobs& jobs) -> absl::Status {
    ReportReader report(max_picture_bytes_);
    absl::Status fault = ReadReport(*reader, jobs, report);
    if (context->IsCancelled()) return absl::CancelledError("the worker is gone");
    if (fault.ok()) fault = report.Finish();
    const std::string& lease = report.header().lease_id();
    if (absl::IsInvalidArgument(fault)) return jobs.Refuse(lease, fault);
    SL_RETURN_IF_ERROR(fault);
    SL_ASSIGN_OR_RETURN(
        const ingest::MemberEnd end,
        jobs.PutMember(lease, MemberFrom(report.header().member()), report.TakeWrite()));
    *response->mutable_error() = ToWorkerError(end.status);
    return absl::OkStatus();
  });
}

grpc::Status WorkerService::ReportResult(grpc::ServerContext* context,
                                         grpc::ServerReader<v1::ReportRequest>* reader,
                                         v1::ReportResultResponse* response) {
  return WithJobs(parts_.ingestor, "ReportResult", [&](ingest::RemoteJobs& jobs) -> absl::Status {
    ReportReader report(max_picture_bytes_);
    absl::Status fault = ReadReport(*reader, jobs, report);
    if (context->IsCancelled()) return absl::CancelledError("the worker is gone");
    if (fault.ok()) fault = report.Finish();
    const v1::ReportHeader& header = report.header();
    if (absl::IsInvalidArgument(fault)) return jobs.Refuse(header.lease_id(), fault);
    SL_RETURN_IF_ERROR(fault);
    ingest::Reading reading;
    reading.write = report.TakeWrite();
    reading.repeats = header.repeats();
    reading.is_complete = header.is_complete();
    reading.member_ids.insert(header.member_ids().begin(), header.member_ids().end());
    SL_ASSIGN_OR_RETURN(const ingest::Outcome outcome,
                        jobs.Finish(header.lease_id(), std::move(reading)));
    response->set_outcome(ToProto(outcome));
    return absl::OkStatus();
  });
}

grpc::Status WorkerService::ReleaseLease(grpc::ServerContext* /*context*/,
                                         const v1::ReleaseLeaseRequest* request,
                                         v1::ReleaseLeaseResponse* /*response*/) {
  return WithJobs(parts_.ingestor, "ReleaseLease",
                  [&](ingest::RemoteJobs& jobs) { return jobs.Release(request->lease_id()); });
}

}  // namespace sightline::services
