#include "cli/s3/settings.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace sightline::s3 {
namespace {

constexpr absl::string_view kScheme = "s3://";

bool IsHostByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._:[]", c);
}

// "scheme://host[:port]" in one form. Anything else might carry secrets, so it is not repeated.
absl::StatusOr<std::string> ReadEndpoint(absl::string_view text) {
  absl::string_view rest = text;
  const bool http = absl::ConsumePrefix(&rest, "http://");
  if (!http && !absl::ConsumePrefix(&rest, "https://")) {
    return absl::InvalidArgumentError(
        "S3 endpoint: expected an address that begins with https:// or http://");
  }
  absl::ConsumeSuffix(&rest, "/");
  if (rest.empty() || !std::all_of(rest.begin(), rest.end(), IsHostByte)) {
    return absl::InvalidArgumentError(
        "S3 endpoint: expected only a host and a port, as in https://storage.example.org:9000");
  }
  absl::ConsumeSuffix(&rest, http ? ":80" : ":443");
  return absl::StrCat(http ? "http://" : "https://", rest);
}

}  // namespace

absl::StatusOr<Settings> MakeSettings(const Environment& environment,
                                      const std::string& endpoint_flag) {
  Settings settings;
  if (environment.access_key_id.empty() != environment.secret_access_key.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(environment.access_key_id.empty()
                                                       ? "AWS_SECRET_ACCESS_KEY is set without "
                                                         "AWS_ACCESS_KEY_ID"
                                                       : "AWS_ACCESS_KEY_ID is set without "
                                                         "AWS_SECRET_ACCESS_KEY",
                                                   "; set both, or none for public buckets"));
  }
  if (!environment.access_key_id.empty()) {
    settings.credentials = {.access_key_id = environment.access_key_id,
                            .secret_access_key = environment.secret_access_key,
                            .session_token = environment.session_token};
  }
  const auto& keys = settings.credentials;
  for (const std::string* text : {&keys.access_key_id, &keys.session_token}) {
    if (!std::all_of(text->begin(), text->end(), absl::ascii_isgraph)) {
      return absl::InvalidArgumentError(
          "AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN may not hold blanks or control characters");
    }
  }
  // It becomes part of a host's name.
  if (!std::all_of(environment.region.begin(), environment.region.end(),
                   [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
    return absl::InvalidArgumentError("AWS_REGION: expected a name like eu-west-1");
  }
  if (!environment.region.empty()) settings.region = environment.region;
  const std::string& endpoint = endpoint_flag.empty() ? environment.endpoint : endpoint_flag;
  if (!endpoint.empty()) {
    SL_ASSIGN_OR_RETURN(settings.endpoint, ReadEndpoint(endpoint));
  }
  settings.ca_file = environment.ca_file;
  return settings;
}

bool IsS3Url(absl::string_view text) { return absl::StartsWithIgnoreCase(text, kScheme); }

absl::StatusOr<Location> ParseLocation(absl::string_view url) {
  const absl::string_view rest = IsS3Url(url) ? url.substr(kScheme.size()) : "";
  const size_t slash = std::min(rest.find('/'), rest.size());
  Location location;
  location.bucket = std::string(rest.substr(0, slash));
  if (slash < rest.size()) location.key = std::string(rest.substr(slash + 1));
  const bool good =
      location.bucket.size() >= 3 && location.bucket.size() <= 63 && location.bucket[0] != '.' &&
      !absl::StrContains(location.bucket, "..") &&
      std::all_of(location.bucket.begin(), location.bucket.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
      });
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat(url,
                     ": expected s3://BUCKET/KEY, the bucket of 3 to 63 letters, digits, "
                     "\"-\" and \".\""));
  }
  return location;
}

std::string UrlOf(const Location& location) {
  return absl::StrCat(kScheme, location.bucket, "/", location.key);
}

Address AddressOf(const Settings& settings, const Location& location) {
  const std::string in_bucket = absl::StrCat("/", location.key);
  if (!settings.endpoint.empty()) {
    const size_t host = settings.endpoint.find("://") + 3;
    return {.scheme = settings.endpoint.substr(0, host - 3),
            .host = settings.endpoint.substr(host),
            .path = absl::StrCat("/", location.bucket, in_bucket)};
  }
  const std::string host = absl::StrCat("s3.", settings.region, ".amazonaws.com",
                                        absl::StartsWith(settings.region, "cn-") ? ".cn" : "");
  if (absl::StrContains(location.bucket, '.')) {
    return {.scheme = "https", .host = host, .path = absl::StrCat("/", location.bucket, in_bucket)};
  }
  return {.scheme = "https", .host = absl::StrCat(location.bucket, ".", host), .path = in_bucket};
}

}  // namespace sightline::s3
