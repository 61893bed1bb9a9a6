#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace sightline::edge {

// What bounds the work of one request, and whose it is; passed down to whatever works for it.
struct CallLimits {
  absl::Time deadline = absl::InfiniteFuture();
  // Notified, from any thread, when nobody waits for the result any more. Null = cannot be
  // cancelled.
  std::shared_ptr<absl::Notification> cancel;
  // As the server has told it; empty where it serves one tenant. Nothing that is kept for one is
  // used for another.
  std::string tenant = {};
  // Set, from any thread, by whatever did without a thing that failed, a picture that could not be
  // read for instance: the result is good, but the same request may have a better one next time.
  // Null = nobody asks.
  std::shared_ptr<std::atomic<bool>> makeshift = {};
};

// Sets `makeshift`, where there is one.
void NoteMakeshift(const CallLimits& limits);

// How a reply says that `makeshift` was set.
inline constexpr char kMakeshiftWarning[] =
    "something that failed was done without (a picture, a judgement of the network, a comparison "
    "of meanings, a region or a second look): the same request may have a better reply later";

// OK while the work is still wanted; else kCancelled or kDeadlineExceeded naming the `stage` that
// was about to begin.
absl::Status StillWanted(const CallLimits& limits, absl::string_view stage);

// Tells handlers of the synchronous gRPC API that their client is gone: one thread asks each
// registered context every few milliseconds. (That API has no notice of its own, and a handler
// waiting for the network cannot ask.) Any thread. Outlives its scopes.
class CancelWatcher {
 public:
  CancelWatcher();
  ~CancelWatcher();
  CancelWatcher(const CancelWatcher&) = delete;
  CancelWatcher& operator=(const CancelWatcher&) = delete;

 private:
  friend class CallScope;
  struct Entry {
    grpc::ServerContext* context;
    std::shared_ptr<absl::Notification> cancel;
  };

  void Add(grpc::ServerContext* context, std::shared_ptr<absl::Notification> cancel);
  void Remove(grpc::ServerContext* context);
  void Run();

  absl::Mutex mu_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
  int64_t added_ ABSL_GUARDED_BY(mu_) = 0;  // entries, ever
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when the rest stands
};

// One request inside its handler, on the handler's stack. Of a LocalContext it takes that one's
// deadline and cancellation.
class CallScope {
 public:
  // Both outlive the scope.
  CallScope(CancelWatcher& watcher, grpc::ServerContext& context);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  const CallLimits& limits() const { return limits_; }

  // What the handler returns: `status` as a gRPC status, where work that was cancelled because the
  // clock ran out is kDeadlineExceeded.
  grpc::Status Finish(const absl::Status& status) const;

 private:
  CancelWatcher* const watcher_;  // null: the caller tells of it itself
  grpc::ServerContext& context_;
  CallLimits limits_;
};

}  // namespace sightline::edge
