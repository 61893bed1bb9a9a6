#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/connection.h"
#include "cli/ingest_item.h"
#include "sightline/v1/ingest.pb.h"

namespace sightline::s3 {
class Client;
}  // namespace sightline::s3

namespace sightline::cli {

struct UploadOptions {
  std::string collection;
  std::string password;  // for encrypted documents
  int jobs = 32;         // documents sent and not finished, >= 1
  bool create_collection = true;
  bool force = false;
  std::string extract_schema;  // JSON schema; empty = none
  bool summarize = false;
  bool tag = false;
  bool stop_on_failure = false;  // the first failed document ends it
  int max_attempts = 6;          // of one document, before it is given up
  // How long the server may be away, without any progress; and what is called when it went.
  absl::Duration wait = absl::Minutes(2);
  std::function<void(const absl::Status& why)> on_away = nullptr;
  absl::Duration first_backoff = absl::Milliseconds(250);  // doubled for each next
  absl::Time deadline = absl::InfiniteFuture();
  const s3::Client* s3 = nullptr;  // outlives the uploader; for items in S3, else not needed
};

// How the ingest of one document ended.
struct UploadResult {
  IngestItem item;
  // Empty when it never reached the server; then `reason` and `message` say why.
  v1::IngestStatus status;
  bool failed = false;
  std::string reason;
  std::string message;
};

// Sends documents over one IngestDocuments stream, several in flight, holding one chunk of one of
// them in memory. Of an object in S3 the server is asked first whether it has that version; those
// that it has not are fetched ahead, with the first parts of at most `jobs` in memory, 64 MiB. A
// stream that breaks is opened again, for `wait`, and what was not finished is sent again, which is
// harmless because equal bytes are a no-op; a document the server is too busy for is sent again
// later. Add, Finish and Stop come from one thread; `on_result` comes from another.
class Uploader {
 public:
  // `connection` outlives the uploader.
  Uploader(const Connection& connection, const UploadOptions& options,
           std::function<void(const UploadResult&)> on_result);
  ~Uploader();

  // Waits for room, then sends. A document that cannot be read is a result, not a failure here.
  // The stream's failure when it broke for good; kCancelled once a signal came; kAborted after a
  // failed document with stop_on_failure.
  absl::Status Add(IngestItem item);

  // Waits until every document has finished. Errors as Add.
  absl::Status Finish();

  // Takes nothing more and waits, at most `patience`, until the server has recorded what was sent
  // whole. Returns how many of those have not finished: the server will finish them.
  int Stop(absl::Duration patience);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::cli
