#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::services {

struct HttpRequest {
  std::string url;            // http or https
  std::string token;          // bearer; goes to the origin of `url` and no other
  int64_t from = 0;           // first byte wanted
  std::string if_range = {};  // ETag the content must still have for `from` to count; may be empty
  bool headers_only = false;  // HEAD
};

// The last reply, after redirects.
struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  // X-Linked-ETag and X-Linked-Size, of whichever reply on the way had them: what a hub says of the
  // content before it sends the client elsewhere.
  std::string linked_etag;
  std::string linked_size;
  std::optional<absl::Duration> retry_after;

  // Empty when there is no such header.
  absl::string_view Header(const std::string& name) const;
};

// Takes the content of a reply with status 200 or 206; what other replies carry is dropped. An
// error ends the transfer and becomes that of Get.
struct HttpSink {
  std::function<absl::Status(const HttpReply& reply)> begin = {};  // once, before any content
  std::function<absl::Status(absl::string_view bytes)> body = {};
};

// "https://host:port" of an address. kInvalidArgument: not http or https, no host, or a user name
// or password in it.
absl::StatusOr<std::string> OriginOf(const std::string& url);

// True for addresses that leave this machine without encryption.
bool IsPlainAndRemote(const std::string& origin);

// GETs over libcurl, keeping connections between calls. Not thread-safe.
class HttpClient {
 public:
  // Once `stopped` says true, a transfer under way ends with kCancelled. It is asked often.
  explicit HttpClient(std::function<bool()> stopped);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Follows at most 10 redirects, to http or https only and never from https to http.
  // kUnavailable: no connection, or it broke or stood still, retry; kInvalidArgument: a bad
  // address; kFailedPrecondition: a redirect that is refused; kCancelled; errors of the sink.
  absl::StatusOr<HttpReply> Get(const HttpRequest& request, const HttpSink& sink);

 private:
  struct Transfer;
  absl::Status Perform(const std::string& url, const HttpRequest& request, bool with_token,
                       Transfer& transfer);

  const std::function<bool()> stopped_;
  void* const curl_;  // CURL*
};

}  // namespace sightline::services
