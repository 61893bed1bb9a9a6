#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/config.h"
#include "base/log.h"
#include "index/corpus.h"
#include "index/gpu/open_device.h"
#include "ingest/ingestor.h"
#include "ingest/media/media_client.h"
#include "model/load.h"
#include "services/cache/redis_link.h"
#include "services/edge/grpc_server.h"
#include "services/fetch/fetch_policy.h"
#include "services/gateway/http_server.h"
#include "services/ingest/ingest_service.h"
#include "services/query/answerer.h"
#include "services/query/content.h"
#include "services/query/content_rules.h"
#include "services/query/retriever.h"

namespace sightline::services {

// What one process runs.
struct Roles {
  bool index = true;    // owns the corpus: collections
  bool query = true;    // search and answers; needs index
  bool ingest = true;   // takes documents; needs index
  bool gateway = true;  // REST and the page; alone it stands in front of another server

  bool gateway_alone() const { return gateway && !index; }
};

// What is kept of earlier requests; 0 bytes = nothing. (Pictures' features: model.)
struct CacheConfig {
  int64_t answers_bytes = 0;
  int64_t embeddings_bytes = 0;
  int64_t readings_bytes = 0;
  std::optional<cache::RedisOptions> redis;
  std::string settings;  // names the values of all keys that an answer hangs on
};

// All that a server is made of, read from one Config.
struct ServerConfig {
  Roles roles;
  std::string data_path;
  std::string backup_path;  // folder of backups; empty = none
  std::string model_path;   // empty = the bundled model, see FindModel
  bool self_test = true;    // of the model, at start
  bool reembed = true;      // collections of another model than the one that was named
  std::string upstream;     // HOST:PORT or unix:PATH of the server behind a gateway that runs alone
  bool http = true;
  absl::Duration drain_delay;  // between "not ready" and refusing new calls
  absl::Duration grace;        // then for calls that run
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;

  edge::GrpcOptions grpc;
  gateway::HttpOptions gateway;
  model::LoadOptions model;
  index::CorpusOptions corpus;  // without path and device
  index::gpu::RowDeviceOptions row_device;
  ingest::IngestOptions ingest;
  IngestServiceOptions ingest_service;
  media::MediaOptions media;
  query::RetrieverOptions retriever;
  query::AnswerOptions answer;
  bool quote_by_meaning = true;  // what is quoted is chosen by its embedding too
  bool second_look = true;       // of answers whose request does not say
  // Sentences of answers are judged by a reranker, where one is loaded; absent: unless
  // sightline.json says that answers are quoted.
  std::optional<bool> judge_by_reranker = {};
  // Claims to be verified by pictures without words are judged by what the generator reads there;
  // absent: where it writes answers unasked.
  std::optional<bool> judge_by_reading = {};
  query::ContentLimits content;
  query::FilterOptions filters;
  std::optional<fetch::FetchPolicy> fetch;  // none: no URL is fetched
  CacheConfig cache;
};

// Every key of sightline-server, in the order of docs/configuration.md.
const ConfigTable& ServerConfigTable();

// kInvalidArgument: roles that cannot stand together, keys that contradict each other, a line that
// is no content rule, an entry of a list that is no host, port or address, or no address of a
// Redis.
absl::StatusOr<ServerConfig> ReadServerConfig(const Config& config);

// Of the same keys what a worker needs: upstream, model, media's program and memory, log.
// kInvalidArgument: no server is named.
absl::StatusOr<ServerConfig> ReadWorkerConfig(const Config& config);

}  // namespace sightline::services
