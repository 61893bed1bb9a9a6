#include "services/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sealed_box.h"
#include "base/status.h"
#include "ingest/reembedder.h"
#include "services/cache/answer_cache.h"
#include "services/cache/embedding_cache.h"
#include "services/edge/call_scope.h"
#include "services/edge/grpc_server.h"
#include "services/edge/local_calls.h"
#include "services/edge/metrics.h"
#include "services/export_service.h"
#include "services/fetch/url_fetcher.h"
#include "services/gateway/http_server.h"
#include "services/gateway/upstream.h"
#include "services/ingest/collection_service.h"
#include "services/ingest/ingest_service.h"
#include "services/ingest/maintenance_service.h"
#include "services/ingest/worker_service.h"
#include "services/query/model_service.h"
#include "services/query/query_service.h"
#include "services/query/reading.h"
#include "services/refusing_model.h"
#include "services/self_check.h"

namespace sightline::services {
namespace {

namespace fs = std::filesystem;

// A stored picture becomes pixels for a prompt or a reranker.
query::PassagePicture PictureReader(const index::Corpus& corpus, query::PictureDecoder decode) {
  return [&corpus, decode = std::move(decode)](const index::Passage& passage,
                                               absl::Time deadline) -> absl::StatusOr<ImagePtr> {
    if (passage.blob_hash.empty()) return absl::NotFoundError("the passage has no picture");
    SL_ASSIGN_OR_RETURN(const index::Blob blob, corpus.GetBlob(passage.blob_hash));
    return decode(blob.bytes, deadline);
  };
}

query::PictureDecoder Decoder(media::MediaClient& media) {
  return [&media](absl::string_view bytes, absl::Time deadline) -> absl::StatusOr<ImagePtr> {
    SL_ASSIGN_OR_RETURN(media::DecodedImage decoded, media.DecodeImage(bytes, deadline));
    return decoded.image;
  };
}

// Null where nobody reads pictures out. A generator that thinks first would take its time for it.
std::unique_ptr<query::PictureReadings> Readings(const CacheConfig& config,
                                                 model::Generator* generator,
                                                 const query::PassagePicture& picture) {
  if (generator == nullptr || generator->info().untrained || generator->thinks()) return nullptr;
  return std::make_unique<query::PictureReadings>(*generator, picture, config.readings_bytes);
}

query::PictureWords WordsFrom(query::PictureReadings* readings) {
  if (readings == nullptr) return nullptr;
  return [readings](const index::Passage& passage, bool chinese, const edge::CallLimits& limits) {
    return readings->Read(passage, chinese, limits);
  };
}

query::ThumbnailMaker Thumbnails(media::MediaClient& media) {
  return [&media](absl::string_view bytes, int max_side,
                  absl::Time deadline) -> absl::StatusOr<query::Thumbnail> {
    SL_ASSIGN_OR_RETURN(media::EncodedImage image, media.Thumbnail(bytes, max_side, deadline));
    return query::Thumbnail{std::move(image.bytes), std::move(image.media_type), image.width,
                            image.height};
  };
}

query::HeatDrawer HeatDrawings(media::MediaClient& media) {
  return [&media](absl::string_view bytes, const query::HeatDrawing& drawing,
                  absl::Time deadline) -> absl::StatusOr<query::Thumbnail> {
    SL_ASSIGN_OR_RETURN(
        media::EncodedImage image,
        media.DrawHeat(bytes, {drawing.rows, drawing.columns, drawing.values},
                       {.max_side = drawing.max_side, .alone = drawing.alone}, deadline));
    return query::Thumbnail{std::move(image.bytes), std::move(image.media_type), image.width,
                            image.height};
  };
}

// A sample of each collection for which `read` gives a value.
std::vector<edge::Sample> OfCollections(
    const index::Corpus& corpus,
    const std::function<std::optional<double>(const index::CollectionStats&)>& read) {
  std::vector<edge::Sample> out;
  const auto collections = corpus.ListCollections();
  if (!collections.ok()) return out;
  for (const index::Collection& collection : *collections) {
    const auto stats = corpus.Stats(collection.name);
    if (!stats.ok()) continue;  // deleted since
    const std::optional<double> value = read(*stats);
    if (!value.has_value()) continue;
    out.push_back({.labels = {{"collection", collection.name}}, .value = *value});
  }
  return out;
}

std::vector<edge::Sample> PerCollection(const index::Corpus& corpus,
                                        int64_t index::CollectionStats::* field) {
  return OfCollections(corpus, [field](const index::CollectionStats& stats) {
    return static_cast<double>(stats.*field);
  });
}

std::vector<edge::Sample> Recalls(const index::Corpus& corpus) {
  return OfCollections(corpus, [](const index::CollectionStats& stats) -> std::optional<double> {
    return stats.recall;
  });
}

edge::Sample Labelled(const char* name, const char* value, int64_t number) {
  return {.labels = {{name, value}}, .value = static_cast<double>(number)};
}

edge::Sample Plain(int64_t number) { return {.labels = {}, .value = static_cast<double>(number)}; }

}  // namespace

// Members are destroyed from the last to the first: what serves goes before what it serves from.
struct Server::Parts {
  edge::Metrics metrics;
  edge::CancelWatcher watcher;
  model::LoadedModel model;
  std::unique_ptr<media::MediaClient> media;
  std::unique_ptr<fetch::UrlFetcher> fetcher;  // null: no URL is fetched
  std::unique_ptr<index::Corpus> corpus;
  std::unique_ptr<ingest::Ingestor> ingestor;
  std::unique_ptr<ingest::Reembedder> reembedder;
  std::unique_ptr<cache::EmbeddingCache> embeddings;
  std::unique_ptr<cache::AnswerCache> answers;
  std::unique_ptr<query::Retriever> retriever;
  std::unique_ptr<query::Heatmapper> heatmapper;
  std::unique_ptr<query::PictureReadings> readings;  // null: nobody reads
  std::unique_ptr<query::Answerer> answerer;
  std::unique_ptr<query::ClaimChecker> claims;
  std::unique_ptr<query::QueryRewriter> rewriter;
  std::unique_ptr<CollectionService> collection_service;
  std::unique_ptr<MaintenanceService> maintenance_service;
  std::unique_ptr<ExportService> export_service;
  std::unique_ptr<IngestService> ingest_service;
  std::unique_ptr<WorkerService> worker_service;  // null: no remote workers
  std::unique_ptr<query::QueryService> query_service;
  std::unique_ptr<query::ModelService> model_service;
  std::unique_ptr<edge::GrpcServer> grpc;
  // Of the gateway; null: it is alone, or there is none.
  std::unique_ptr<edge::LocalCalls> calls;
  std::unique_ptr<gateway::LocalServices> local;
  std::unique_ptr<gateway::HttpServer> http;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerConfig& config,
                                                      model::LoadedModel model,
                                                      const std::string& version) {
  std::unique_ptr<Server> server(new Server(config));
  if (!config.roles.gateway_alone()) {
    SL_RETURN_IF_ERROR(server->StartCorpus(std::move(model)));
    SL_RETURN_IF_ERROR(server->StartCaches(version));
    SL_RETURN_IF_ERROR(server->StartServices());
  } else {
    server->grpc_address_ = config.upstream;
  }
  server->AddGauges(version);
  if (config.http) SL_RETURN_IF_ERROR(server->StartGateway(version));
  server->serving_ = true;
  if (server->parts_->grpc != nullptr) server->parts_->grpc->SetServing(server->drift_.ok());
  return server;
}

Server::Server(const ServerConfig& config) : config_(config), parts_(std::make_unique<Parts>()) {}

Server::~Server() {
  serving_ = false;
  if (!stopped_.exchange(true)) StopParts(absl::Now());
}

absl::Status Server::StartCorpus(model::LoadedModel model) {
  Parts& parts = *parts_;
  parts.model = std::move(model);
  if (parts.model.encoder == nullptr) {
    return absl::FailedPreconditionError("the model folder holds no encoder");
  }
  SL_RETURN_IF_ERROR(TestModel());
  std::error_code error;
  fs::create_directories(config_.data_path, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the data folder ", config_.data_path, ": ", error.message()));
  }
  auto media = media::MediaClient::Create(config_.media);
  if (!media.ok()) return Annotate(media.status(), "media");
  parts.media = *std::move(media);

  index::CorpusOptions options = config_.corpus;
  options.path = config_.data_path + "/corpus";
  auto device = index::gpu::OpenRowDevice(config_.row_device);
  if (!device.ok()) return Annotate(device.status(), "index");
  options.device = *std::move(device);
  auto corpus = index::Corpus::Open(options);
  if (!corpus.ok()) return Annotate(corpus.status(), absl::StrCat("corpus ", options.path));
  parts.corpus = *std::move(corpus);

  auto ingestor =
      ingest::Ingestor::Create(config_.ingest, config_.data_path + "/spool", *parts.corpus,
                               *parts.model.encoder, *parts.media, parts.model.generator.get());
  if (!ingestor.ok()) return Annotate(ingestor.status(), "ingest");
  parts.ingestor = *std::move(ingestor);
  return absl::OkStatus();
}

absl::Status Server::TestModel() {
  if (!config_.self_test) {
    log::Warning("the model's self-test is switched off: wrong vectors would go unnoticed");
    return absl::OkStatus();
  }
  model::LoadedModel& model = parts_->model;
  const absl::Status tested = SelfTest(model);
  if (!absl::IsFailedPrecondition(tested)) return tested;
  // A model that drifted is not served, but the process stays and says why.
  log::Error("the model fails its self-test", {{"why", tested.message()}});
  drift_ = tested;
  model = RefusingModel(std::move(model), tested.message());
  return absl::OkStatus();
}

absl::Status Server::StartCaches(const std::string& version) {
  Parts& parts = *parts_;
  const CacheConfig& config = config_.cache;
  // Whoever asks a model that drifted is to hear of it.
  if (!config_.roles.query || !drift_.ok()) return absl::OkStatus();
  SecretKey secret = RandomSecret();
  if (config.redis.has_value()) {
    // What lies in Redis outlives this process.
    SL_ASSIGN_OR_RETURN(secret, ReadOrMakeSecret(config_.data_path + "/cache-secret"));
  }
  if (config.embeddings_bytes > 0) {
    parts.embeddings = std::make_unique<cache::EmbeddingCache>(config.embeddings_bytes, secret);
  }
  if (config.answers_bytes == 0 && !config.redis.has_value()) return absl::OkStatus();
  Hasher server;
  server.AddField(version).AddField(config.settings);
  const auto add_part = [&](const auto& part) {
    server.AddField(part == nullptr ? "" : part->info().fingerprint);
  };
  // What sightline.json says of answers is no part of a fingerprint.
  if (parts.model.generator != nullptr) {
    const model::ModelInfo& info = parts.model.generator->info();
    server.AddNumber(info.quotes ? 1 : 0).AddField(absl::StrCat(info.abstain_above));
    server.AddNumber(info.rereads ? 1 : 0);
  }
  if (parts.model.reranker != nullptr) {
    server.AddField(absl::StrCat(parts.model.reranker->info().rerank_weight));
  }
  add_part(parts.model.encoder);
  add_part(parts.model.reranker);
  add_part(parts.model.generator);
  parts.answers = std::make_unique<cache::AnswerCache>(
      cache::AnswerCacheOptions{
          .max_bytes = config.answers_bytes, .server = server.Digest(), .secret = secret},
      config.redis.has_value() ? std::make_unique<cache::RedisLink>(*config.redis) : nullptr);
  return absl::OkStatus();
}

absl::Status Server::StartServices() {
  Parts& parts = *parts_;
  if (config_.fetch.has_value()) {
    parts.fetcher = std::make_unique<fetch::UrlFetcher>(*config_.fetch);
  }
  const query::PictureDecoder decode = Decoder(*parts.media);
  const query::PassagePicture picture = PictureReader(*parts.corpus, decode);
  parts.retriever = std::make_unique<query::Retriever>(
      config_.retriever, *parts.corpus, *parts.model.encoder, parts.model.reranker.get(), picture,
      parts.embeddings.get());
  parts.heatmapper = std::make_unique<query::Heatmapper>(*parts.corpus, *parts.retriever,
                                                         *parts.model.encoder, picture);
  // What answers are quoted for is not trusted to judge or read strange documents either.
  query::EntailmentScorer entailment;
  if (parts.model.reranker != nullptr &&
      config_.judge_by_reranker.value_or(!parts.model.reranker->info().quotes)) {
    entailment = query::RerankerEntailment(*parts.model.reranker, picture);
  }
  parts.readings = Readings(config_.cache, parts.model.generator.get(), picture);
  const query::PictureWords read = WordsFrom(parts.readings.get());
  const bool judges_by_reading =
      read != nullptr && config_.judge_by_reading.value_or(!parts.model.generator->info().quotes);
  parts.answerer = std::make_unique<query::Answerer>(
      config_.answer, parts.model.generator.get(), picture, entailment,
      config_.quote_by_meaning ? query::EncoderMeaning(*parts.model.encoder) : nullptr, read);
  parts.claims = std::make_unique<query::ClaimChecker>(
      query::ClaimChecker::Parts{.corpus = *parts.corpus,
                                 .retriever = *parts.retriever,
                                 .entailment = std::move(entailment),
                                 .limits = config_.content,
                                 .filters = config_.filters,
                                 .read = judges_by_reading ? read : nullptr});
  const query::ConversationLimits conversation;
  parts.rewriter =
      std::make_unique<query::QueryRewriter>(parts.model.generator.get(), conversation);
  std::vector<edge::NamedService> services;
  parts.collection_service =
      std::make_unique<CollectionService>(*parts.corpus, *parts.model.encoder, *parts.ingestor);
  services.push_back({v1::CollectionService::service_full_name(), parts.collection_service.get()});
  parts.maintenance_service = std::make_unique<MaintenanceService>(
      *parts.corpus, *parts.ingestor, config_.data_path, config_.backup_path, [&parts] {
        if (parts.answers != nullptr) parts.answers->Clear();
        if (parts.embeddings != nullptr) parts.embeddings->Clear();
        if (parts.readings != nullptr) parts.readings->Forget();
        if (parts.model.forget_pictures) parts.model.forget_pictures();
      });
  services.push_back(
      {v1::MaintenanceService::service_full_name(), parts.maintenance_service.get()});
  parts.export_service =
      std::make_unique<ExportService>(*parts.corpus, config_.filters.answers, parts.watcher);
  services.push_back({v1::ExportService::service_full_name(), parts.export_service.get()});
  if (config_.roles.ingest) {
    parts.ingest_service = std::make_unique<IngestService>(config_.ingest_service, *parts.corpus,
                                                           *parts.ingestor, parts.fetcher.get());
    services.push_back({v1::IngestService::service_full_name(), parts.ingest_service.get()});
    if (config_.ingest.remote_workers) {
      parts.worker_service = std::make_unique<WorkerService>(
          WorkerService::Parts{.ingestor = *parts.ingestor,
                               .encoder = *parts.model.encoder,
                               .generator = parts.model.generator.get(),
                               .media = *parts.media,
                               .watcher = parts.watcher},
          config_.ingest, config_.media);
      services.push_back({v1::WorkerService::service_full_name(), parts.worker_service.get()});
    }
  }
  if (config_.roles.query) {
    parts.query_service = std::make_unique<query::QueryService>(
        query::QueryService::Parts{.corpus = *parts.corpus,
                                   .retriever = *parts.retriever,
                                   .answerer = *parts.answerer,
                                   .claims = *parts.claims,
                                   .rewriter = *parts.rewriter,
                                   .heatmapper = *parts.heatmapper,
                                   .watcher = parts.watcher,
                                   .metrics = parts.metrics,
                                   .decode = decode,
                                   .fetcher = parts.fetcher.get(),
                                   .thumbnail = Thumbnails(*parts.media),
                                   .draw_heat = HeatDrawings(*parts.media),
                                   .limits = config_.content,
                                   .conversation = conversation,
                                   .answer_passages = config_.answer.prompt.max_passages,
                                   .second_look = config_.second_look,
                                   .filters = config_.filters,
                                   .answers = parts.answers.get()});
    parts.model_service = std::make_unique<query::ModelService>(
        query::ModelService::Parts{.encoder = parts.model.encoder.get(),
                                   .reranker = parts.model.reranker.get(),
                                   .generator = parts.model.generator.get(),
                                   .watcher = parts.watcher,
                                   .metrics = parts.metrics,
                                   .decode = decode,
                                   .fetcher = parts.fetcher.get(),
                                   .limits = config_.content,
                                   .default_max_tokens = config_.answer.max_tokens,
                                   .filters = config_.filters});
    services.push_back({v1::QueryService::service_full_name(), parts.query_service.get()});
    services.push_back({v1::ModelService::service_full_name(), parts.model_service.get()});
  }
  SL_ASSIGN_OR_RETURN(parts.grpc, edge::GrpcServer::Start(config_.grpc, services, parts.metrics));
  grpc_address_ = parts.grpc->address();
  // Jobs wait for a model that can do them.
  if (config_.roles.ingest && drift_.ok()) SL_RETURN_IF_ERROR(parts.ingestor->Start());
  // A model that nobody named may be here by mistake, and the vectors of the other would go.
  if (config_.roles.ingest && drift_.ok() && config_.reembed && !config_.model_path.empty()) {
    parts.reembedder = std::make_unique<ingest::Reembedder>(config_.ingest, *parts.corpus,
                                                            *parts.model.encoder, *parts.media);
  }
  return absl::OkStatus();
}

absl::Status Server::StartGateway(const std::string& version) {
  Parts& parts = *parts_;
  std::shared_ptr<grpc::Channel> channel;
  if (parts.grpc != nullptr) {
    channel = parts.grpc->InProcessChannel();
  } else {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(config_.grpc.max_message_bytes);
    arguments.SetMaxSendMessageSize(config_.grpc.max_message_bytes);
    channel =
        grpc::CreateCustomChannel(config_.upstream, grpc::InsecureChannelCredentials(), arguments);
  }
  gateway::HttpOptions options = config_.gateway;
  SL_ASSIGN_OR_RETURN(const std::string folder, ProgramDirectory());
  options.web_root = FindWebRoot(options.web_root, folder);
  gateway::ServerState state;
  state.metrics_text = [this] { return MetricsText(); };
  state.ready = [this] { return Ready(); };
  state.version = version;
  state.request_done = [&parts](const std::string& route, int status, absl::Duration elapsed) {
    parts.metrics.HttpRequestEnded(route, status, elapsed);
  };
  const bool with_services = parts.grpc != nullptr;
  if (with_services) {
    parts.calls = std::make_unique<edge::LocalCalls>(config_.grpc.max_threads, parts.metrics);
    parts.local = std::make_unique<gateway::LocalServices>(
        gateway::LocalServices{*parts.calls,
                               {parts.query_service.get(), parts.collection_service.get(),
                                parts.ingest_service.get(), parts.model_service.get()}});
  }
  SL_ASSIGN_OR_RETURN(parts.http, gateway::HttpServer::Start(options, std::move(channel),
                                                             std::move(state), parts.local.get()));
  http_address_ = parts.http->address();
  return absl::OkStatus();
}

void Server::AddGauges(const std::string& version) {
  Parts& parts = *parts_;
  edge::Metrics& metrics = parts.metrics;
  metrics.AddCallback(
      "build_info", "Always 1; the version is a label", edge::SampleType::kGauge, [version] {
        return std::vector<edge::Sample>{{.labels = {{"version", version}}, .value = 1}};
      });
  if (parts.corpus == nullptr) return;
  const auto of_engines = [&](const char* name, const char* help, edge::SampleType type,
                              double (*read)(const model::EngineLoad&)) {
    metrics.AddCallback(name, help, type, [&parts, read] {
      std::vector<edge::Sample> samples;
      for (const auto& [served, load] : parts.model.loads) {
        samples.push_back({.labels = {{"parts", served}}, .value = read(load())});
      }
      return samples;
    });
  };
  of_engines("num_requests_running", "Sequences that the network has under way",
             edge::SampleType::kGauge,
             [](const model::EngineLoad& load) { return static_cast<double>(load.running); });
  of_engines("num_requests_waiting", "Sequences that wait for the network",
             edge::SampleType::kGauge,
             [](const model::EngineLoad& load) { return static_cast<double>(load.waiting); });
  of_engines("kv_cache_usage_perc", "Claimed share of the bytes for keys and values, 1 = all",
             edge::SampleType::kGauge,
             [](const model::EngineLoad& load) { return load.cache_share; });
  of_engines("decoded_tokens_total",
             "Generated tokens run through the network, also of calls that were given up",
             edge::SampleType::kCounter, [](const model::EngineLoad& load) {
               return static_cast<double>(load.decoded_tokens);
             });
  AddCacheGauges();
  const auto per_collection = [&](const char* name, const char* help,
                                  int64_t index::CollectionStats::* field) {
    metrics.AddCallback(name, help, edge::SampleType::kGauge,
                        [&parts, field] { return PerCollection(*parts.corpus, field); });
  };
  per_collection("index_documents", "Documents", &index::CollectionStats::documents);
  per_collection("index_passages", "Passages", &index::CollectionStats::passages);
  per_collection("index_vectors", "Vectors in the index", &index::CollectionStats::vectors);
  per_collection("index_tombstones", "Dead vectors still in the index",
                 &index::CollectionStats::tombstones);
  per_collection("index_segments", "Segments of vectors", &index::CollectionStats::segments);
  per_collection("index_shadow_scans",
                 "Searches done over again by comparing all, since the start, which index_recall "
                 "is of",
                 &index::CollectionStats::shadow_scans);
  metrics.AddCallback("index_recall", "Share of the ten nearest vectors that searches found lately",
                      edge::SampleType::kGauge, [&parts] { return Recalls(*parts.corpus); });
  const auto ingest = [&](const char* name, const char* help, edge::SampleType type,
                          std::vector<edge::Sample> (*read)(const ingest::IngestCounters&)) {
    metrics.AddCallback(name, help, type,
                        [&parts, read] { return read(parts.ingestor->counters()); });
  };
  ingest("ingest_documents_total", "Documents ingested, by outcome", edge::SampleType::kCounter,
         [](const ingest::IngestCounters& counters) {
           return std::vector<edge::Sample>{Labelled("outcome", "indexed", counters.indexed),
                                            Labelled("outcome", "unchanged", counters.unchanged),
                                            Labelled("outcome", "partial", counters.partial),
                                            Labelled("outcome", "failed", counters.failed)};
         });
  ingest("ingest_pages_total", "Pages of committed documents", edge::SampleType::kCounter,
         [](const ingest::IngestCounters& counters) {
           return std::vector<edge::Sample>{Plain(counters.pages)};
         });
  ingest("ingest_passages_total", "Passages of committed documents", edge::SampleType::kCounter,
         [](const ingest::IngestCounters& counters) {
           return std::vector<edge::Sample>{Plain(counters.passages)};
         });
  ingest("ingest_bytes_total", "Bytes of committed documents", edge::SampleType::kCounter,
         [](const ingest::IngestCounters& counters) {
           return std::vector<edge::Sample>{Plain(counters.bytes)};
         });
  AddStageGauges();
  ingest("ingest_jobs", "Jobs, by state", edge::SampleType::kGauge,
         [](const ingest::IngestCounters& counters) {
           return std::vector<edge::Sample>{Labelled("state", "waiting", counters.waiting),
                                            Labelled("state", "running", counters.running)};
         });
}

void Server::AddStageGauges() {
  const auto add = [this](const char* name, const char* help, edge::SampleType type,
                          double (*read)(const StageWork&)) {
    parts_->metrics.AddCallback(name, help, type, [this, read] {
      std::vector<edge::Sample> out;
      for (const StageWork& work : parts_->ingestor->stages()) {
        out.push_back({.labels = {{"stage", work.stage}}, .value = read(work)});
      }
      return out;
    });
  };
  add("ingest_stage_seconds_total", "That the threads of a stage of ingest were at work, added up",
      edge::SampleType::kCounter, [](const StageWork& work) { return work.seconds; });
  add("ingest_stage_items_total", "Files, pages, pictures, passages that a stage did",
      edge::SampleType::kCounter,
      [](const StageWork& work) { return static_cast<double>(work.items); });
  add("ingest_stage_bytes_total", "Bytes that a stage was given", edge::SampleType::kCounter,
      [](const StageWork& work) { return static_cast<double>(work.bytes); });
  add("ingest_stage_threads", "Threads of a stage, at most", edge::SampleType::kGauge,
      [](const StageWork& work) { return static_cast<double>(work.threads); });
}

void Server::AddCacheGauges() {
  Parts& parts = *parts_;
  using NamedStats = std::vector<std::pair<const char*, CacheStats>>;
  const auto all = [&parts] {
    NamedStats out;
    const cache::AnswerCache* const answers = parts.answers.get();
    if (answers != nullptr) out.emplace_back("answers", answers->memory());
    if (answers != nullptr && answers->redis() != nullptr) {
      const cache::RedisStats redis = answers->redis()->stats();
      out.emplace_back("answers_redis", CacheStats{.hits = redis.hits, .misses = redis.misses});
    }
    if (parts.embeddings != nullptr) out.emplace_back("embeddings", parts.embeddings->stats());
    if (parts.model.vision_cache) out.emplace_back("pictures", parts.model.vision_cache());
    if (parts.readings != nullptr) out.emplace_back("readings", parts.readings->stats());
    return out;
  };
  const auto add = [&](const char* name, const char* help, edge::SampleType type,
                       int64_t CacheStats::* field) {
    parts.metrics.AddCallback(name, help, type, [all, field] {
      std::vector<edge::Sample> out;
      for (const auto& [cache, stats] : all()) {
        out.push_back(Labelled("cache", cache, stats.*field));
      }
      return out;
    });
  };
  add("cache_hits_total", "Found in a cache", edge::SampleType::kCounter, &CacheStats::hits);
  add("cache_misses_total", "Not found in a cache", edge::SampleType::kCounter,
      &CacheStats::misses);
  add("cache_evictions_total", "Entries that made room for others", edge::SampleType::kCounter,
      &CacheStats::evictions);
  add("cache_bytes", "Memory of a cache's entries", edge::SampleType::kGauge, &CacheStats::bytes);
  const cache::RedisLink* const redis = parts.answers == nullptr ? nullptr : parts.answers->redis();
  if (redis == nullptr) return;
  parts.metrics.AddCallback(
      "cache_redis_errors_total", "Failed connections and commands, values that were not ours",
      edge::SampleType::kCounter,
      [redis] { return std::vector<edge::Sample>{Plain(redis->stats().errors)}; });
  parts.metrics.AddCallback(
      "cache_redis_connected", "1 while there is a connection", edge::SampleType::kGauge,
      [redis] { return std::vector<edge::Sample>{Plain(redis->stats().connected)}; });
}

absl::Status Server::Ready() const {
  if (!serving_) return absl::UnavailableError("the server is starting or stopping");
  if (!drift_.ok()) return absl::UnavailableError(drift_.message());
  return absl::OkStatus();
}

std::string Server::MetricsText() const { return parts_->metrics.Text(); }

void Server::Stop() {
  if (stopped_.exchange(true)) return;
  serving_ = false;
  if (parts_->grpc != nullptr) parts_->grpc->SetServing(false);
  log::Info("stopping");
  absl::SleepFor(config_.drain_delay);
  StopParts(absl::Now() + config_.grace);
}

void Server::StopParts(absl::Time deadline) {
  // The gateway first: its requests are calls of the server behind it.
  if (parts_->http != nullptr) parts_->http->Stop(deadline);
  // Workers that wait for a job are not waited for, nor can they report any more.
  if (parts_->ingestor != nullptr) parts_->ingestor->CloseLeases();
  if (parts_->grpc != nullptr) parts_->grpc->Stop(deadline);
  if (parts_->reembedder != nullptr) parts_->reembedder->Stop();
  if (parts_->ingestor != nullptr) parts_->ingestor->Drain(deadline);
}

std::string FindWebRoot(const std::string& configured, const std::string& program_folder) {
  if (!configured.empty()) return configured;
  const auto has_page = [](const fs::path& folder) {
    std::error_code ignored;
    return fs::is_regular_file(folder / "index.html", ignored);
  };
  const fs::path installed = fs::path(program_folder).parent_path() / "share/sightline/web";
  if (has_page(installed)) return installed.string();
  for (fs::path folder = program_folder; folder.has_relative_path();
       folder = folder.parent_path()) {
    if (has_page(folder / "web/dist")) return (folder / "web/dist").string();
  }
  return "";
}

absl::StatusOr<std::string> FindModel(const std::string& configured,
                                      const std::string& program_folder) {
  std::error_code ignored;
  if (!configured.empty()) {
    if (fs::is_directory(configured, ignored)) return configured;
    return absl::NotFoundError(absl::StrCat("model ", configured, ": no such folder"));
  }
  const auto has_model = [&](const fs::path& folder) {
    return fs::is_regular_file(folder / "sightline.json", ignored);
  };
  const fs::path installed = fs::path(program_folder).parent_path() / "share/sightline/models/demo";
  if (has_model(installed)) return installed.string();
  for (fs::path folder = program_folder; folder.has_relative_path();
       folder = folder.parent_path()) {
    if (has_model(folder / "models/demo")) return (folder / "models/demo").string();
  }
  return absl::NotFoundError(absl::StrCat(
      "no model: name its folder with --model DIR; the bundled one was looked for in ",
      installed.string(), " and in models/demo of every folder above ", program_folder));
}

}  // namespace sightline::services
