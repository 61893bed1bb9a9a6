#include "services/ingest/collection_service.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "services/edge/error_details.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/convert.h"
#include "services/ingest/request_checks.h"

namespace sightline::services {
namespace {

template <typename Body>
grpc::Status Answer(const std::string& name, Body&& body) {
  const auto run = [&]() -> absl::Status {
    SL_RETURN_IF_ERROR(RequireField(name, "name"));
    return About(body(), "collection", name);
  };
  return edge::ToGrpcStatus(CatchStatus("CollectionService", run));
}

}  // namespace

CollectionService::CollectionService(index::Corpus& corpus, const model::Encoder& encoder,
                                     ingest::Ingestor& ingestor)
    : corpus_(corpus), encoder_(encoder), ingestor_(ingestor) {}

grpc::Status CollectionService::CreateCollection(grpc::ServerContext* context,
                                                 const v1::CreateCollectionRequest* request,
                                                 v1::CreateCollectionResponse* response) {
  return Answer(request->name(), [&]() -> absl::Status {
    const int largest = encoder_.dimension();
    if (request->dimension() < 0 || request->dimension() > largest) {
      return edge::InvalidField("dimension", absl::StrCat(request->dimension(), " is not in 1..",
                                                          largest, ", the encoder's own"));
    }
    const int dimension =
        request->dimension() == 0 ? ingest::DefaultDimension(encoder_) : request->dimension();
    const auto patches = PatchCodesFromProto(request->patch_vectors());
    if (!patches.ok()) return edge::InvalidField("patch_vectors", patches.status().message());
    const auto vectors = VectorCodesFromProto(request->vectors());
    if (!vectors.ok()) return edge::InvalidField("vectors", vectors.status().message());
    SL_ASSIGN_OR_RETURN(const auto collection,
                        corpus_.CreateCollection(request->name(), encoder_.info().fingerprint,
                                                 dimension, *patches, *vectors));
    *response->mutable_collection() = ToProto(collection);
    return absl::OkStatus();
  });
}

grpc::Status CollectionService::GetCollection(grpc::ServerContext* context,
                                              const v1::GetCollectionRequest* request,
                                              v1::GetCollectionResponse* response) {
  return Answer(request->name(), [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const auto collection, corpus_.GetCollection(request->name()));
    *response->mutable_collection() = ToProto(collection);
    return absl::OkStatus();
  });
}

grpc::Status CollectionService::ListCollections(grpc::ServerContext* context,
                                                const v1::ListCollectionsRequest* request,
                                                v1::ListCollectionsResponse* response) {
  const auto run = [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const auto collections, corpus_.ListCollections());
    for (const auto& collection : collections) {
      *response->add_collections() = ToProto(collection);
    }
    return absl::OkStatus();
  };
  return edge::ToGrpcStatus(CatchStatus("ListCollections", run));
}

grpc::Status CollectionService::DeleteCollection(grpc::ServerContext* context,
                                                 const v1::DeleteCollectionRequest* request,
                                                 v1::DeleteCollectionResponse* response) {
  return Answer(request->name(), [&] { return ingestor_.DeleteCollection(request->name()); });
}

grpc::Status CollectionService::GetCollectionStats(grpc::ServerContext* context,
                                                   const v1::GetCollectionStatsRequest* request,
                                                   v1::GetCollectionStatsResponse* response) {
  return Answer(request->name(), [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const auto collection, corpus_.GetCollection(request->name()));
    SL_ASSIGN_OR_RETURN(const auto stats, corpus_.Stats(request->name()));
    *response->mutable_collection() = ToProto(collection);
    *response->mutable_stats() = ToProto(stats);
    return absl::OkStatus();
  });
}

grpc::Status CollectionService::SnapshotCollection(grpc::ServerContext* context,
                                                   const v1::SnapshotCollectionRequest* request,
                                                   v1::SnapshotCollectionResponse* response) {
  return Answer(request->name(), [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const int64_t sequence, corpus_.Snapshot(request->name()));
    response->set_sequence(sequence);
    return absl::OkStatus();
  });
}

grpc::Status CollectionService::RestoreCollection(grpc::ServerContext* context,
                                                  const v1::RestoreCollectionRequest* request,
                                                  v1::RestoreCollectionResponse* response) {
  return Answer(request->name(), [&]() -> absl::Status {
    SL_ASSIGN_OR_RETURN(const int64_t vectors, corpus_.Rebuild(request->name()));
    response->set_vectors(vectors);
    return absl::OkStatus();
  });
}

}  // namespace sightline::services
