#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/ingest_item.h"

namespace sightline::s3 {
class ObjectReader;
}  // namespace sightline::s3

namespace sightline::cli {

// The bytes of one document, read once from their beginning. They must not change meanwhile. Not
// thread-safe.
class UploadSource {
 public:
  virtual ~UploadSource() = default;

  virtual int64_t bytes() const = 0;
  virtual std::string etag() const = 0;  // what the place calls this version of them, or empty
  virtual bool at_end() const = 0;
  // The next at most 1 MiB. kAborted: the bytes changed while they were read.
  virtual absl::Status Read(std::string& out) = 0;
};

// kUnavailable: the system refused, with its reason; kInvalidArgument: it is no regular file.
absl::StatusOr<std::unique_ptr<UploadSource>> OpenFileSource(const IngestItem& item);

// Waits for the reader's first part. Errors as s3::Client::Get.
absl::StatusOr<std::unique_ptr<UploadSource>> OpenObjectSource(
    std::shared_ptr<s3::ObjectReader> reader);

}  // namespace sightline::cli
