#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/fetch/address.h"
#include "services/fetch/fetch_url.h"

namespace sightline::fetch {

// What may be fetched, and how much of it. Immutable once set; any thread.
struct FetchPolicy {
  // Names: "example.org" is itself, "*.example.org" what lies below it, "*" everything.
  std::vector<std::string> allowed_hosts = {};
  std::vector<int> ports = {80, 443};
  // Addresses that are not public and may be connected to all the same; and names whose addresses
  // may be such.
  std::vector<AddressRange> private_addresses = {};
  std::vector<std::string> private_hosts = {};
  int64_t max_bytes = int64_t{20} << 20;
  absl::Duration timeout = absl::Seconds(10);  // all of one URL, redirects and look-up included
  int max_redirects = 3;
  int concurrent = 16;       // fetches at once; more wait for their turn
  std::string ca_file = {};  // PEM certificates trusted instead of the system's; "" = the system's

  // Before a name is looked up: host and port.
  bool AllowsTarget(const FetchUrl& url) const;
  // Before a connection, for each address of the host.
  bool AllowsAddress(const FetchUrl& url, const Address& address) const;
};

// Comma-separated lists as a configuration writes them. kInvalidArgument: an entry that is none.
absl::StatusOr<std::vector<std::string>> ReadHosts(absl::string_view text);
absl::StatusOr<std::vector<int>> ReadPorts(absl::string_view text);
// Addresses, ranges and names, into the two lists of `policy`.
absl::Status ReadPrivate(absl::string_view text, FetchPolicy& policy);

}  // namespace sightline::fetch
