#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "index/corpus.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "services/edge/grpc_status.h"
#include "services/ingest/collection_service.h"
#include "services/ingest/ingest_service.h"
#include "tests/ingest/controlled_encoder.h"
#include "tests/support/status_matchers.h"

namespace sightline::testing {

// Both services over a real corpus, on a server of this process.
class ServiceFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(dir_, TempDir::Create());
    media::MediaOptions media;
    media.program = SIGHTLINE_BIN_DIR "/sightline-media";
    ASSERT_OK_AND_ASSIGN(media_, media::MediaClient::Create(media));
    index::CorpusOptions corpus;
    corpus.path = dir_->path() + "/corpus";
    ASSERT_OK_AND_ASSIGN(corpus_, index::Corpus::Open(corpus));
  }

  void Serve(const fetch::UrlFetcher* fetcher = nullptr) {
    ASSERT_OK_AND_ASSIGN(
        ingestor_, ingest::Ingestor::Create(ingest_options_, dir_->path() + "/spool", *corpus_,
                                            encoder_, *media_));
    if (start_) {
      ASSERT_THAT(ingestor_->Start(), IsOk());
    }
    ingest_service_ =
        std::make_unique<services::IngestService>(service_options_, *corpus_, *ingestor_, fetcher);
    collection_service_ =
        std::make_unique<services::CollectionService>(*corpus_, encoder_, *ingestor_);
    grpc::ServerBuilder builder;
    builder.RegisterService(ingest_service_.get());
    builder.RegisterService(collection_service_.get());
    server_ = builder.BuildAndStart();
    const auto channel = server_->InProcessChannel(grpc::ChannelArguments());
    ingest_ = v1::IngestService::NewStub(channel);
    collections_ = v1::CollectionService::NewStub(channel);
  }

  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  // Makes a unary call.
  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    return edge::FromGrpcStatus((stub.*method)(&context, request, response));
  }

  absl::Status CreateCollection(const std::string& name, int dimension = 0) {
    v1::CreateCollectionRequest request;
    request.set_name(name);
    request.set_dimension(dimension);
    v1::CreateCollectionResponse response;
    grpc::ClientContext context;
    return edge::FromGrpcStatus(collections_->CreateCollection(&context, request, &response));
  }

  std::unique_ptr<TempDir> dir_;
  ControlledEncoder encoder_;
  ingest::IngestOptions ingest_options_;
  services::IngestServiceOptions service_options_;
  bool start_ = true;  // the ingestor works
  std::unique_ptr<media::MediaClient> media_;
  std::unique_ptr<index::Corpus> corpus_;
  std::unique_ptr<ingest::Ingestor> ingestor_;
  std::unique_ptr<services::IngestService> ingest_service_;
  std::unique_ptr<services::CollectionService> collection_service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::IngestService::Stub> ingest_;
  std::unique_ptr<v1::CollectionService::Stub> collections_;
};

}  // namespace sightline::testing
