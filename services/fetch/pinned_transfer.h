#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/fetch/address.h"
#include "services/fetch/fetch_url.h"
#include "services/fetch/resolver.h"

namespace sightline::fetch {

// What a reply said of its content; both may be empty, and are printable ASCII.
struct Validators {
  std::string etag;
  std::string last_modified;

  bool empty() const { return etag.empty() && last_modified.empty(); }
};

struct TransferRequest {
  const FetchUrl& url;
  const std::vector<Address>& addresses;  // to connect to, whatever the host's name
  int64_t max_bytes = 0;
  Validators known = {};  // asks for the content only if it is another one
  std::string ca_file = {};
};

struct TransferReply {
  int status = 0;
  std::string location = {};  // as it came
  Validators validators = {};
  std::string bytes = {};  // of status 200 only
};

// One GET over one new connection: no redirect is followed, no proxy used, no cookie kept, no
// content decoded. Errors carry a reason and a message without a word of addresses:
// "url_not_allowed" (kFailedPrecondition: about to connect elsewhere), "too_large"
// (kInvalidArgument), "fetch_timeout" (kDeadlineExceeded), "fetch_failed" (kUnavailable: no
// connection, or it broke; kInvalidArgument: the reply or the certificate will not do); kCancelled.
absl::StatusOr<TransferReply> Get(const TransferRequest& request, const FetchLimits& limits);

}  // namespace sightline::fetch
