#pragma once

#include <functional>
#include <string>

#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "ingest/remote_jobs.h"
#include "model/encoder.h"
#include "model/generator.h"
#include "services/edge/call_scope.h"
#include "services/ingest/worker_convert.h"
#include "sightline/v1/worker.grpc.pb.h"

namespace sightline::services {

// sightline.v1.WorkerService over an ingestor whose options allow remote workers. Any thread.
class WorkerService final : public v1::WorkerService::Service {
 public:
  // What outlives the service; `generator` may be null.
  struct Parts {
    ingest::Ingestor& ingestor;
    const model::Encoder& encoder;
    const model::Generator* generator;
    const media::MediaClient& media;
    edge::CancelWatcher& watcher;
  };
  // The options are those of the ingestor and of its media client.
  WorkerService(const Parts& parts, const ingest::IngestOptions& options,
                const media::MediaOptions& media);

  grpc::Status GetPipeline(grpc::ServerContext* context, const v1::GetPipelineRequest* request,
                           v1::Pipeline* response) override;
  grpc::Status LeaseJob(grpc::ServerContext* context, const v1::LeaseJobRequest* request,
                        grpc::ServerWriter<v1::LeaseJobResponse>* writer) override;
  grpc::Status KeepLease(grpc::ServerContext* context, const v1::KeepLeaseRequest* request,
                         v1::KeepLeaseResponse* response) override;
  grpc::Status CheckMember(grpc::ServerContext* context, const v1::CheckMemberRequest* request,
                           v1::CheckMemberResponse* response) override;
  grpc::Status ReportMember(grpc::ServerContext* context,
                            grpc::ServerReader<v1::ReportRequest>* reader,
                            v1::ReportMemberResponse* response) override;
  grpc::Status ReportResult(grpc::ServerContext* context,
                            grpc::ServerReader<v1::ReportRequest>* reader,
                            v1::ReportResultResponse* response) override;
  grpc::Status ReleaseLease(grpc::ServerContext* context, const v1::ReleaseLeaseRequest* request,
                            v1::ReleaseLeaseResponse* response) override;

 private:
  absl::Status CheckWorker(const v1::LeaseJobRequest& request) const;
  absl::Status CheckModel(const std::string& fingerprint) const;
  absl::Status Send(const ingest::Lease& lease, ingest::RemoteJobs& jobs,
                    grpc::ServerWriter<v1::LeaseJobResponse>& writer) const;
  // Reads a report to its end. A faulty one is refused, which ends its lease.
  absl::Status ReadReport(grpc::ServerReader<v1::ReportRequest>& stream, ingest::RemoteJobs& jobs,
                          ReportReader& report) const;

  const Parts parts_;
  const int64_t max_picture_bytes_;
  const v1::Pipeline pipeline_;
};

}  // namespace sightline::services
