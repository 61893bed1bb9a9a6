#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sightline::s3 {

// Empty: requests are not signed.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};  // of temporary ones, or empty

  bool empty() const { return access_key_id.empty(); }
};

// A request without a body, as it is signed. Names and values of the query are as they are meant,
// not yet encoded; so is the path.
struct SignedRequest {
  std::string method = "GET";
  std::string host;  // as the header Host says it
  std::string path;  // begins with a slash
  std::vector<std::pair<std::string, std::string>> query = {};
};

// Every byte but letters, digits and "-._~" as %XX; `keep_slash` for paths.
std::string UriEncode(absl::string_view text, bool keep_slash);

// The encoded query with its parameters in the order that is signed, without a question mark.
std::string CanonicalQuery(const SignedRequest& request);

// The headers, in lower case, that a request needs so that the service knows who sent it: AWS
// Signature Version 4 for the service "s3". libcurl 7.88 signs a query in the order it has and a
// path as it stands, which is wrong for listings and for many keys; hence this. Pure; any thread.
std::map<std::string, std::string> SignatureHeaders(const SignedRequest& request,
                                                    const Credentials& credentials,
                                                    const std::string& region, absl::Time now);

}  // namespace sightline::s3
