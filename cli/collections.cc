#include <cstdio>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "cli/time_text.h"
#include "proto/reply_json.h"
#include "sightline/v1/collection.grpc.pb.h"

namespace sightline::cli {
namespace {

using Service = v1::CollectionService;

struct CollectionArguments {
  CommonArguments common;
  std::string name;
  int dimension = 0;
  bool yes = false;
};

// A connection with the service's stub.
struct Client {
  std::unique_ptr<Connection> connection;
  std::unique_ptr<Service::Stub> stub;
};

absl::StatusOr<Client> Open(const CollectionArguments& arguments, const Environment& environment) {
  auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return connection.status();
  Client client;
  client.connection = *std::move(connection);
  client.stub = Service::NewStub(client.connection->channel());
  return client;
}

int Create(const CollectionArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto client = Open(arguments, environment);
  if (!client.ok()) return ReportFailure(client.status(), json);
  v1::CreateCollectionRequest request;
  request.set_name(arguments.name);
  request.set_dimension(arguments.dimension);
  const auto reply =
      Call(*client->connection, *client->stub, &Service::Stub::CreateCollection, request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  const v1::Collection& made = reply->collection();
  PrintLine(json ? CollectionJson(made)
                 : absl::StrCat("made ", Printable(made.name()), " with vectors of ",
                                made.dimension(), " numbers"));
  return kDone;
}

int List(const CollectionArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto client = Open(arguments, environment);
  if (!client.ok()) return ReportFailure(client.status(), json);
  const auto reply = Call(*client->connection, *client->stub, &Service::Stub::ListCollections, {});
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  Table table({"NAME", "DIMENSION", "CREATED", "MODEL"}, {Table::kLeft, Table::kRight});
  for (const v1::Collection& collection : reply->collections()) {
    if (json) PrintLine(CollectionJson(collection));
    table.Add({collection.name(), absl::StrCat(collection.dimension()),
               TimeText(collection.created()), collection.model_fingerprint().substr(0, 12)});
  }
  if (!json) Print(table.Render(environment.terminal));
  return kDone;
}

std::string StatsText(const v1::GetCollectionStatsResponse& reply) {
  const v1::Collection& collection = reply.collection();
  const v1::CollectionStats& stats = reply.stats();
  return absl::StrCat("name          ", Printable(collection.name()), "\n", "created       ",
                      TimeText(collection.created()), "\n", "model         ",
                      Printable(collection.model_fingerprint()), "\n", "dimension     ",
                      collection.dimension(), "\n", "documents     ", stats.documents(), "\n",
                      "passages      ", stats.passages(), "\n", "vectors       ", stats.vectors(),
                      "\n", "tombstones    ", stats.tombstones(), "\n", "on disk       ",
                      ByteCount(stats.bytes()), "\n", "sequence      ", stats.sequence(),
                      " (snapshot covers ", stats.index_sequence(), ")");
}

int Show(const CollectionArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto client = Open(arguments, environment);
  if (!client.ok()) return ReportFailure(client.status(), json);
  v1::GetCollectionStatsRequest request;
  request.set_name(arguments.name);
  const auto reply =
      Call(*client->connection, *client->stub, &Service::Stub::GetCollectionStats, request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  PrintLine(json ? CollectionStatsJson(*reply) : StatsText(*reply));
  return kDone;
}

// Asks only where a person can answer; a script has said what it wants.
bool Confirmed(const CollectionArguments& arguments, const Environment& environment) {
  if (arguments.yes || !environment.terminal.in_is_terminal || arguments.common.json) return true;
  std::fprintf(stderr, "Delete collection %s with everything in it? Type its name to confirm: ",
               Printable(arguments.name).c_str());
  std::string line;
  return std::getline(std::cin, line) && line == arguments.name;
}

int Delete(const CollectionArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  if (!Confirmed(arguments, environment)) {
    std::fprintf(stderr, "nothing was deleted\n");
    return kFailed;
  }
  const auto client = Open(arguments, environment);
  if (!client.ok()) return ReportFailure(client.status(), json);
  v1::DeleteCollectionRequest request;
  request.set_name(arguments.name);
  const auto reply =
      Call(*client->connection, *client->stub, &Service::Stub::DeleteCollection, request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  PrintLine(json ? JsonObject().Text("deleted", arguments.name).Done()
                 : absl::StrCat("deleted ", Printable(arguments.name)));
  return kDone;
}

}  // namespace

void AddCollections(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<CollectionArguments>();
  Arguments group = program.Group("collections", "Make, list, show and delete collections");

  Arguments create = group.Command(
      "create", "Make an empty collection",
      "sightline collections create office\nsightline collections create photos --dimension 512",
      [arguments, &environment] { return Create(*arguments, environment); });
  create.Text("name", arguments->name, "Letters, digits, _ . and -; at most 63", "NAME", true);
  create.Integer("--dimension", arguments->dimension, 1, 65536,
                 "Numbers a vector; default 1024 or the model's own if smaller");
  AddCommonArguments(create, arguments->common);

  Arguments list =
      group.Command("list", "All collections", "sightline collections list --json",
                    [arguments, &environment] { return List(*arguments, environment); });
  AddCommonArguments(list, arguments->common);

  Arguments show =
      group.Command("show", "One collection and how much it holds",
                    "sightline collections show office --data ./corpus",
                    [arguments, &environment] { return Show(*arguments, environment); });
  show.Text("name", arguments->name, "Which", "NAME", true);
  AddCommonArguments(show, arguments->common);

  Arguments remove =
      group.Command("delete", "Delete a collection with all its documents",
                    "sightline collections delete office --yes",
                    [arguments, &environment] { return Delete(*arguments, environment); });
  remove.Text("name", arguments->name, "Which", "NAME", true);
  remove.Flag("-y,--yes", arguments->yes, "Do not ask");
  AddCommonArguments(remove, arguments->common);
}

}  // namespace sightline::cli
