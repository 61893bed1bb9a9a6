#pragma once

#include <atomic>
#include <cstdint>

#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "services/fetch/url_fetcher.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::services {

struct IngestServiceOptions {
  int64_t max_document_bytes = int64_t{512} << 20;
  // Of documents that are arriving, over all streams; above it a document is refused, to be sent
  // again.
  int64_t max_bytes_in_flight = int64_t{1} << 30;
  // Of one stream, not yet finished; above it the stream is not read until some are.
  int max_open_documents = 256;
  int fetch_attempts = 3;  // of a document named by URL, on passing errors
};

// sightline.v1.IngestService over an ingestor. Any thread.
//
// What is wrong with one document ends that document: its `finished` status carries code and
// reason, and the stream goes on. What breaks the stream itself (a tag used twice, a chunk without
// its header) ends it with kInvalidArgument. Jobs that were accepted run on whatever becomes of the
// stream.
class IngestService final : public v1::IngestService::Service {
 public:
  // All outlive the service. `fetcher` may be null: documents named by URL are then refused.
  IngestService(const IngestServiceOptions& options, index::Corpus& corpus,
                ingest::Ingestor& ingestor, const fetch::UrlFetcher* fetcher = nullptr);

  grpc::Status IngestDocuments(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>* stream) override;
  grpc::Status DeleteDocument(grpc::ServerContext* context,
                              const v1::DeleteDocumentRequest* request,
                              v1::DeleteDocumentResponse* response) override;
  grpc::Status GetDocument(grpc::ServerContext* context, const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override;
  grpc::Status ListDocuments(grpc::ServerContext* context, const v1::ListDocumentsRequest* request,
                             v1::ListDocumentsResponse* response) override;
  grpc::Status ListDuplicates(grpc::ServerContext* context,
                              const v1::ListDuplicatesRequest* request,
                              v1::ListDuplicatesResponse* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status RetryJob(grpc::ServerContext* context, const v1::RetryJobRequest* request,
                        v1::RetryJobResponse* response) override;
  grpc::Status ListIngestStages(grpc::ServerContext* context,
                                const v1::ListIngestStagesRequest* request,
                                v1::ListIngestStagesResponse* response) override;

 private:
  const IngestServiceOptions options_;
  index::Corpus& corpus_;
  ingest::Ingestor& ingestor_;
  const fetch::UrlFetcher* const fetcher_;
  std::atomic<int64_t> bytes_in_flight_{0};
};

}  // namespace sightline::services
