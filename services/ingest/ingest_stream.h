#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "ingest/intake.h"
#include "services/ingest/ingest_service.h"
#include "services/ingest/status_outbox.h"
#include "services/ingest/uri_fetches.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::services {

// One call of IngestDocuments. Run is called once, by the thread of the call.
class IngestStream {
 public:
  using Stream = grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>;

  // All outlive the call. `fetcher` may be null. `bytes_in_flight` is that of all streams.
  IngestStream(const IngestServiceOptions& options, index::Corpus& corpus,
               ingest::Ingestor& ingestor, const fetch::UrlFetcher* fetcher,
               std::atomic<int64_t>& bytes_in_flight, grpc::ServerContext& context, Stream& stream);
  ~IngestStream();

  // Reads documents until the client has sent its last, then waits for those to finish.
  // kInvalidArgument: the stream is malformed; kCancelled: the client went.
  absl::Status Run();

 private:
  // A document whose last chunk has not come.
  struct Upload {
    v1::DocumentHeader header;
    std::string bytes;
    bool refused = false;  // its status is sent; what still comes of it is thrown away
  };

  absl::Status ReadAll();
  absl::Status OnHeader(int64_t tag, v1::DocumentHeader header);
  absl::Status OnChunk(int64_t tag, v1::DocumentChunk chunk);
  absl::Status CheckHeader(const v1::DocumentHeader& header) const;
  void HandIn(int64_t tag, Upload upload);
  absl::Status Append(Upload& upload, const v1::DocumentChunk& chunk);
  // Ends a document of which only the header came: kAborted when its bytes are needed.
  absl::Status Probe(int64_t tag, const v1::DocumentHeader& header);
  void BeginFetch(int64_t tag, v1::DocumentHeader header);
  // On a thread of `fetches_`, as those below may be.
  fetch::Validators Known(const v1::DocumentHeader& header) const;
  void OnFetched(int64_t tag, const v1::DocumentHeader& header,
                 absl::StatusOr<fetch::FetchReply> reply);
  absl::Status SubmitFetched(int64_t tag, const v1::DocumentHeader& header,
                             fetch::FetchReply reply);
  // Counts `size` bytes as in flight, if they may be.
  absl::Status Reserve(int64_t size);
  // Makes a job of the document, whose bytes are reserved; they no longer are then.
  absl::Status Submit(int64_t tag, const v1::DocumentHeader& header, std::string bytes,
                      const fetch::Validators& validators = {});
  // Ends the document `tag` alone.
  void Refuse(int64_t tag, const v1::DocumentHeader& header, const absl::Status& status);
  void Refuse(int64_t tag, Upload& upload, const absl::Status& status);
  void Release(Upload& upload);
  // False when the client went while waiting.
  bool AwaitFewerThan(int open_documents);

  const IngestServiceOptions& options_;
  index::Corpus& corpus_;
  ingest::Ingestor& ingestor_;
  const fetch::UrlFetcher* const fetcher_;
  std::atomic<int64_t>& bytes_in_flight_;
  grpc::ServerContext& context_;
  Stream& stream_;
  // Shared with the callbacks of accepted jobs, which may outlive the call.
  const std::shared_ptr<StatusOutbox> outbox_ = std::make_shared<StatusOutbox>();
  absl::flat_hash_set<int64_t> tags_;
  std::map<int64_t, Upload> uploads_;
  // Last: their threads use the rest.
  std::unique_ptr<UriFetches> fetches_;  // once there is a URL
  ingest::Intake intake_;
};

}  // namespace sightline::services
