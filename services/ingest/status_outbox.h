#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "sightline/v1/ingest.pb.h"

namespace sightline::services {

// Statuses on their way to the client of one stream. Those who put them in never wait for the
// client: of the progress of one document only the newest is kept, and of the rest there are at
// most two a document. Any thread.
class StatusOutbox {
 public:
  // A document begins; it is open until its `finished` has been taken and Written.
  void Open();

  // Waits until fewer than `limit` documents are open, at most until `deadline`; false when it
  // passed. True also when closed.
  bool AwaitFewerThan(int limit, absl::Time deadline);

  void Put(v1::IngestStatus status);

  // The next to write, waiting for one. Empty when closed, or when `EndOfInput` was called and no
  // document is open.
  std::optional<v1::IngestStatus> Take();
  // What Take returned has been written.
  void Written(const v1::IngestStatus& status);

  // No further Open comes.
  void EndOfInput();

  // The client is gone: nothing is kept any more.
  void Close();
  bool closed() const;

 private:
  mutable absl::Mutex mu_;
  std::deque<v1::IngestStatus> events_ ABSL_GUARDED_BY(mu_);           // accepted and finished
  std::map<int64_t, v1::IngestStatus> progress_ ABSL_GUARDED_BY(mu_);  // by tag, behind the events
  int open_ ABSL_GUARDED_BY(mu_) = 0;
  bool end_of_input_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace sightline::services
