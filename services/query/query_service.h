#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "index/corpus.h"
#include "services/cache/answer_cache.h"
#include "services/edge/call_scope.h"
#include "services/edge/metrics.h"
#include "services/query/answerer.h"
#include "services/query/claim_checker.h"
#include "services/query/content.h"
#include "services/query/content_rules.h"
#include "services/query/conversation.h"
#include "services/query/heatmap.h"
#include "services/query/query_rewriter.h"
#include "services/query/retriever.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::query {

// A JPEG of `bytes` whose longer side is at most `max_side`; decodes outside this process. Any
// thread.
struct Thumbnail {
  std::string bytes;
  std::string media_type;
  int width = 0;
  int height = 0;
};
using ThumbnailMaker = std::function<absl::StatusOr<Thumbnail>(absl::string_view bytes,
                                                               int max_side, absl::Time deadline)>;

// A PNG of the picture `bytes` with the heat over it, or of the heat `alone` on a transparent
// ground. values: [rows, columns], 0 = coldest; the longer side is at most `max_side`. Draws
// outside this process. Any thread.
struct HeatDrawing {
  int rows = 0;
  int columns = 0;
  std::vector<uint8_t> values;
  bool alone = false;
  int max_side = 0;
};
using HeatDrawer = std::function<absl::StatusOr<Thumbnail>(
    absl::string_view bytes, const HeatDrawing& drawing, absl::Time deadline)>;

// sightline.v1.QueryService. Any thread. A request whose client is gone or whose deadline has
// passed stops, at the latest with the stage it is in; a generation stops with its next token.
class QueryService final : public v1::QueryService::Service {
 public:
  // All references outlive the service.
  struct Parts {
    const index::Corpus& corpus;
    const Retriever& retriever;
    const Answerer& answerer;
    const ClaimChecker& claims;
    const QueryRewriter& rewriter;
    const Heatmapper& heatmapper;
    edge::CancelWatcher& watcher;
    edge::Metrics& metrics;
    PictureDecoder decode;
    const fetch::UrlFetcher* fetcher = nullptr;  // of pictures' URLs; null = none is fetched
    ThumbnailMaker thumbnail;
    HeatDrawer draw_heat;
    ContentLimits limits;
    ConversationLimits conversation = {};
    int answer_passages = 8;   // that an answer is given of its hits
    bool second_look = false;  // of answers whose request does not say
    FilterOptions filters = {};
    cache::AnswerCache* answers = nullptr;  // null = none are kept
  };
  explicit QueryService(Parts parts);

  grpc::Status Search(grpc::ServerContext* context, const v1::SearchRequest* request,
                      v1::SearchResponse* response) override;
  grpc::Status SearchAndAnswer(grpc::ServerContext* context,
                               const v1::SearchAndAnswerRequest* request,
                               grpc::ServerWriter<v1::AnswerEvent>* writer) override;
  grpc::Status Answer(grpc::ServerContext* context, const v1::SearchAndAnswerRequest* request,
                      v1::AnswerResponse* response) override;
  grpc::Status GetPassage(grpc::ServerContext* context, const v1::GetPassageRequest* request,
                          v1::GetPassageResponse* response) override;
  grpc::Status CheckClaims(grpc::ServerContext* context, const v1::CheckClaimsRequest* request,
                           v1::CheckClaimsResponse* response) override;
  grpc::Status GetPassageImage(grpc::ServerContext* context,
                               const v1::GetPassageImageRequest* request,
                               v1::GetPassageImageResponse* response) override;
  grpc::Status GetPassageHeatmap(grpc::ServerContext* context,
                                 const v1::GetPassageHeatmapRequest* request,
                                 v1::GetPassageHeatmapResponse* response) override;

 private:
  using OnEvent = std::function<bool(const v1::AnswerEvent&)>;

  // A search as it was asked and as it is done.
  struct Asked {
    RetrieveRequest search;
    QueryContent question;
    Conversation history;
    std::optional<FollowUp> follow_up;  // where there is a history
  };

  absl::StatusOr<Asked> ReadSearch(const v1::SearchRequest& request, const std::string& prefix,
                                   const edge::CallLimits& limits) const;
  // Does the whole of SearchAndAnswer, or finds it done; `on_event` takes everything but `done`,
  // which is returned.
  absl::StatusOr<v1::AnswerResponse> Run(grpc::ServerContext& context,
                                         const v1::SearchAndAnswerRequest& request,
                                         const edge::CallLimits& limits, const OnEvent& on_event);
  // The work of it: searches and writes.
  absl::StatusOr<v1::AnswerResponse> Work(absl::Time start, const v1::SearchRequest& filtered,
                                          AnswerRequest wanted, const edge::CallLimits& limits,
                                          const OnEvent& on_event);
  // Reads a search whose texts are filtered already.
  absl::StatusOr<Asked> ReadFiltered(const v1::SearchRequest& request, const std::string& prefix,
                                     const edge::CallLimits& limits) const;
  // Has the question searched with what it leans on.
  absl::Status FollowHistory(const v1::SearchRequest& request, const std::string& prefix,
                             const edge::CallLimits& limits, Asked& asked) const;
  absl::StatusOr<v1::GetPassageHeatmapResponse> MakeHeatmap(
      const v1::GetPassageHeatmapRequest& request, const edge::CallLimits& limits) const;
  // What Retriever and Answerer found, as it may leave.
  absl::StatusOr<v1::SearchResponse> Leaving(const Asked& asked, const Retrieved& retrieved) const;
  absl::StatusOr<v1::FollowUp> Leaving(const FollowUp& follow_up) const;
  absl::StatusOr<v1::AnswerResponse> Leaving(const query::Answer& answer,
                                             const std::vector<Hit>& hits) const;
  void Measure(const v1::StageTimings& timings, const v1::FollowUp& follow_up,
               grpc::ServerContext& context);

  const Parts parts_;
};

}  // namespace sightline::query
