#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/pull/http_client.h"
#include "services/pull/hub_listing.h"
#include "services/pull/pull_report.h"
#include "services/pull/retry.h"

namespace sightline::services {

struct DownloadRequest {
  std::string url;
  std::string token;  // for the origin of `url` alone
  HubFile file;       // its checksum is known
  // Where the content grows. The ETag of the reply it came from lies beside it, in partial +
  // ".etag".
  std::string partial;
};

// Fetches the rest of the content into request.partial, whatever is there already, until its size
// and checksum are right, and syncs it to the device. Content that turns out wrong is thrown away
// and fetched anew once. `downloaded` grows by the bytes that came.
//
// A broken transfer goes on with Range and If-Range, so that content which changed meanwhile starts
// again. kDataLoss: wrong twice, naming the file, what was expected and what was found;
// kResourceExhausted: no space on the device, what came is kept; else errors of HttpClient::Get and
// StatusOfReply.
absl::Status DownloadFile(HttpClient& http, const DownloadRequest& request,
                          const RetryPolicy& policy, PullReport& report, int64_t& downloaded);

}  // namespace sightline::services
