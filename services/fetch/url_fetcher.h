#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/fetch/fetch_policy.h"
#include "services/fetch/pinned_transfer.h"
#include "services/fetch/resolver.h"

namespace sightline::fetch {

struct FetchRequest {
  std::string url;
  int64_t max_bytes = 0;  // 0 = as the policy says, which also bounds other values
  Validators known = {};  // of the content that the caller has already
};

struct FetchReply {
  std::string bytes = {};
  Validators validators = {};  // of the bytes, or the known ones
  bool not_modified = false;   // the content is still the known one; no bytes came
};

// Fetches what strangers name. Each hop of a URL is taken apart by one parser, its host looked up
// once, every address checked, and the connection made to a checked address. Any thread.
class UrlFetcher {
 public:
  explicit UrlFetcher(FetchPolicy policy, Resolver resolver = SystemResolver());

  // Messages tell nothing of addresses, and leave it to the caller to name the URL.
  // kFailedPrecondition "url_not_allowed": malformed, another scheme, host, port or address than
  // the policy allows, no such host, or a redirect to such a one, from https to http, or one too
  // many; always in the same words. kDeadlineExceeded "fetch_timeout"; kInvalidArgument
  // "too_large"; "fetch_failed": kUnavailable where another try may help, else kInvalidArgument;
  // kResourceExhausted: too many fetches; kCancelled.
  absl::StatusOr<FetchReply> Fetch(const FetchRequest& request, const FetchLimits& limits) const;

 private:
  absl::StatusOr<FetchReply> Follow(const FetchRequest& request, const FetchLimits& limits) const;
  absl::StatusOr<TransferReply> Hop(const FetchUrl& url, int64_t wanted_bytes,
                                    const Validators& known, const FetchLimits& limits) const;
  absl::StatusOr<std::vector<Address>> CheckedAddresses(const FetchUrl& url,
                                                        const FetchLimits& limits) const;
  absl::Status AwaitTurn(const FetchLimits& limits) const;
  void EndTurn() const;

  const FetchPolicy policy_;
  const Resolver resolver_;
  mutable absl::Mutex mu_;
  mutable int running_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::fetch
