#pragma once

// A server without a corpus: it answers what the test's names ask for, and remembers what it was
// sent.

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::testing {

// Text "slow" waits until the call is cancelled; the filter "y >" gives kInvalidArgument with
// details; the collection "missing" is kNotFound; anything else gives CannedSearch() or
// CannedAnswer().
class FakeQueryService final : public v1::QueryService::Service {
 public:
  grpc::Status GetPassageHeatmap(grpc::ServerContext* context,
                                 const v1::GetPassageHeatmapRequest* request,
                                 v1::GetPassageHeatmapResponse* response) override;
  grpc::Status Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                      v1::SearchResponse* response) override;
  grpc::Status SearchAndAnswer(grpc::ServerContext* context,
                               const v1::SearchAndAnswerRequest* request,
                               grpc::ServerWriter<v1::AnswerEvent>* writer) override;
  grpc::Status Answer(grpc::ServerContext* context, const v1::SearchAndAnswerRequest* request,
                      v1::AnswerResponse* response) override;
  // Every claim is unsupported.
  grpc::Status CheckClaims(grpc::ServerContext* context, const v1::CheckClaimsRequest* request,
                           v1::CheckClaimsResponse* response) override;
  v1::SearchRequest last() const;
  int searches(v1::SearchMode mode) const;  // calls of Search with it
  int claims() const;                       // that were checked

 private:
  mutable absl::Mutex mu_;
  v1::SearchRequest last_ ABSL_GUARDED_BY(mu_);
  std::map<v1::SearchMode, int> searches_ ABSL_GUARDED_BY(mu_);
  int claims_ ABSL_GUARDED_BY(mu_) = 0;
};

v1::SearchResponse CannedSearch();
v1::AnswerResponse CannedAnswer();

// What becomes of a document is in the name of its source: "fail", "partial", "busy" (refused once,
// to be sent again), "drop" (the stream breaks once), "stuck" (accepted, never finished, unless let
// go).
class FakeIngestService final : public v1::IngestService::Service {
 public:
  struct Stored {
    v1::DocumentHeader header;
    std::string bytes;
  };

  grpc::Status IngestDocuments(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>* stream) override;
  grpc::Status ListDocuments(grpc::ServerContext* context, const v1::ListDocumentsRequest* request,
                             v1::ListDocumentsResponse* response) override;
  grpc::Status GetDocument(grpc::ServerContext* context, const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override;
  grpc::Status DeleteDocument(grpc::ServerContext* context,
                              const v1::DeleteDocumentRequest* request,
                              v1::DeleteDocumentResponse* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status RetryJob(grpc::ServerContext* context, const v1::RetryJobRequest* request,
                        v1::RetryJobResponse* response) override;
  // Two stages: "decode" takes no time, "embed" a millisecond for each document.
  grpc::Status ListIngestStages(grpc::ServerContext* context,
                                const v1::ListIngestStagesRequest* request,
                                v1::ListIngestStagesResponse* response) override;

  void LetGo() { let_go_ = true; }
  std::map<std::string, Stored> stored() const;   // by source
  int arrivals(const std::string& source) const;  // how often it was sent whole
  bool hanging() const;                           // a "stuck" document was accepted

 private:
  using Stream = grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>;
  v1::IngestStatus Finish(int64_t tag, const Stored& document);

  std::atomic<bool> let_go_ = false;
  mutable absl::Mutex mu_;
  std::map<std::string, Stored> stored_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int> arrivals_ ABSL_GUARDED_BY(mu_);
  bool hanging_ ABSL_GUARDED_BY(mu_) = false;
};

class FakeCollectionService final : public v1::CollectionService::Service {
 public:
  grpc::Status CreateCollection(grpc::ServerContext* context,
                                const v1::CreateCollectionRequest* request,
                                v1::CreateCollectionResponse* response) override;
  grpc::Status ListCollections(grpc::ServerContext* context,
                               const v1::ListCollectionsRequest* request,
                               v1::ListCollectionsResponse* response) override;
  // kNotFound: it stands for a server that has not seen the collection.
  grpc::Status GetCollection(grpc::ServerContext* context, const v1::GetCollectionRequest* request,
                             v1::GetCollectionResponse* response) override;
  grpc::Status GetCollectionStats(grpc::ServerContext* context,
                                  const v1::GetCollectionStatsRequest* request,
                                  v1::GetCollectionStatsResponse* response) override;
  grpc::Status DeleteCollection(grpc::ServerContext* context,
                                const v1::DeleteCollectionRequest* request,
                                v1::DeleteCollectionResponse* response) override;
  std::vector<std::string> deleted() const;

 private:
  mutable absl::Mutex mu_;
  std::vector<std::string> deleted_ ABSL_GUARDED_BY(mu_);
};

class FakeModelService final : public v1::ModelService::Service {
 public:
  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override;
  // What is looked for is said to stand in the left half; of "nothing" there is no place.
  grpc::Status Locate(grpc::ServerContext* context, const v1::LocateRequest* request,
                      v1::LocateResponse* response) override;
};

// All of them behind one address, e.g. "127.0.0.1:0".
class FakeServer {
 public:
  explicit FakeServer(const std::string& address);
  ~FakeServer();

  std::string address() const;
  FakeQueryService query;
  FakeIngestService ingest;
  FakeCollectionService collections;
  FakeModelService model;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace sightline::testing
