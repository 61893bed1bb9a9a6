#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::mcp {

// What the tools and resources call. Any thread.
struct Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : query(v1::QueryService::NewStub(channel)),
        collection(v1::CollectionService::NewStub(channel)) {}

  const std::unique_ptr<v1::QueryService::StubInterface> query;
  const std::unique_ptr<v1::CollectionService::StubInterface> collection;
};

}  // namespace sightline::mcp
