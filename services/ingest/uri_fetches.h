#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/fetch/url_fetcher.h"
#include "sightline/v1/ingest.pb.h"

namespace sightline::services {

struct UriFetchOptions {
  int attempts = 3;  // of one URL on passing errors, >= 1
  absl::Duration first_backoff =
      absl::Milliseconds(200);  // before the second; four times each next
  int64_t max_bytes = 0;        // of one document
};

// The documents of one stream that are named by URL, fetched a few at a time on threads of its own.
class UriFetches {
 public:
  // Both are called on the threads of this object. What the server said of the content that is
  // stored already; empty to fetch it in any case.
  using Known = std::function<fetch::Validators(const v1::DocumentHeader& header)>;
  // What became of one document.
  using OnFetched = std::function<void(int64_t tag, const v1::DocumentHeader& header,
                                       absl::StatusOr<fetch::FetchReply> reply)>;

  // `fetcher` outlives this.
  UriFetches(const UriFetchOptions& options, const fetch::UrlFetcher& fetcher, Known known,
             OnFetched on_fetched);
  // Ends the fetches that run and drops those that wait; of neither is anything said.
  ~UriFetches();
  UriFetches(const UriFetches&) = delete;
  UriFetches& operator=(const UriFetches&) = delete;

  // Any thread.
  void Add(int64_t tag, v1::DocumentHeader header);

 private:
  struct Document {
    int64_t tag;
    v1::DocumentHeader header;
  };

  void Work();
  absl::StatusOr<fetch::FetchReply> Fetch(const v1::DocumentHeader& header) const;
  // False when this is being destroyed.
  bool Wait(absl::Duration pause) const;

  const UriFetchOptions options_;
  const fetch::UrlFetcher& fetcher_;
  const Known known_;
  const OnFetched on_fetched_;
  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  int idle_ ABSL_GUARDED_BY(mu_) = 0;  // threads that wait for a document
  std::deque<Document> waiting_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sightline::services
