#pragma once

#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "model/encoder.h"
#include "sightline/v1/collection.grpc.pb.h"

namespace sightline::services {

// sightline.v1.CollectionService. Any thread.
class CollectionService final : public v1::CollectionService::Service {
 public:
  // All three outlive the service. New collections take vectors of `encoder`.
  CollectionService(index::Corpus& corpus, const model::Encoder& encoder,
                    ingest::Ingestor& ingestor);

  grpc::Status CreateCollection(grpc::ServerContext* context,
                                const v1::CreateCollectionRequest* request,
                                v1::CreateCollectionResponse* response) override;
  grpc::Status GetCollection(grpc::ServerContext* context, const v1::GetCollectionRequest* request,
                             v1::GetCollectionResponse* response) override;
  grpc::Status ListCollections(grpc::ServerContext* context,
                               const v1::ListCollectionsRequest* request,
                               v1::ListCollectionsResponse* response) override;
  grpc::Status DeleteCollection(grpc::ServerContext* context,
                                const v1::DeleteCollectionRequest* request,
                                v1::DeleteCollectionResponse* response) override;
  grpc::Status GetCollectionStats(grpc::ServerContext* context,
                                  const v1::GetCollectionStatsRequest* request,
                                  v1::GetCollectionStatsResponse* response) override;
  grpc::Status SnapshotCollection(grpc::ServerContext* context,
                                  const v1::SnapshotCollectionRequest* request,
                                  v1::SnapshotCollectionResponse* response) override;
  grpc::Status RestoreCollection(grpc::ServerContext* context,
                                 const v1::RestoreCollectionRequest* request,
                                 v1::RestoreCollectionResponse* response) override;

 private:
  index::Corpus& corpus_;
  const model::Encoder& encoder_;
  ingest::Ingestor& ingestor_;
};

}  // namespace sightline::services
