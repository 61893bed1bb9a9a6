#pragma once

#include "model/encoder.h"
#include "model/generator.h"
#include "model/reranker.h"
#include "services/edge/call_scope.h"
#include "services/edge/metrics.h"
#include "services/query/content.h"
#include "services/query/content_rules.h"
#include "sightline/v1/model.grpc.pb.h"

namespace sightline::query {

// sightline.v1.ModelService: the networks without a corpus. Any thread.
class ModelService final : public v1::ModelService::Service {
 public:
  // References and pointers outlive the service; a part that is not loaded is null, and its calls
  // fail with kFailedPrecondition ("no_encoder", "no_reranker", "no_generator").
  struct Parts {
    model::Encoder* encoder = nullptr;
    model::Reranker* reranker = nullptr;
    model::Generator* generator = nullptr;
    edge::CancelWatcher& watcher;
    edge::Metrics& metrics;
    PictureDecoder decode;
    const fetch::UrlFetcher* fetcher = nullptr;  // of pictures' URLs; null = none is fetched
    ContentLimits limits;                        // of one input or message
    int max_inputs = 64;                         // of one Embed, documents of one Rerank
    int max_messages = 256;                      // of one Generate
    int default_max_tokens = 512;
    FilterOptions filters = {};  // of what is generated and of what it is generated from
  };
  explicit ModelService(Parts parts);

  grpc::Status Embed(grpc::ServerContext* context, const v1::EmbedRequest* request,
                     v1::EmbedResponse* response) override;
  grpc::Status Rerank(grpc::ServerContext* context, const v1::RerankRequest* request,
                      v1::RerankResponse* response) override;
  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateEvent>* writer) override;
  grpc::Status Locate(grpc::ServerContext* context, const v1::LocateRequest* request,
                      v1::LocateResponse* response) override;
  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override;

 private:
  absl::Status RunEmbed(const v1::EmbedRequest& request, const edge::CallLimits& limits,
                        v1::EmbedResponse& response) const;
  absl::Status RunRerank(const v1::RerankRequest& request, const edge::CallLimits& limits,
                         v1::RerankResponse& response) const;
  absl::Status RunGenerate(const v1::GenerateRequest& request, const edge::CallLimits& limits,
                           grpc::ServerWriter<v1::GenerateEvent>& writer) const;
  // The same, once the messages are filtered.
  absl::Status RunFiltered(const v1::GenerateRequest& request, const edge::CallLimits& limits,
                           grpc::ServerWriter<v1::GenerateEvent>& writer) const;
  absl::Status RunLocate(v1::LocateRequest request, const edge::CallLimits& limits,
                         v1::LocateResponse& response) const;

  const Parts parts_;
};

}  // namespace sightline::query
