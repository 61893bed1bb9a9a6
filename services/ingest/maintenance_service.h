#pragma once

#include <functional>
#include <string>

#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "sightline/v1/maintenance.grpc.pb.h"

namespace sightline::services {

// sightline.v1.MaintenanceService. Any thread.
class MaintenanceService final : public v1::MaintenanceService::Service {
 public:
  // Both outlive the service. `data_folder`: what the server writes to, the corpus in it.
  // `backup_folder`: where backups go; empty = nowhere. `forget`: empties the caches of requests,
  // after a document was erased.
  MaintenanceService(const index::Corpus& corpus, ingest::Ingestor& ingestor,
                     std::string data_folder, std::string backup_folder,
                     std::function<void()> forget);

  grpc::Status CreateBackup(grpc::ServerContext* context, const v1::CreateBackupRequest* request,
                            v1::CreateBackupResponse* response) override;
  grpc::Status CheckCorpus(grpc::ServerContext* context, const v1::CheckCorpusRequest* request,
                           v1::CheckCorpusResponse* response) override;
  grpc::Status EraseDocument(grpc::ServerContext* context, const v1::EraseDocumentRequest* request,
                             v1::EraseDocumentResponse* response) override;

 private:
  const index::Corpus& corpus_;
  ingest::Ingestor& ingestor_;
  const std::string data_folder_;
  const std::string backup_folder_;
  const std::function<void()> forget_;
};

}  // namespace sightline::services
