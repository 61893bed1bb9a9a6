#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/fetch/address.h"

struct Curl_URL;  // CURLU

namespace sightline::fetch {

// An http or https URL as the one parser reads it: libcurl's, whose handle the transfer itself is
// then given. Immutable; any thread.
class FetchUrl {
 public:
  // Takes a URL only if it can be read in one way: printable ASCII, at most 8192 bytes, no user
  // name, no backslash, and a host written as it is used: a name of letters, digits, "-" and "_"
  // without a trailing dot, an IPv4 address of four decimal numbers, or an IPv6 address in brackets
  // without a zone. kInvalidArgument: any other text; the message says what is wrong.
  static absl::StatusOr<FetchUrl> Parse(absl::string_view text);

  // What `location`, the header of a redirect, means from here; absolute or relative, and held to
  // the rules of Parse.
  absl::StatusOr<FetchUrl> Redirect(absl::string_view location) const;

  const std::string& host() const { return host_; }  // lower case, IPv6 without brackets
  int port() const { return port_; }
  bool is_https() const { return is_https_; }
  std::optional<Address> address() const { return address_; }  // when the host is one

  Curl_URL* handle() const { return handle_.get(); }

 private:
  explicit FetchUrl(std::shared_ptr<Curl_URL> handle) : handle_(std::move(handle)) {}
  static absl::StatusOr<FetchUrl> FromHandle(std::shared_ptr<Curl_URL> handle);

  std::shared_ptr<Curl_URL> handle_;  // not written to after construction
  std::string host_;
  int port_ = 0;
  bool is_https_ = false;
  std::optional<Address> address_;
};

// `url` as messages show it: without what follows "?", which may be a secret; "the URL" where it
// holds what should not be repeated.
std::string ShownUrl(absl::string_view url);

}  // namespace sightline::fetch
