#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/gateway/exchange.h"

namespace sightline::gateway {

// The requests at work: bounds their number, and cancels those whose client is gone. Any thread.
class ActiveRequests {
 public:
  // At most `capacity` at once; uploads, which may take long to arrive, at most half of them.
  explicit ActiveRequests(int capacity) : capacity_(capacity) {}

  // One request's place, freed at destruction. Destroy it before its socket is closed.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // What to cancel from now on.
    void Attach(std::shared_ptr<Exchange> exchange);
    std::shared_ptr<Exchange> exchange() const;  // what was attached

   private:
    friend class ActiveRequests;
    Place(ActiveRequests& owner, int64_t key) : owner_(owner), key_(key) {}
    ActiveRequests& owner_;
    const int64_t key_;
  };

  // Null when there is no place left. `socket` is the connection's file descriptor.
  std::unique_ptr<Place> Enter(int socket, bool is_upload);

  // Cancels exchanges whose client closed its side, and passes the time to the others. To be called
  // a few times a second. A client that only half-closes counts as gone: over HTTP nobody can tell
  // the two apart.
  void Watch(absl::Time now);

  // Cancels all that are at work, with `why`.
  void CancelAll(const absl::Status& why);

 private:
  struct Entry {
    int socket = -1;
    bool is_upload = false;
    std::shared_ptr<Exchange> exchange;
  };

  const int capacity_;
  absl::Mutex mu_;
  std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mu_);
  int64_t next_key_ ABSL_GUARDED_BY(mu_) = 0;
  int uploads_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace sightline::gateway
