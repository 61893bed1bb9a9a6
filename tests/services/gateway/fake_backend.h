#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::gateway {

// A server of sightline.v1 without model and disk, for tests of what stands in front of it. A
// picture becomes one passage of kind image, any other file one text passage a paragraph. A picture
// finds the passage of equal bytes first; words find the passages that hold most of them. Answers
// quote the best passages, word by word; a chat repeats its last message.
class FakeBackend {
 public:
  FakeBackend();
  ~FakeBackend();

  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

  // Asked before every query; an error is its result. Set before the first request.
  std::function<grpc::Status(grpc::ServerContext&)> before_query;
  // Milliseconds between the words of an answer.
  std::atomic<int> word_delay_ms{0};
  // Words an answer repeats its text until; 0 = once.
  std::atomic<int> least_words{0};
  std::atomic<bool> has_reranker{true};
  // Stands in every document's status before it is finished.
  std::function<void(grpc::ServerContext&)> before_finished;

  // Queries that ended because the client was gone.
  std::atomic<int> cancelled{0};
  std::atomic<int> words_sent{0};
  std::atomic<int64_t> ingest_bytes{0};
  v1::SearchRequest last_search() const;
  v1::SearchAndAnswerRequest last_answer() const;
  v1::CheckClaimsRequest last_claims() const;
  v1::GenerateRequest last_generate() const;
  v1::GetPassageHeatmapRequest last_heatmap() const;
  v1::EmbedRequest last_embed() const;
  std::string last_authorization() const;
  absl::Duration last_time_left() const;  // until the deadline of the last query

 private:
  struct Stored {
    v1::Passage passage;
    std::string picture;
    std::string media_type;
  };
  class Query;
  class Ingest;
  class Collections;
  class Model;

  v1::SearchResponse Find(const v1::SearchRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::IngestFinished Store(const v1::DocumentHeader& header, const std::string& bytes);
  grpc::Status Begin(grpc::ServerContext& context, const v1::SearchRequest& request);

  mutable absl::Mutex mu_;
  std::map<std::string, v1::Collection> collections_ ABSL_GUARDED_BY(mu_);
  std::map<std::pair<std::string, std::string>, v1::Document> documents_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Stored> passages_ ABSL_GUARDED_BY(mu_);  // by passage id
  std::map<std::string, v1::Job> jobs_ ABSL_GUARDED_BY(mu_);
  v1::SearchRequest last_search_ ABSL_GUARDED_BY(mu_);
  v1::SearchAndAnswerRequest last_answer_ ABSL_GUARDED_BY(mu_);
  v1::CheckClaimsRequest last_claims_ ABSL_GUARDED_BY(mu_);
  v1::GetPassageHeatmapRequest last_heatmap_ ABSL_GUARDED_BY(mu_);
  v1::GenerateRequest last_generate_ ABSL_GUARDED_BY(mu_);
  v1::EmbedRequest last_embed_ ABSL_GUARDED_BY(mu_);
  std::string last_authorization_ ABSL_GUARDED_BY(mu_);
  absl::Duration last_time_left_ ABSL_GUARDED_BY(mu_);

  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace sightline::gateway
