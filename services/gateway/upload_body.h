#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/exchange.h"
#include "sightline/v1/ingest.pb.h"

namespace sightline::gateway {

// Turns the body of an upload into messages for IngestDocuments, piece by piece: for each document
// a header and then chunks, the last one marked. Tags count from 0. The forms of the body are told
// in upload.h. Not thread-safe.
class UploadBody {
 public:
  virtual ~UploadBody() = default;

  // Picks the form after Content-Type and ?source=. kInvalidArgument: parameters that do not fit.
  static absl::StatusOr<std::unique_ptr<UploadBody>> Create(const Request& request,
                                                            const std::string& collection);

  // Appends the messages that `bytes` complete. kInvalidArgument: the body is malformed; name and
  // reason of the fault in it.
  virtual absl::Status Feed(absl::string_view bytes, std::vector<v1::IngestRequest>& out) = 0;

  // The body has ended. kInvalidArgument: it is cut, or holds no document.
  virtual absl::Status Finish(std::vector<v1::IngestRequest>& out) = 0;
};

}  // namespace sightline::gateway
