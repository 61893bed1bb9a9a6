#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/exchange.h"
#include "services/gateway/http_server.h"
#include "services/gateway/static_files.h"
#include "services/gateway/upstream.h"
#include "sightline/v1/ingest.grpc.pb.h"
#include "sightline/v1/model.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::gateway {

// The stubs of the calls that stream. Outlive every exchange's Start.
struct Stubs {
  std::unique_ptr<v1::QueryService::StubInterface> query;
  std::unique_ptr<v1::IngestService::StubInterface> ingest;
  std::unique_ptr<v1::ModelService::StubInterface> model;
};

// What a matched route does with its request. Exactly one of the two functions is set.
struct Route {
  std::string pattern;  // "/v1/jobs/{id}", for the log
  // Answered at once from here, however many requests are at work: a busy server is alive.
  bool is_probe = false;
  std::function<std::shared_ptr<Exchange>(Request)> handle;
  // Takes the body piece by piece; an error is the reply.
  std::function<absl::StatusOr<std::shared_ptr<BodyExchange>>(const Request&)> open;
};

// The routes of the gateway, see openapi.json. Immutable after construction; any thread.
class Api {
 public:
  Api(Upstream upstream, ServerState state, StaticFiles files);

  // The route of a request, from method, segments and query alone. When there is none: its reply,
  // 404, 405 with Allow, 400 for a query parameter that the route does not know, or 204 for
  // OPTIONS.
  struct Match {
    const Route* route = nullptr;
    Reply reply;
  };
  Match Find(const Request& request) const;

 private:
  struct Entry {
    std::string method;
    std::vector<std::string> pattern;  // "{x}" takes any one name
    std::vector<std::string> parameters;
    Route route;
  };

  void Add(absl::string_view method, absl::string_view pattern, std::vector<std::string> parameters,
           std::function<std::shared_ptr<Exchange>(Request)> handle);
  void AddProbes();
  void AddQueries();
  void AddCollections();
  void AddDocuments();
  void AddJobs();
  void AddPassages();
  void AddModels();
  void AddMcp();

  const Upstream upstream_;
  const ServerState state_;
  const StaticFiles files_;
  Stubs stubs_;
  std::vector<Entry> entries_;
  Route page_;
};

// The hand-written description of the routes, openapi.json.
extern const char kOpenApi[];

}  // namespace sightline::gateway
