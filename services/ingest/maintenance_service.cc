#include "services/ingest/maintenance_service.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/convert.h"
#include "services/ingest/request_checks.h"

namespace sightline::services {

MaintenanceService::MaintenanceService(const index::Corpus& corpus, ingest::Ingestor& ingestor,
                                       std::string data_folder, std::string backup_folder,
                                       std::function<void()> forget)
    : corpus_(corpus),
      ingestor_(ingestor),
      data_folder_(std::move(data_folder)),
      backup_folder_(std::move(backup_folder)),
      forget_(std::move(forget)) {}

grpc::Status MaintenanceService::CreateBackup(grpc::ServerContext*,
                                              const v1::CreateBackupRequest* request,
                                              v1::CreateBackupResponse* response) {
  const auto run = [&]() -> absl::Status {
    if (request->keep() < 0) return edge::InvalidField("keep", "expected 0 or more");
    if (backup_folder_.empty()) {
      return edge::WithReason(
          absl::FailedPreconditionError("this server has no folder for backups: set backup.path"),
          "no_backup_folder");
    }
    SL_ASSIGN_OR_RETURN(const index::BackupInfo made,
                        corpus_.Backup(backup_folder_, request->keep()));
    *response->mutable_backup() = ToProto(made);
    response->set_folder(backup_folder_);
    return absl::OkStatus();
  };
  return edge::ToGrpcStatus(CatchStatus("CreateBackup", run));
}

grpc::Status MaintenanceService::CheckCorpus(grpc::ServerContext*, const v1::CheckCorpusRequest*,
                                             v1::CheckCorpusResponse* response) {
  const auto run = [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const index::FsckReport report, corpus_.Fsck());
    response->set_documents(report.documents);
    response->set_passages(report.passages);
    response->set_vectors(report.vectors);
    response->mutable_problems()->Assign(report.problems.begin(), report.problems.end());
    return absl::OkStatus();
  };
  return edge::ToGrpcStatus(CatchStatus("CheckCorpus", run));
}

grpc::Status MaintenanceService::EraseDocument(grpc::ServerContext* context,
                                               const v1::EraseDocumentRequest* request,
                                               v1::EraseDocumentResponse* response) {
  const auto run = [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(request->collection(), "collection"));
    SL_RETURN_IF_ERROR(RequireField(request->document_id(), "document_id"));
    index::EraseOptions options;
    options.verify = request->verify();
    options.search = {data_folder_};
    options.deadline = absl::FromChrono(context->deadline());
    const auto forget = absl::MakeCleanup([this] { forget_(); });
    SL_ASSIGN_OR_RETURN(
        const index::EraseReport report,
        ingestor_.EraseDocument(request->collection(), request->document_id(), options));
    response->set_passages(report.passages);
    response->set_searched_bytes(report.searched_bytes);
    response->mutable_traces()->Assign(report.traces.begin(), report.traces.end());
    response->mutable_until_restart()->Assign(report.until_restart.begin(),
                                              report.until_restart.end());
    return absl::OkStatus();
  };
  return edge::ToGrpcStatus(CatchStatus("EraseDocument", run));
}

}  // namespace sightline::services
