#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "cli/bench_load.h"
#include "cli/bench_queries.h"
#include "cli/command.h"
#include "cli/eval_latency.h"
#include "cli/eval_metrics.h"
#include "cli/exit_code.h"
#include "cli/ingest_stages.h"
#include "cli/json_text.h"
#include "cli/query_arguments.h"
#include "cli/rest_connection.h"
#include "cli/uploader.h"
#include "client/failure.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

// What `search` and `answer` share.
struct QueryBench {
  CommonArguments common;
  QueryArguments query;
  std::string queries;  // file
  int clients = 2;
  int seconds = 10;
  bool cached = false;
  std::string rest;  // HOST:PORT of a gateway; of `search` alone
  int max_tokens = 64;
  bool generative = false;
};

struct IngestBench {
  CommonArguments common;
  IngestSources sources;
  int jobs = 32;
};

struct ServeBench {
  CommonArguments common;
  int rounds = 3;
};

// A collection, and calls to it with one query after the other.
class QueryLoad {
 public:
  static absl::StatusOr<std::unique_ptr<QueryLoad>> Open(const QueryBench& bench,
                                                         const Environment& environment) {
    std::unique_ptr<QueryLoad> load(new QueryLoad(bench));
    SL_ASSIGN_OR_RETURN(load->connection_, Connect(bench.common, environment, kCallTimeout));
    const auto collections = v1::CollectionService::NewStub(load->connection_->channel());
    v1::GetCollectionStatsRequest stats;
    stats.set_name(bench.query.collection);
    SL_ASSIGN_OR_RETURN(load->stats_,
                        Call(*load->connection_, *collections,
                             &v1::CollectionService::Stub::GetCollectionStats, stats));
    std::vector<std::string> texts;
    if (bench.query.text.empty() && bench.query.images.empty()) {
      SL_ASSIGN_OR_RETURN(texts,
                          BenchQueries(*load->connection_, bench.query.collection, bench.queries));
    } else {
      texts = {bench.query.text};
    }
    for (std::string& text : texts) {
      QueryArguments query = bench.query;
      query.text = std::move(text);
      query.no_cache = !bench.cached;
      SL_ASSIGN_OR_RETURN(load->requests_.emplace_back(), MakeSearchRequest(query));
    }
    load->stub_ = v1::QueryService::NewStub(load->connection_->channel());
    return load;
  }

  const Connection& connection() const { return *connection_; }
  v1::QueryService::Stub& stub() const { return *stub_; }
  const v1::SearchRequest& request(int64_t call) const {
    return requests_[static_cast<size_t>(call) % requests_.size()];
  }

  absl::StatusOr<LoadResult> Run(
      const std::function<absl::Status(int64_t call, bool counted)>& body) const {
    return RunLoad({.clients = bench_.clients, .length = absl::Seconds(bench_.seconds)}, body);
  }

  // What every report begins with.
  JsonObject Head(const char* name, const LoadResult& result) const {
    JsonObject out;
    out.Text("bench", name)
        .Text("collection", bench_.query.collection)
        .Number("documents", stats_.stats().documents())
        .Number("passages", stats_.stats().passages())
        .Number("vectors", stats_.stats().vectors())
        .Text("mode", bench_.query.mode)
        .Bool("rerank", bench_.query.rerank)
        .Number("k", bench_.query.k)
        .Number("queries", static_cast<int64_t>(requests_.size()))
        .Number("clients", bench_.clients)
        .Real("seconds", result.seconds)
        .Number("calls", result.calls)
        .Real("calls_per_second", result.rate());
    return out;
  }

  std::string Headline(const LoadResult& result) const {
    return absl::StrFormat("%d calls in %.1f s by %s: %.1f a second, over %s\n", result.calls,
                           result.seconds, Counted(bench_.clients, "client"), result.rate(),
                           Counted(stats_.stats().passages(), "passage"));
  }

 private:
  explicit QueryLoad(const QueryBench& bench) : bench_(bench) {}

