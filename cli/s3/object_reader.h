#pragma once

#include <cstdint>
#include <future>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/s3/client.h"
#include "cli/s3/settings.h"

namespace sightline::s3 {

// Reads one object from its beginning to its end, holding one part of it in memory. Not
// thread-safe, but for the fetch that it runs itself.
class ObjectReader {
 public:
  // Begins to fetch the first part. `client` outlives the reader. `etag`: of the version that is
  // wanted, or empty for whichever is there.
  ObjectReader(const Client& client, const Location& location, const std::string& etag,
               int64_t part_bytes);

  // Waits for the first part. Errors as Client::Get. Call once.
  absl::Status Open();

  // Once it is open:
  int64_t bytes() const { return part_.total; }
  const std::string& etag() const { return part_.etag; }
  bool at_end() const { return read_ >= part_.total; }
  // The next at most `most` bytes. Errors as Client::Get.
  absl::Status Read(int64_t most, std::string& out);

 private:
  const Client& client_;
  const Location location_;
  const int64_t part_bytes_;
  std::future<absl::StatusOr<Part>> first_;  // its destructor waits for it
  Part part_;
  int64_t part_begin_ = 0;
  int64_t read_ = 0;  // of the whole object
};

}  // namespace sightline::s3
