#include "services/fetch/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "services/edge/error_details.h"

namespace sightline::fetch {
namespace {

constexpr int kMaxLookups = 64;
constexpr absl::Duration kNap = absl::Milliseconds(50);  // between two looks at the limits

using Addresses = absl::StatusOr<std::vector<Address>>;

// getaddrinfo cannot be interrupted, so it runs on a thread of its own, which may outlive the call
// that waits for it: all it touches is here.
struct Lookups {
  absl::Mutex mu;
  int running ABSL_GUARDED_BY(mu) = 0;
};

struct Lookup {
  absl::Mutex mu;
  bool done ABSL_GUARDED_BY(mu) = false;
  Addresses addresses ABSL_GUARDED_BY(mu) = std::vector<Address>();
};

Addresses Ask(const std::string& host) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code == EAI_NONAME || code == EAI_NODATA || code == EAI_FAIL || code == EAI_ADDRFAMILY) {
    return absl::NotFoundError("the host has no address");
  }
  if (code != 0) return absl::UnavailableError("the host could not be looked up");
  const absl::Cleanup free = [found] { freeaddrinfo(found); };
  std::vector<Address> out;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const auto address = Address::FromSockaddr(*entry->ai_addr);
    if (address.has_value() && std::find(out.begin(), out.end(), *address) == out.end()) {
      out.push_back(*address);
    }
  }
  return out;
}

absl::Status Begin(const std::shared_ptr<Lookups>& lookups, const std::string& host,
                   const std::shared_ptr<Lookup>& lookup) {
  absl::MutexLock lock(&lookups->mu);
  if (lookups->running >= kMaxLookups) {
    return absl::ResourceExhaustedError("too many hosts are being looked up");
  }
  try {
    std::thread([lookups, lookup, host] {
      Addresses addresses = Ask(host);
      {
        absl::MutexLock done(&lookup->mu);
        lookup->addresses = std::move(addresses);
        lookup->done = true;
      }
      absl::MutexLock ended(&lookups->mu);
      --lookups->running;
    }).detach();
  } catch (const std::system_error&) {
    return absl::ResourceExhaustedError("no thread for a look-up");
  }
  ++lookups->running;
  return absl::OkStatus();
}

}  // namespace

absl::Status FetchLimits::StillWanted() const {
  if (stopped != nullptr && stopped()) return absl::CancelledError("nobody waits for it any more");
  if (absl::Now() < deadline) return absl::OkStatus();
  return edge::WithReason(absl::DeadlineExceededError("it took too long"), "fetch_timeout");
}

Resolver SystemResolver() {
  auto lookups = std::make_shared<Lookups>();
  return [lookups](const std::string& host, const FetchLimits& limits) -> Addresses {
    const auto lookup = std::make_shared<Lookup>();
    SL_RETURN_IF_ERROR(Begin(lookups, host, lookup));
    absl::MutexLock lock(&lookup->mu);
    while (!lookup->mu.AwaitWithTimeout(absl::Condition(&lookup->done), kNap)) {
      SL_RETURN_IF_ERROR(limits.StillWanted());
    }
    return std::move(lookup->addresses);
  };
}

}  // namespace sightline::fetch
