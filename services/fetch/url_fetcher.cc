#include "services/fetch/url_fetcher.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::fetch {
namespace {

constexpr size_t kMaxPinned = 8;  // addresses of one host that are tried
constexpr absl::Duration kNap = absl::Milliseconds(50);

// One answer to all that is refused: which check refused it would be a map of the network.
absl::Status NotAllowed() {
  return edge::WithReason(
      absl::FailedPreconditionError("this server's configuration does not let it be fetched"),
      "url_not_allowed");
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::Status Answered(int status) {
  const std::string message = absl::StrCat("the server answered ", status);
  const bool passing = status == 408 || status == 425 || status == 429 || status >= 500;
  return edge::WithReason(
      passing ? absl::UnavailableError(message) : absl::InvalidArgumentError(message),
      "fetch_failed");
}

}  // namespace

UrlFetcher::UrlFetcher(FetchPolicy policy, Resolver resolver)
    : policy_(std::move(policy)), resolver_(std::move(resolver)) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)initialised;  // a failure shows as a handle that cannot be made
}

absl::StatusOr<FetchReply> UrlFetcher::Fetch(const FetchRequest& request,
                                             const FetchLimits& limits) const {
  FetchLimits own = limits;
  own.deadline = std::min(limits.deadline, absl::Now() + policy_.timeout);
  return Follow(request, own);
}

absl::StatusOr<FetchReply> UrlFetcher::Follow(const FetchRequest& request,
                                              const FetchLimits& limits) const {
  auto url = FetchUrl::Parse(request.url);
  if (!url.ok()) return NotAllowed();
  if (!policy_.AllowsTarget(*url)) return NotAllowed();
  SL_RETURN_IF_ERROR(AwaitTurn(limits));
  const absl::Cleanup end = [this] { EndTurn(); };
  for (int hop = 0; hop <= policy_.max_redirects; ++hop) {
    // Validators are of the URL that was asked for: where that redirects, it may lead elsewhere by
    // now, and those of another URL say nothing of it.
    const Validators known = hop == 0 ? request.known : Validators();
    SL_ASSIGN_OR_RETURN(TransferReply reply, Hop(*url, request.max_bytes, known, limits));
    if (reply.status == 200) {
      return FetchReply{.bytes = std::move(reply.bytes),
                        .validators = hop == 0 ? std::move(reply.validators) : Validators()};
    }
    if (reply.status == 304 && !known.empty()) {
      return FetchReply{.validators = request.known, .not_modified = true};
    }
    if (!IsRedirect(reply.status) || reply.location.empty()) return Answered(reply.status);
    auto next = url->Redirect(reply.location);
    if (!next.ok() || (url->is_https() && !next->is_https())) return NotAllowed();
    url = std::move(next);
  }
  return NotAllowed();
}

absl::StatusOr<TransferReply> UrlFetcher::Hop(const FetchUrl& url, int64_t wanted_bytes,
                                              const Validators& known,
                                              const FetchLimits& limits) const {
  if (!policy_.AllowsTarget(url)) return NotAllowed();
  SL_ASSIGN_OR_RETURN(const std::vector<Address> addresses, CheckedAddresses(url, limits));
  const int64_t max_bytes =
      wanted_bytes > 0 ? std::min(wanted_bytes, policy_.max_bytes) : policy_.max_bytes;
  auto reply = Get({.url = url,
                    .addresses = addresses,
                    .max_bytes = max_bytes,
                    .known = known,
                    .ca_file = policy_.ca_file},
                   limits);
  if (edge::Reason(reply.status()) == "url_not_allowed") return NotAllowed();
  return reply;
}

absl::StatusOr<std::vector<Address>> UrlFetcher::CheckedAddresses(const FetchUrl& url,
                                                                  const FetchLimits& limits) const {
  std::vector<Address> addresses;
  if (url.address().has_value()) {
    addresses = {*url.address()};
  } else {
    auto found = resolver_(url.host(), limits);
    // That a name does not exist is for those to know who may resolve it.
    if (absl::IsNotFound(found.status())) return NotAllowed();
    if (absl::IsUnavailable(found.status())) {
      return edge::WithReason(absl::UnavailableError("no connection could be made"),
                              "fetch_failed");
    }
    if (!found.ok()) return found.status();
    addresses = *std::move(found);
  }
  // All of them: a host with one inner address among others is not let through by luck.
  const bool allowed = std::all_of(addresses.begin(), addresses.end(), [&](const Address& address) {
    return policy_.AllowsAddress(url, address);
  });
  if (!allowed || addresses.empty()) return NotAllowed();
  if (addresses.size() > kMaxPinned) addresses.resize(kMaxPinned);
  return addresses;
}

absl::Status UrlFetcher::AwaitTurn(const FetchLimits& limits) const {
  absl::MutexLock lock(&mu_);
  const auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return running_ < policy_.concurrent;
  };
  while (!mu_.AwaitWithTimeout(absl::Condition(&free), kNap)) {
    const absl::Status wanted = limits.StillWanted();
    if (absl::IsDeadlineExceeded(wanted)) {
      return absl::ResourceExhaustedError("too many URLs are being fetched at once");
    }
    SL_RETURN_IF_ERROR(wanted);
  }
  ++running_;
  return absl::OkStatus();
}

void UrlFetcher::EndTurn() const {
  absl::MutexLock lock(&mu_);
  --running_;
}

}  // namespace sightline::fetch