  const QueryBench& bench_;
  std::unique_ptr<Connection> connection_;
  v1::GetCollectionStatsResponse stats_;
  std::vector<v1::SearchRequest> requests_;
  std::unique_ptr<v1::QueryService::Stub> stub_;
};

// Searches over REST, each client of the load on a connection that it keeps.
class RestSearches {
 public:
  // `bench` outlives it.
  explicit RestSearches(const QueryBench& bench) : bench_(bench) {}

  // The body of a request like `search`. kInvalidArgument: it asks by more than words.
  absl::StatusOr<std::string> Body(const v1::SearchRequest& search) const {
    if (search.query_size() != 1 || !search.query(0).has_text() || search.query(0).has_weight()) {
      return absl::InvalidArgumentError("--rest: searches by a text alone");
    }
    JsonObject out;
    out.Text("collection", search.collection())
        .Text("text", search.query(0).text())
        .Text("mode", bench_.query.mode)
        .Number("k", search.k())
        .Bool("rerank", search.rerank());
    if (!search.filter().empty()) out.Text("filter", search.filter());
    return out.Done();
  }

  // The text of the reply.
  absl::StatusOr<std::string> Search(const std::string& body) {
    std::unique_ptr<RestConnection> connection;
    {
      absl::MutexLock lock(&mu_);
      if (!idle_.empty()) {
        connection = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (connection == nullptr) {
      SL_ASSIGN_OR_RETURN(connection, RestConnection::Open(bench_.rest));
    }
    SL_ASSIGN_OR_RETURN(std::string reply, connection->Post("/v1/search", body, bench_.cached));
    absl::MutexLock lock(&mu_);
    idle_.push_back(std::move(connection));
    return reply;
  }

 private:
  const QueryBench& bench_;
  absl::Mutex mu_;
  std::vector<std::unique_ptr<RestConnection>> idle_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<v1::StageTimings> TimingsOf(const std::string& reply) {
  const auto json = nlohmann::json::parse(reply, nullptr, /*allow_exceptions=*/false);
  const auto found = json.is_object() ? json.find("timings_ms") : json.end();
  if (found == json.end() || !found->is_object()) {
    return absl::InternalError(absl::StrCat("a reply without timings: ", reply.substr(0, 100)));
  }
  v1::StageTimings out;
  out.set_encode_ms(found->value("encode", 0.0));
  out.set_dense_ms(found->value("dense", 0.0));
  out.set_patches_ms(found->value("patches", 0.0));
  out.set_lexical_ms(found->value("lexical", 0.0));
  out.set_fuse_ms(found->value("fuse", 0.0));
  out.set_rerank_ms(found->value("rerank", 0.0));
  out.set_second_look_ms(found->value("second_look", 0.0));
  out.set_total_ms(found->value("total", 0.0));
  return out;
}

int BenchSearch(const QueryBench& bench, const Environment& environment) {
  const bool json = bench.common.json;
  const auto load = QueryLoad::Open(bench, environment);
  if (!load.ok()) return ReportFailure(load.status(), json);
  Latencies latencies;
  RestSearches rest(bench);
  const auto result = (*load)->Run([&](int64_t call, bool counted) -> absl::Status {
    const v1::SearchRequest& request = (*load)->request(call);
    double ms = 0;
    v1::StageTimings timings;
    if (bench.rest.empty()) {
      const absl::Time start = absl::Now();
      SL_ASSIGN_OR_RETURN(v1::SearchResponse reply, Call((*load)->connection(), (*load)->stub(),
                                                         &v1::QueryService::Stub::Search, request));
      ms = absl::ToDoubleMilliseconds(absl::Now() - start);
      timings = std::move(*reply.mutable_timings());
    } else {
      SL_ASSIGN_OR_RETURN(const std::string body, rest.Body(request));
      const absl::Time start = absl::Now();
      SL_ASSIGN_OR_RETURN(const std::string reply, rest.Search(body));
      ms = absl::ToDoubleMilliseconds(absl::Now() - start);
      SL_ASSIGN_OR_RETURN(timings, TimingsOf(reply));
    }
    if (!counted) return absl::OkStatus();
    latencies.Add("search", ms, timings);
    // The way to the server and back.
    latencies.Add("transport", ms - timings.total_ms());
    // All that is not the index's.
    latencies.Add("above_index",
                  ms - timings.dense_ms() - timings.lexical_ms() - timings.fuse_ms());
    return absl::OkStatus();
  });
  if (!result.ok()) return ReportFailure(result.status(), json);
  if (json) {
    PrintLine((*load)
                  ->Head("search", *result)
                  .Text("over", bench.rest.empty() ? "grpc" : "rest")
                  .Raw("latency_ms", latencies.Json())
                  .Done());
    return kDone;
  }
  Print((*load)->Headline(*result));
  Print(latencies.Render(environment.terminal));
  return kDone;
}

int BenchAnswer(const QueryBench& bench, const Environment& environment) {
  const bool json = bench.common.json;
  const auto load = QueryLoad::Open(bench, environment);
  if (!load.ok()) return ReportFailure(load.status(), json);
  Latencies latencies;
  std::atomic<int64_t> tokens = 0;
  std::atomic<int64_t> abstained = 0;
  const auto result = (*load)->Run([&](int64_t call, bool counted) -> absl::Status {
    v1::SearchAndAnswerRequest request;
    *request.mutable_search() = (*load)->request(call);
    request.mutable_sampling()->set_max_tokens(bench.max_tokens);
    if (bench.generative) request.set_mode(v1::ANSWER_MODE_GENERATIVE);
    const absl::Time start = absl::Now();
    SL_ASSIGN_OR_RETURN(
        const v1::AnswerResponse reply,
        Call((*load)->connection(), (*load)->stub(), &v1::QueryService::Stub::Answer, request));
    if (!counted) return absl::OkStatus();
    latencies.Add("answer", absl::ToDoubleMilliseconds(absl::Now() - start), reply.timings());
    tokens += reply.usage().completion_tokens();
    abstained += reply.abstained();
    return absl::OkStatus();
  });
  if (!result.ok()) return ReportFailure(result.status(), json);
  const double rate = static_cast<double>(tokens) / result->seconds;
  if (json) {
    PrintLine((*load)
                  ->Head("answer", *result)
                  .Number("abstained", abstained)
                  .Number("completion_tokens", tokens)
                  .Real("completion_tokens_per_second", rate)
                  .Raw("latency_ms", latencies.Json())
                  .Done());
    return kDone;
  }
  Print((*load)->Headline(*result));
  PrintLine(absl::StrFormat("%d tokens written, %.1f a second; %d abstained", tokens.load(), rate,
                            abstained.load()));
  Print(latencies.Render(environment.terminal));
  return kDone;
}

// What a run of ingest came to.
struct IngestTally {
  int64_t documents = 0, failed = 0, pages = 0, passages = 0, bytes = 0;

  void Add(const UploadResult& result) {
    failed += result.failed;
    if (result.failed) return;
    const v1::Document& document = result.status.finished().document();
    ++documents;
    pages += document.pages();
    passages += document.passages();
    bytes += document.bytes();
  }
};

// Ingests into a collection made for it, which is deleted again whatever happens.
absl::StatusOr<double> TimeIngest(const IngestBench& bench, const Connection& connection,
                                  const std::string& collection, IngestTally& tally) {
  UploadOptions options;
  options.collection = collection;
  options.jobs = bench.jobs;
  const absl::Time start = absl::Now();
  Uploader uploader(connection, options, [&](const UploadResult& result) { tally.Add(result); });
  IngestVisitor visitor;
  visitor.item = [&](IngestItem item) { return uploader.Add(std::move(item)); };
  absl::Status status = VisitSources(bench.sources, visitor);
  status.Update(uploader.Finish());
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  const auto collections = v1::CollectionService::NewStub(connection.channel());
  // Also after Ctrl-C, which would cancel an ordinary call.
  grpc::ClientContext context;
  v1::DeleteCollectionRequest request;
  request.set_name(collection);
  v1::DeleteCollectionResponse response;
  const absl::Status deleted =
      client::FromRpc(collections->DeleteCollection(&context, request, &response));
  SL_RETURN_IF_ERROR(status);
  if (tally.documents + tally.failed == 0) {
    return absl::InvalidArgumentError("there is no file to ingest; --recursive enters sub-folders");
  }
  SL_RETURN_IF_ERROR(deleted);
  return seconds;
}

int BenchIngest(const IngestBench& bench, const Environment& environment) {
  const bool json = bench.common.json;
  const auto connection = Connect(bench.common, environment, absl::InfiniteDuration());
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const std::string collection = absl::StrFormat("bench-%x", absl::ToUnixMicros(absl::Now()));
  IngestTally tally;
  const std::vector<v1::IngestStage> before = AskForStages(**connection);
  const auto seconds = TimeIngest(bench, **connection, collection, tally);
  if (!seconds.ok()) return ReportFailure(seconds.status(), json);
  const StageReport stages(before, AskForStages(**connection), absl::Seconds(*seconds));
  const auto rate = [&](int64_t count) { return static_cast<double>(count) / *seconds; };
  if (json) {
    PrintLine(
        JsonObject()
            .Text("bench", "ingest")
            .Number("jobs", bench.jobs)
            .Number("documents", tally.documents)
            .Number("failed", tally.failed)
            .Number("pages", tally.pages)
            .Number("passages", tally.passages)
            .Number("bytes", tally.bytes)
            .Real("seconds", *seconds)
            .Real("documents_per_second", rate(tally.documents))
            .Real("pages_per_second", rate(tally.pages))
            .Real("passages_per_second", rate(tally.passages))
            .Real("bytes_per_second", rate(tally.bytes))
            .Raw("stages", stages.StagesJson())
            .Raw("slowest_stage", stages.slowest().empty() ? "null" : JsonString(stages.slowest()))
            .Done());
  } else {
    PrintLine(absl::StrFormat("%s, %s, %s (%s) in %.1f s; %d failed",
                              Counted(tally.documents, "document"), Counted(tally.pages, "page"),
                              Counted(tally.passages, "passage"), ByteCount(tally.bytes), *seconds,
                              tally.failed));
    PrintLine(absl::StrFormat("a second: %.1f documents, %.1f passages, %s", rate(tally.documents),
                              rate(tally.passages),
                              ByteCount(static_cast<int64_t>(rate(tally.bytes)))));
    if (const std::string text = stages.Text(); !text.empty()) PrintLine(text);
  }
  return tally.failed == 0 ? kDone : kSomeFailed;
}

int BenchServe(const ServeBench& bench, const Environment& environment) {
  const bool json = bench.common.json;
  std::vector<double> starts_ms;
  int64_t resident = 0;
  for (int round = 0; round < bench.rounds; ++round) {
    const absl::Time start = absl::Now();
    PrivateServerOptions options;
    options.data = bench.common.data;
    options.model = bench.common.model;
    options.quiet = true;
    const auto server = PrivateServer::Start(options);
    if (!server.ok()) return ReportFailure(server.status(), json);
    starts_ms.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    const auto bytes = (*server)->ResidentBytes();
    if (!bytes.ok()) return ReportFailure(bytes.status(), json);
    resident = std::max(resident, *bytes);
  }
  if (json) {
    PrintLine(JsonObject()
                  .Text("bench", "serve")
                  .Number("starts", bench.rounds)
                  .Real("start_ms_p50", Percentile(50, starts_ms))
                  .Real("start_ms_most", Percentile(100, starts_ms))
                  .Number("resident_bytes", resident)
                  .Done());
  } else {
    PrintLine(absl::StrFormat(
        "%s: serving after %s (median), %s at most; then takes %s", Counted(bench.rounds, "start"),
        ShortDuration(absl::Milliseconds(Percentile(50, starts_ms))),
        ShortDuration(absl::Milliseconds(Percentile(100, starts_ms))), ByteCount(resident)));
  }
  return kDone;
}

void AddQueryBench(Arguments& command, QueryBench& bench) {
  command.Text("text", bench.query.text,
               "The one query; without it, words out of the collection's own passages");
  command.Text("--queries", bench.queries, "A file of queries, one a line", "FILE");
  command.Integer("--clients", bench.clients, 1, 1024, "Calls at once; default 2");
  command.Integer("--seconds", bench.seconds, 1, 86'400,
                  "How long, after a second that does not count; default 10");
  command.Flag("--cached", bench.cached, "Let the server answer from its caches");
  AddQueryArguments(command, bench.query);
  AddCommonArguments(command, bench.common);
}

void AddQueryBenches(Arguments& group, const Environment& environment) {
  auto search = std::make_shared<QueryBench>();
  Arguments searching =
      group.Command("search", "Searches a second, and where their time goes",
                    "sightline bench search -c office --mode lexical --clients 4 --json\n"
                    "sightline bench search -c shop --image shoe.jpg --seconds 30",
                    [search, &environment] { return BenchSearch(*search, environment); });
  searching.Text("--rest", search->rest,
                 "Search through the gateway at this address, over connections that are kept",
                 "HOST:PORT");
  AddQueryBench(searching, *search);
  auto answer = std::make_shared<QueryBench>();
  Arguments answering =
      group.Command("answer", "Answers and tokens a second, and the time to the first token",
                    "sightline bench answer 'Who signed the lease?' -c office --json\n"
                    "sightline bench answer -c office --queries questions.txt --clients 8",
                    [answer, &environment] { return BenchAnswer(*answer, environment); });
  answering.Integer("--max-tokens", answer->max_tokens, 1, 1 << 20, "Longest answer; default 64");
  answering.Flag("--generative", answer->generative,
                 "Written answers, also where the model's bundle says that answers are quoted");
  AddQueryBench(answering, *answer);
}

}  // namespace

void AddBench(Arguments& program, const Environment& environment) {
  Arguments group = program.Group("bench", "Measure a server with your own documents");
  AddQueryBenches(group, environment);
  auto ingest = std::make_shared<IngestBench>();
  Arguments ingesting =
      group.Command("ingest", "Documents, pages and bytes a second, and the slowest stage",
                    "sightline bench ingest ./scans --recursive --json\n"
                    "sightline bench ingest ./scans --data ./scratch --jobs 8",
                    [ingest, &environment] { return BenchIngest(*ingest, environment); });
  ingesting.Texts("paths", ingest->sources.paths,
                  "Files and folders; they go to a collection of their own, deleted afterwards",
                  "PATH", true);
  ingesting.Flag("-r,--recursive", ingest->sources.recursive, "Enter sub-folders");
  ingesting.Integer("--jobs", ingest->jobs, 1, 256, "Documents in flight; default 32");
  AddCommonArguments(ingesting, ingest->common);
  auto serve = std::make_shared<ServeBench>();
  Arguments serving =
      group.Command("serve", "How soon a server on a folder serves, and the memory it then takes",
                    "sightline bench serve --data ./corpus --rounds 5 --json",
                    [serve, &environment] { return BenchServe(*serve, environment); });
  serving.Text("--data", serve->common.data, "The corpus folder", "DIR", true);
  serving.Text("--model", serve->common.model, "Model folder; default the bundled model", "DIR");
  serving.Integer("--rounds", serve->rounds, 1, 1000, "Starts; default 3");
  serving.Flag("--json", serve->common.json, "JSON for machines");
}

}  // namespace sightline::cli
