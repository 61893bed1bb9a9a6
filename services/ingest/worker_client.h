#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "ingest/document_reader.h"
#include "ingest/remote_jobs.h"
#include "model/call.h"
#include "sightline/v1/worker.grpc.pb.h"

namespace sightline::services {

// The worker's end of sightline.v1.WorkerService, one server. Any thread.
//
// What names a lease is tried again while the server does not answer, until `cancel` is notified:
// then kCancelled.
class WorkerClient {
 public:
  explicit WorkerClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::WorkerService::NewStub(channel)) {}

  absl::StatusOr<v1::Pipeline> GetPipeline(const std::string& model_fingerprint);

  struct Leased {
    v1::LeasedDocument lease;
    std::string bytes;
  };
  // kDeadlineExceeded: there was no job; kCancelled: stopped; kDataLoss: other bytes came than were
  // told.
  absl::StatusOr<Leased> Lease(const v1::LeaseJobRequest& request);
  // Ends calls that wait for a job, now and later.
  void Stop();

  // Not tried again.
  absl::Status Keep(const std::string& lease, const std::optional<ingest::Progress>& progress);
  absl::Status Release(const std::string& lease);

  absl::StatusOr<bool> HoldsMember(const std::string& lease, const v1::Member& member,
                                   const model::CancelFlag& cancel);
  absl::StatusOr<ingest::MemberEnd> PutMember(const std::string& lease, const v1::Member& member,
                                              const absl::StatusOr<index::DocumentWrite>& write,
                                              const model::CancelFlag& cancel);
  absl::StatusOr<v1::IngestOutcome> Report(const std::string& lease, const ingest::Reading& reading,
                                           const model::CancelFlag& cancel);

 private:
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::set<grpc::ClientContext*> leasing_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::services
