#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/s3/reply_xml.h"
#include "cli/s3/settings.h"

namespace sightline::s3 {

struct ClientOptions {
  int attempts = 6;                                        // of one request, >= 1
  absl::Duration first_backoff = absl::Milliseconds(250);  // doubled for each next
  std::function<bool()> stopped = [] { return false; };    // asked often, from any thread
};

// A part of an object.
struct Part {
  std::string bytes;
  int64_t total = 0;  // bytes of the whole object
  std::string etag;
};

// Asks for listings and for contents of objects. What may pass is tried again after a pause: status
// 408, 429 and 5xx, faults of the connection, replies that broke off. Any thread.
//
// Errors name the object or bucket, and say what the service said. kPermissionDenied: status 401
// and 403; kNotFound: 404; kAborted: the object has changed; kUnavailable: every attempt failed;
// kFailedPrecondition: any other reply; kCancelled.
class Client {
 public:
  Client(Settings settings, ClientOptions options);
  ~Client();

  // A page of at most `max_keys` keys that begin with `location.key`. With `by_folder` those with a
  // slash after that are left out, and their folders named instead.
  absl::StatusOr<Listing> List(const Location& location, bool by_folder, const std::string& token,
                               int max_keys = 1000) const;

  // At most `length` bytes from `first` on, fewer only where the object ends. With an etag, only if
  // the object still has that one. `first` may be an empty object's end.
  absl::StatusOr<Part> Get(const Location& location, int64_t first, int64_t length,
                           const std::string& etag) const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::s3
