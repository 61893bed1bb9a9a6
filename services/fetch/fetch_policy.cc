#include "services/fetch/fetch_policy.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace sightline::fetch {
namespace {

bool Matches(absl::string_view pattern, absl::string_view host) {
  if (pattern == "*" || pattern == host) return true;
  return absl::StartsWith(pattern, "*.") && host.size() > pattern.size() - 1 &&
         absl::EndsWith(host, pattern.substr(1));
}

bool MatchesAny(const std::vector<std::string>& patterns, absl::string_view host) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return Matches(pattern, host); });
}

std::vector<std::string> Entries(absl::string_view text) {
  std::vector<std::string> out;
  for (const absl::string_view entry : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    out.push_back(absl::AsciiStrToLower(absl::StripAsciiWhitespace(entry)));
  }
  return out;
}

// A host name by the rules of URLs; an address without brackets too.
absl::Status CheckHost(absl::string_view host) {
  if (Address::Parse(host).has_value()) return absl::OkStatus();
  const auto url = FetchUrl::Parse(absl::StrCat("http://", host, "/"));
  if (url.ok() && url->host() == host) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected a host name, got \"", host, "\""));
}

}  // namespace

bool FetchPolicy::AllowsTarget(const FetchUrl& url) const {
  return std::find(ports.begin(), ports.end(), url.port()) != ports.end() &&
         MatchesAny(allowed_hosts, url.host());
}

bool FetchPolicy::AllowsAddress(const FetchUrl& url, const Address& address) const {
  if (IsNeverFetched(address)) return false;
  if (IsPublic(address) || MatchesAny(private_hosts, url.host())) return true;
  return std::any_of(private_addresses.begin(), private_addresses.end(),
                     [&](const AddressRange& range) { return range.Holds(address); });
}

absl::StatusOr<std::vector<std::string>> ReadHosts(absl::string_view text) {
  std::vector<std::string> out = Entries(text);
  for (const std::string& entry : out) {
    if (entry == "*") continue;
    SL_RETURN_IF_ERROR(
        CheckHost(absl::StartsWith(entry, "*.") ? absl::string_view(entry).substr(2) : entry));
  }
  return out;
}

absl::StatusOr<std::vector<int>> ReadPorts(absl::string_view text) {
  std::vector<int> out;
  for (const std::string& entry : Entries(text)) {
    int port = 0;
    if (!absl::SimpleAtoi(entry, &port) || port < 1 || port > 65535) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected ports in 1..65535, got \"", entry, "\""));
    }
    out.push_back(port);
  }
  return out;
}

absl::Status ReadPrivate(absl::string_view text, FetchPolicy& policy) {
  for (const std::string& entry : Entries(text)) {
    if (auto range = AddressRange::Parse(entry); range.ok()) {
      policy.private_addresses.push_back(*std::move(range));
      continue;
    }
    // "*" would open every address to whoever owns a name.
    if (entry == "*" || absl::StrContains(entry, '/')) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected addresses, ranges like 10.0.0.0/8 and host names, got \"", entry, "\""));
    }
    SL_RETURN_IF_ERROR(
        CheckHost(absl::StartsWith(entry, "*.") ? absl::string_view(entry).substr(2) : entry));
    policy.private_hosts.push_back(entry);
  }
  return absl::OkStatus();
}

}  // namespace sightline::fetch
