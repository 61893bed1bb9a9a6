#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/pull/http_client.h"
#include "services/pull/hub_listing.h"
#include "services/pull/retry.h"

namespace sightline::services {

// A hub or a mirror of one.
struct HubSource {
  std::string endpoint;  // no slash at its end
  std::string token;     // empty = none
};

// What a reply other than 200 or 206 says of `what`. kNotFound, kUnauthenticated, kPermissionDenied
// (gated or private), kUnavailable (busy or broken: retry), kFailedPrecondition (any other).
absl::Status StatusOfReply(const HttpReply& reply, absl::string_view what, bool with_token);

// Asks what the revision holds, with retries. Errors of HttpClient::Get, StatusOfReply and
// ParseHubListing.
absl::StatusOr<HubListing> FetchListing(HttpClient& http, const HubSource& source,
                                        const HubRepository& repository, const RetryPolicy& policy);

// Asks for size and checksum of a file the listing left them out of. kFailedPrecondition: the hub
// does not say.
absl::StatusOr<HubFile> FetchDetails(HttpClient& http, const HubSource& source,
                                     const HubRepository& repository, const std::string& commit,
                                     const std::string& path, const RetryPolicy& policy);

}  // namespace sightline::services
