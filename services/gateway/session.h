#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/active_requests.h"
#include "services/gateway/api.h"
#include "services/gateway/http_server.h"
#include "services/gateway/serving_threads.h"

namespace sightline::gateway {

class Session;

// What the connections of one server share. Any thread.
struct SharedState {
  SharedState(const HttpOptions& options, bool only_local_names, std::unique_ptr<Api> api,
              ServingThreads& threads)
      : options(options),
        only_local_names(only_local_names),
        api(std::move(api)),
        threads(threads),
        active(options.max_requests) {}

  const HttpOptions options;
  const bool only_local_names;
  const std::unique_ptr<const Api> api;
  ServingThreads& threads;
  std::function<void(const std::string&, int, absl::Duration)> request_done;  // may be empty
  ActiveRequests active;
  std::atomic<bool> stopping{false};
  std::atomic<int> callbacks{0};           // from exchanges, begun or still to come
  std::atomic<int64_t> buffered_bytes{0};  // of query bodies, over all connections

  absl::Mutex mu;
  std::set<std::shared_ptr<Session>> sessions ABSL_GUARDED_BY(mu);
};

// Serves one connection until it ends; adds itself to `shared.sessions` and takes itself out.
// `shared` outlives the session. The socket's executor is a strand of its own, on `loop`.
void StartSession(SharedState& shared, ServingLoop& loop, boost::asio::ip::tcp::socket socket);

// Closes a session's connection, or only when no request is on it. Any thread.
void CloseSession(const std::shared_ptr<Session>& session, bool only_if_idle);

}  // namespace sightline::gateway
