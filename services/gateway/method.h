#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::gateway {

// A unary method that a route calls: its name on the wire, and what a service has for it.
template <typename Service, typename Message, typename Response>
struct Method {
  const char* name;
  grpc::Status (Service::*handler)(grpc::ServerContext*, const Message*, Response*);
};

inline constexpr Method kSearch = {"/sightline.v1.QueryService/Search",
                                   &v1::QueryService::Service::Search};
inline constexpr Method kAnswer = {"/sightline.v1.QueryService/Answer",
                                   &v1::QueryService::Service::Answer};
inline constexpr Method kCheckClaims = {"/sightline.v1.QueryService/CheckClaims",
                                        &v1::QueryService::Service::CheckClaims};
inline constexpr Method kGetPassage = {"/sightline.v1.QueryService/GetPassage",
                                       &v1::QueryService::Service::GetPassage};
inline constexpr Method kGetPassageImage = {"/sightline.v1.QueryService/GetPassageImage",
                                            &v1::QueryService::Service::GetPassageImage};
inline constexpr Method kGetPassageHeatmap = {"/sightline.v1.QueryService/GetPassageHeatmap",
                                              &v1::QueryService::Service::GetPassageHeatmap};

inline constexpr Method kListCollections = {"/sightline.v1.CollectionService/ListCollections",
                                            &v1::CollectionService::Service::ListCollections};
inline constexpr Method kCreateCollection = {"/sightline.v1.CollectionService/CreateCollection",
                                             &v1::CollectionService::Service::CreateCollection};
inline constexpr Method kGetCollectionStats = {"/sightline.v1.CollectionService/GetCollectionStats",
                                               &v1::CollectionService::Service::GetCollectionStats};
inline constexpr Method kDeleteCollection = {"/sightline.v1.CollectionService/DeleteCollection",
                                             &v1::CollectionService::Service::DeleteCollection};

inline constexpr Method kListDocuments = {"/sightline.v1.IngestService/ListDocuments",
                                          &v1::IngestService::Service::ListDocuments};
inline constexpr Method kListDuplicates = {"/sightline.v1.IngestService/ListDuplicates",
                                           &v1::IngestService::Service::ListDuplicates};
inline constexpr Method kGetDocument = {"/sightline.v1.IngestService/GetDocument",
                                        &v1::IngestService::Service::GetDocument};
inline constexpr Method kDeleteDocument = {"/sightline.v1.IngestService/DeleteDocument",
                                           &v1::IngestService::Service::DeleteDocument};
inline constexpr Method kListJobs = {"/sightline.v1.IngestService/ListJobs",
                                     &v1::IngestService::Service::ListJobs};
inline constexpr Method kGetJob = {"/sightline.v1.IngestService/GetJob",
                                   &v1::IngestService::Service::GetJob};
inline constexpr Method kRetryJob = {"/sightline.v1.IngestService/RetryJob",
                                     &v1::IngestService::Service::RetryJob};

inline constexpr Method kGetModel = {"/sightline.v1.ModelService/GetModel",
                                     &v1::ModelService::Service::GetModel};
inline constexpr Method kRerank = {"/sightline.v1.ModelService/Rerank",
                                   &v1::ModelService::Service::Rerank};
inline constexpr Method kLocate = {"/sightline.v1.ModelService/Locate",
                                   &v1::ModelService::Service::Locate};
inline constexpr Method kEmbed = {"/sightline.v1.ModelService/Embed",
                                  &v1::ModelService::Service::Embed};

}  // namespace sightline::gateway
