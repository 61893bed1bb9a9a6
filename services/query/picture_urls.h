#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <map>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "services/edge/call_scope.h"
#include "services/fetch/url_fetcher.h"
#include "sightline/v1/types.pb.h"

namespace sightline::query {

struct ContentLimits;

// Encoded pictures by the URL that names them.
using FetchedPictures = std::map<std::string, std::string>;

// Parts of a request, with their name in errors: "query", "messages[1].content".
struct NamedParts {
  const google::protobuf::RepeatedPtrField<v1::Content>& parts;
  std::string field;
};

// Fetches the pictures that `lists` name by http or https URL, all at once, each URL once. Nothing
// where `fetcher` is null: reading such a part then fails. Errors name the part: those of
// UrlFetcher::Fetch, and kInvalidArgument "too_many_pictures" (in one list) and "too_many_urls" (in
// all of them), before anything is fetched.
absl::StatusOr<FetchedPictures> FetchPictures(std::span<const NamedParts> lists,
                                              const ContentLimits& limits,
                                              const fetch::UrlFetcher* fetcher,
                                              const edge::CallLimits& call);

// True for http: and https: URLs, well-formed or not.
bool IsHttpUrl(absl::string_view uri);

}  // namespace sightline::query
