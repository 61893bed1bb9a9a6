#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/s3/signature.h"

namespace sightline::s3 {

// The variables of the environment that matter here, as they are; read once in main.
struct Environment {
  std::string access_key_id;      // AWS_ACCESS_KEY_ID
  std::string secret_access_key;  // AWS_SECRET_ACCESS_KEY
  std::string session_token;      // AWS_SESSION_TOKEN
  std::string region;             // AWS_REGION, else AWS_DEFAULT_REGION
  std::string endpoint;           // AWS_ENDPOINT_URL_S3, else AWS_ENDPOINT_URL
  std::string ca_file;            // AWS_CA_BUNDLE
};

// Where buckets are and who asks for them. Immutable once made; any thread.
struct Settings {
  Credentials credentials;
  std::string region = "us-east-1";
  std::string endpoint = {};  // "https://host:9000", without a slash at its end; "" = Amazon's
  std::string ca_file = {};   // PEM certificates trusted instead of the system's, or empty
};

// `endpoint_flag`, if there is one, wins over the environment's. kInvalidArgument: an endpoint that
// is no http or https address of a host, or half a pair of keys. No message repeats a secret.
absl::StatusOr<Settings> MakeSettings(const Environment& environment,
                                      const std::string& endpoint_flag);

// Bucket and key of "s3://bucket/key", byte by byte; the key may be empty.
struct Location {
  std::string bucket;
  std::string key;
};

bool IsS3Url(absl::string_view text);
// kInvalidArgument: no bucket, or one that cannot be the name of one.
absl::StatusOr<Location> ParseLocation(absl::string_view url);
std::string UrlOf(const Location& location);

// Where a request about a bucket or an object goes.
struct Address {
  std::string scheme;  // http or https
  std::string host;    // as the header Host says it
  std::string path;    // not encoded
};

// The bucket in the path at an endpoint of one's own, and where it has a dot, with which no
// certificate of Amazon's would match; else in the host's name.
Address AddressOf(const Settings& settings, const Location& location);

}  // namespace sightline::s3
