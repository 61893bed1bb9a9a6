#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cancellation.h"
#include "client/failure.h"
#include "sightline/v1/collection.pb.h"
#include "sightline/v1/ingest.pb.h"
#include "sightline/v1/query.pb.h"
#include "sightline/v1/types.pb.h"

namespace sightline::client {

struct ClientOptions {
  std::string address = "127.0.0.1:50051";  // HOST:PORT, or unix:PATH
  bool tls = false;
  std::string tls_root_file = {};  // PEM certificates that are trusted; empty = the system's
  std::string api_key = {};        // sent as "authorization: Bearer KEY"; across a network use TLS
  // Further headers of every call, e.g. the tenant's where a proxy in front of the server reads it.
  // Names in lower case: letters, digits, "-", "_", "."; values printable ASCII.
  std::vector<std::pair<std::string, std::string>> metadata = {};
  absl::Duration connect_timeout = absl::Seconds(10);
  // Of one call, >= 1. Only calls that are safe to repeat are, see Client.
  int max_attempts = 4;
  absl::Duration first_backoff = absl::Milliseconds(100);  // doubled for each next, at most 5 s
};

struct CallOptions {
  absl::Time deadline = absl::InfiniteFuture();  // of the call with all its attempts
  Cancellation* cancellation = nullptr;          // outlives the call
};

// One document's statuses, in the order of the wire: accepted, progress, finished. After an attempt
// that broke they begin anew.
using OnIngestStatus = std::function<void(const v1::IngestStatus&)>;

// What is told while an answer is written; any of them may be empty.
struct AnswerCallbacks {
  std::function<void(const v1::SearchResponse&)> retrieved = {};  // once, first
  std::function<void(absl::string_view text)> delta = {};         // whole UTF-8 characters
  std::function<void(const v1::Citation&)> citation = {};
};

// Parts of a query; any number of them make one. PhotoFilePart: kNotFound, kInvalidArgument when
// the file is none or is empty.
v1::Content TextPart(absl::string_view text);
v1::Content PhotoPart(
    absl::string_view bytes);  // of an encoded picture: JPEG, PNG, WebP, GIF, TIFF
absl::StatusOr<v1::Content> PhotoFilePart(const std::string& path);

// A Sightline server, by gRPC. Every method may be called from any thread, also at once; each
// blocks until its call ends, and its callbacks run on the calling thread.
//
// A failed call is the server's status: its code and message, and with FailureReason, FailureField
// and FailureRetryAfter of failure.h its stable reason, the field that is wrong and the wait it
// asks for. kUnavailable: the server cannot be reached; kDeadlineExceeded, kCancelled: see
// CallOptions.
//
// Calls that are safe to repeat are repeated on kUnavailable, and where the server says when to
// come back: reading, searching, answering until the first callback, and ingest without `force`,
// because bytes that are there already are left alone.
class Client {
 public:
  // kInvalidArgument: an option that cannot be used; kNotFound: no tls_root_file; kUnavailable:
  // nothing answers within connect_timeout.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  ~Client();

  // dimension: floats per vector; 0 = the server's choice. kAlreadyExists.
  absl::StatusOr<v1::Collection> CreateCollection(const std::string& name, int dimension = 0,
                                                  const CallOptions& options = {});
  absl::StatusOr<std::vector<v1::Collection>> ListCollections(const CallOptions& options = {});

  // Sends one document and waits until it is searchable; returns its last status, whose outcome is
  // INDEXED, UNCHANGED or PARTIAL. `header` names the collection and the source; total_bytes is
  // filled in here, and so is, for a file, an empty source: with its path. A failed document is a
  // failure with its code and reason. kNotFound, kInvalidArgument: no such file; kAborted: it
  // changed while it was read.
  absl::StatusOr<v1::IngestStatus> IngestFile(const std::string& path, v1::DocumentHeader header,
                                              const OnIngestStatus& on_status = {},
                                              const CallOptions& options = {});
  absl::StatusOr<v1::IngestStatus> IngestBytes(absl::string_view bytes, v1::DocumentHeader header,
                                               const OnIngestStatus& on_status = {},
                                               const CallOptions& options = {});
  // For a document whose call ended between `accepted` and `finished`: waits until its job is done
  // or has failed, and returns it. The server keeps working at it meanwhile. kNotFound.
  absl::StatusOr<v1::Job> WaitForJob(const std::string& job_id, const CallOptions& options = {});
  absl::StatusOr<v1::Document> GetDocument(const std::string& collection,
                                           const std::string& document_id,
                                           const CallOptions& options = {});

  // The request's comments in query.proto say what k, filter and mode may be.
  absl::StatusOr<v1::SearchResponse> Search(const v1::SearchRequest& request,
                                            const CallOptions& options = {});
  absl::StatusOr<v1::AnswerResponse> Answer(const v1::SearchAndAnswerRequest& request,
                                            const CallOptions& options = {});
  // As Answer, and tells what comes while it is written. What it returns stands: checks after the
  // last word may change the answer.
  absl::StatusOr<v1::AnswerResponse> StreamAnswer(const v1::SearchAndAnswerRequest& request,
                                                  const AnswerCallbacks& callbacks,
                                                  const CallOptions& options = {});

  // Judges sentences by stored passages.
  absl::StatusOr<v1::CheckClaimsResponse> CheckClaims(const v1::CheckClaimsRequest& request,
                                                      const CallOptions& options = {});

  absl::StatusOr<v1::Passage> GetPassage(const std::string& passage_id,
                                         const CallOptions& options = {});
  // max_side: pixels of the longer side, 16..2048; 0 = as stored. kNotFound: it has no picture.
  absl::StatusOr<v1::GetPassageImageResponse> GetPassageImage(const std::string& passage_id,
                                                              int max_side = 0,
                                                              const CallOptions& options = {});

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::client
