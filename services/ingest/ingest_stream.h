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
#include "services/ingest/ingest_service.h"
#include "services/ingest/status_outbox.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::services {

// One call of IngestDocuments. Run is called once, by the thread of the call.
class IngestStream {
 public:
  using Stream = grpc::ServerReaderWriter<v1::IngestStatus, v1::IngestRequest>;

  // All outlive the call. `bytes_in_flight` is that of all streams.
  IngestStream(const IngestServiceOptions& options, index::Corpus& corpus,
               ingest::Ingestor& ingestor, std::atomic<int64_t>& bytes_in_flight,
               grpc::ServerContext& context, Stream& stream);
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
  absl::Status OnHeader(int64_t tag, const v1::DocumentHeader& header);
  absl::Status OnChunk(int64_t tag, v1::DocumentChunk chunk);
  absl::Status CheckHeader(const v1::DocumentHeader& header) const;
  absl::Status Append(Upload& upload, const v1::DocumentChunk& chunk);
  absl::Status Submit(int64_t tag, Upload& upload);
  // Ends the document `tag` alone.
  void Refuse(int64_t tag, Upload& upload, const absl::Status& status);
  void Release(Upload& upload);
  // False when the client went while waiting.
  bool AwaitFewerThan(int open_documents);

  const IngestServiceOptions& options_;
  index::Corpus& corpus_;
  ingest::Ingestor& ingestor_;
  std::atomic<int64_t>& bytes_in_flight_;
  grpc::ServerContext& context_;
  Stream& stream_;
  // Shared with the callbacks of accepted jobs, which may outlive the call.
  const std::shared_ptr<StatusOutbox> outbox_ = std::make_shared<StatusOutbox>();
  absl::flat_hash_set<int64_t> tags_;
  std::map<int64_t, Upload> uploads_;
};

}  // namespace sightline::services
