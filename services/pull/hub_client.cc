#include "services/pull/hub_client.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace sightline::services {
namespace {

constexpr size_t kMaxListingBytes = 64 << 20;

// The checksum an ETag spells: `"…"` or `W/"…"`.
absl::StatusOr<Checksum> ChecksumOfEtag(absl::string_view etag) {
  absl::ConsumePrefix(&etag, "W/");
  absl::ConsumePrefix(&etag, "\"");
  absl::ConsumeSuffix(&etag, "\"");
  return ParseChecksum(etag);
}

}  // namespace

absl::Status StatusOfReply(const HttpReply& reply, absl::string_view what, bool with_token) {
  const absl::string_view reason = reply.Header("x-error-code");
  const std::string says = absl::StrCat(what, ": the server answers ", reply.status);
  if (reply.status == 429 || reply.status == 408 || reply.status >= 500) {
    return absl::UnavailableError(
        absl::StrCat(says, reply.status == 429 ? " (too many requests)" : ""));
  }
  if (reason == "GatedRepo") {
    return absl::PermissionDeniedError(absl::StrCat(
        says,
        ": the repository is gated. Accept its terms on the hub's page, then give a token of "
        "that account by --token-file or HF_TOKEN"));
  }
  if (reason == "RevisionNotFound") {
    return absl::NotFoundError(absl::StrCat(says, ": no such branch, tag or commit"));
  }
  if (reply.status == 401) {
    return absl::UnauthenticatedError(
        absl::StrCat(says, with_token ? ": the token is not accepted, or no such repository"
                                      : ": private, gated, or no such repository. Give a token by "
                                        "--token-file or HF_TOKEN"));
  }
  if (reply.status == 403) {
    return absl::PermissionDeniedError(absl::StrCat(
        says, with_token ? ": the token's account has no access; the repository may be gated"
                         : ": gated or private. Give a token by --token-file or HF_TOKEN"));
  }
  if (reply.status == 404 || reply.status == 410) {
    return absl::NotFoundError(absl::StrCat(says, ": no such repository, revision or file"));
  }
  return absl::FailedPreconditionError(says);
}

absl::StatusOr<HubListing> FetchListing(HttpClient& http, const HubSource& source,
                                        const HubRepository& repository,
                                        const RetryPolicy& policy) {
  std::string text;
  HttpSink sink;
  sink.begin = [&](const HttpReply&) {
    text.clear();
    return absl::OkStatus();
  };
  sink.body = [&](absl::string_view bytes) {
    if (text.size() + bytes.size() > kMaxListingBytes) {
      return absl::DataLossError("the hub's list of files is too long");
    }
    text.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  SL_RETURN_IF_ERROR(RetryUnavailable(policy, [&]() -> Attempt {
    const auto reply =
        http.Get({.url = ListingUrl(source.endpoint, repository), .token = source.token}, sink);
    if (!reply.ok()) return {reply.status()};
    if (reply->status == 200) return {absl::OkStatus()};
    return {StatusOfReply(*reply, absl::StrCat(repository.name, "@", repository.revision),
                          !source.token.empty()),
            false, reply->retry_after};
  }));
  return ParseHubListing(text);
}

absl::StatusOr<HubFile> FetchDetails(HttpClient& http, const HubSource& source,
                                     const HubRepository& repository, const std::string& commit,
                                     const std::string& path, const RetryPolicy& policy) {
  HttpReply reply;
  SL_RETURN_IF_ERROR(RetryUnavailable(policy, [&]() -> Attempt {
    auto got = http.Get({.url = FileUrl(source.endpoint, repository, commit, path),
                         .token = source.token,
                         .headers_only = true},
                        {});
    if (!got.ok()) return {got.status()};
    reply = *std::move(got);
    // Where the hub has said what it links to, it does not matter that the address behind the link
    // takes no HEAD.
    if (reply.status == 200 || !reply.linked_etag.empty()) return {absl::OkStatus()};
    return {StatusOfReply(reply, path, !source.token.empty()), false, reply.retry_after};
  }));
  const bool linked = !reply.linked_etag.empty();
  auto checksum =
      ChecksumOfEtag(linked ? absl::string_view(reply.linked_etag) : reply.Header("etag"));
  if (!checksum.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the server gives no checksum to verify it by"));
  }
  HubFile file;
  file.path = path;
  file.checksum = *std::move(checksum);
  int64_t size = 0;
  if (absl::SimpleAtoi(
          linked ? absl::string_view(reply.linked_size) : reply.Header("content-length"), &size) &&
      size >= 0) {
    file.size = size;
  }
  return file;
}

}  // namespace sightline::services
