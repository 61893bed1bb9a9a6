#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/load.h"
#include "services/server_config.h"

namespace sightline::services {

// A running server: the parts that its roles need, put together. Any thread.
class Server {
 public:
  // Opens the corpus, checks the model, and listens; when it returns, every address serves. `model`
  // is not used by a gateway that runs alone. kFailedPrecondition: no encoder, or another process
  // holds the data folder; kInternal: the model fails its self-check; errors of the parts, naming
  // them.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerConfig& config,
                                                       model::LoadedModel model,
                                                       const std::string& version);
  ~Server();  // Stop(now)

  // With the real ports. A gateway that runs alone gives its upstream as gRPC address.
  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& http_address() const { return http_address_; }  // "off" without

  // OK while the server takes requests. kUnavailable with the reason while it stops, and with the
  // figures when the model drifted from its seal: then every call that needs it is refused.
  absl::Status Ready() const;

  // Prometheus text.
  std::string MetricsText() const;

  // Says "not ready", waits the configured drain delay, then refuses new calls and lets running
  // ones and ingest jobs go on for the configured grace, then cancels them. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit Server(const ServerConfig& config);

  absl::Status StartCorpus(model::LoadedModel model);
  absl::Status TestModel();
  absl::Status StartCaches(const std::string& version);
  absl::Status StartServices();
  absl::Status StartGateway(const std::string& version);
  void AddGauges(const std::string& version);
  void AddStageGauges();
  void AddCacheGauges();
  void StopParts(absl::Time deadline);

  const ServerConfig config_;
  std::string grpc_address_;
  std::string http_address_ = "off";
  absl::Status drift_;  // of the model; set before anything serves
  std::atomic<bool> serving_{false};
  std::atomic<bool> stopped_{false};
  std::unique_ptr<Parts> parts_;  // in the order they depend on each other
};

// The page's folder: `configured`, else ../share/sightline/web beside the program, else web/dist of
// the nearest folder above it; empty when there is none.
std::string FindWebRoot(const std::string& configured, const std::string& program_folder);

// The model's folder: `configured`, else ../share/sightline/models/demo beside the program, else
// models/demo of the nearest folder above it that has one with a sightline.json. kNotFound says
// where it was looked for.
absl::StatusOr<std::string> FindModel(const std::string& configured,
                                      const std::string& program_folder);

}  // namespace sightline::services
