#pragma once

#include <memory>

#include "index/corpus.h"
#include "services/edge/call_scope.h"
#include "services/query/content_rules.h"
#include "sightline/v1/export.grpc.pb.h"

namespace sightline::services {

// Hands out what a collection holds, to be read by others. Any thread.
class ExportService final : public v1::ExportService::Service {
 public:
  // `rules`, which may be null, hold for the passages' words. The others outlive the service.
  ExportService(const index::Corpus& corpus, std::shared_ptr<const query::ContentRules> rules,
                edge::CancelWatcher& watcher)
      : corpus_(corpus), rules_(std::move(rules)), watcher_(watcher) {}

  // kInvalidArgument: no collection named; kNotFound.
  grpc::Status ExportCollection(grpc::ServerContext* context,
                                const v1::ExportCollectionRequest* request,
                                grpc::ServerWriter<v1::ExportCollectionResponse>* writer) override;

 private:
  const index::Corpus& corpus_;
  const std::shared_ptr<const query::ContentRules> rules_;
  edge::CancelWatcher& watcher_;
};

}  // namespace sightline::services
