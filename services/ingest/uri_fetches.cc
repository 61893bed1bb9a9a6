#include "services/ingest/uri_fetches.h"

#include <utility>

namespace sightline::services {
namespace {

constexpr size_t kThreads = 4;

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

UriFetches::UriFetches(const UriFetchOptions& options, const fetch::UrlFetcher& fetcher,
                       Known known, OnFetched on_fetched)
    : options_(options),
      fetcher_(fetcher),
      known_(std::move(known)),
      on_fetched_(std::move(on_fetched)) {}

UriFetches::~UriFetches() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    waiting_.clear();
    threads = std::move(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void UriFetches::Add(int64_t tag, v1::DocumentHeader header) {
  absl::MutexLock lock(&mu_);
  waiting_.push_back({tag, std::move(header)});
  if (static_cast<size_t>(idle_) < waiting_.size() && threads_.size() < kThreads) {
    threads_.emplace_back([this] { Work(); });
  }
}

void UriFetches::Work() {
  while (true) {
    Document document;
    {
      absl::MutexLock lock(&mu_);
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return stopping_ || !waiting_.empty();
      };
      ++idle_;
      mu_.Await(absl::Condition(&ready));
      --idle_;
      if (stopping_) return;
      document = std::move(waiting_.front());
      waiting_.pop_front();
    }
    auto reply = Fetch(document.header);
    if (absl::IsCancelled(reply.status())) return;
    on_fetched_(document.tag, document.header, std::move(reply));
  }
}

absl::StatusOr<fetch::FetchReply> UriFetches::Fetch(const v1::DocumentHeader& header) const {
  const fetch::FetchLimits limits = {.stopped = [this] {
    absl::MutexLock lock(&mu_);
    return stopping_;
  }};
  const fetch::FetchRequest request = {
      .url = header.uri(), .max_bytes = options_.max_bytes, .known = known_(header)};
  absl::Duration pause = options_.first_backoff;
  for (int attempt = 1;; ++attempt) {
    auto reply = fetcher_.Fetch(request, limits);
    if (reply.ok() || !MayPass(reply.status()) || attempt >= options_.attempts) return reply;
    if (!Wait(pause)) return absl::CancelledError("stopped");
    pause *= 4;
  }
}

bool UriFetches::Wait(absl::Duration pause) const {
  absl::MutexLock lock(&mu_);
  return !mu_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
}

}  // namespace sightline::services
