#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "cli/time_text.h"
#include "client/failure.h"
#include "proto/reply_json.h"
#include "sightline/v1/collection.grpc.pb.h"
#include "sightline/v1/export.grpc.pb.h"

namespace sightline::cli {
namespace {

using Service = v1::CollectionService;

struct CollectionArguments {
  CommonArguments common;
  std::string name;
  int dimension = 0;
  std::string patches = "none";
  std::string codes = "f16";
  bool yes = false;
  std::string out;
  bool vectors = false;
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
  request.set_patch_vectors(*PatchVectorsOf(arguments.patches));
  request.set_vectors(*VectorCodesOf(arguments.codes));
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

// A part of a collection: all of it, and for each passage.
void AddPart(const v1::CollectionStats& stats, const char* name, int64_t bytes, Table& table) {
  const int64_t passages = std::max<int64_t>(stats.passages(), 1);
  table.Add({name, ByteCount(bytes), absl::StrCat((bytes + passages / 2) / passages)});
}

std::string PartsText(const v1::CollectionStats& stats, const Terminal& terminal) {
  const v1::CollectionBytes& parts = stats.parts();
  Table table({"PART", "BYTES", "A PASSAGE"}, {Table::kLeft, Table::kRight, Table::kRight});
  AddPart(stats, "texts and records", parts.records(), table);
  AddPart(stats, "pictures", parts.pictures(), table);
  AddPart(stats, "vectors", parts.vectors(), table);
  AddPart(stats, "patches", parts.patches(), table);
  AddPart(stats, "word lists", parts.postings(), table);
  AddPart(stats, "index files", parts.index_files(), table);
  AddPart(stats, "in memory: codes", parts.memory_codes(), table);
  AddPart(stats, "in memory: graphs", parts.memory_graphs(), table);
  AddPart(stats, "in memory: vectors", parts.memory_halves(), table);
  AddPart(stats, "mapped: vectors", parts.mapped_halves(), table);
  return table.Render(terminal);
}

std::string StatsText(const v1::GetCollectionStatsResponse& reply) {
  const v1::Collection& collection = reply.collection();
  const v1::CollectionStats& stats = reply.stats();
  return absl::StrCat(
      "name          ", Printable(collection.name()), "\n", "created       ",
      TimeText(collection.created()), "\n", "model         ",
      Printable(collection.model_fingerprint()), "\n", "dimension     ", collection.dimension(),
      "\n", "kept as       ", VectorCodesName(collection.vectors()), "\n", "patches       ",
      PatchVectorsName(collection.patch_vectors()), "\n", "documents     ", stats.documents(), "\n",
      "passages      ", stats.passages(), "\n", "vectors       ", stats.vectors(), "\n",
      "tombstones    ", stats.tombstones(), "\n", "on disk       ", ByteCount(stats.bytes()), "\n",
      "segments      ", stats.segments(),
      stats.has_recall() ? absl::StrFormat("; searches found %.3f of the nearest, %d looked at",
                                           stats.recall(), stats.shadow_scans())
                         : "",
      "\n", "sequence      ", stats.sequence(), " (snapshot covers ", stats.index_sequence(), ")",
      stats.has_next_documents()
          ? absl::StrCat("\nbeing embedded again, ", stats.next_documents(), " of ",
                         Counted(stats.documents(), "document"), " done")
          : "");
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
  if (!json) PrintLine(absl::StrCat("\n", PartsText(reply->stats(), environment.terminal)));
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

// Where an export goes: standard output, or a file that is only there when it is whole.
class ExportFile {
 public:
  absl::Status Open(const std::string& path) {
    if (path.empty()) return absl::OkStatus();
    path_ = path;
    part_ = path + ".part";
    file_ = std::fopen(part_.c_str(), "wb");
    return file_ == nullptr ? Failed() : absl::OkStatus();
  }
  ~ExportFile() {
    if (file_ == nullptr || file_ == stdout) return;
    std::fclose(file_);
    std::remove(part_.c_str());
  }

  absl::Status Write(const std::string& line) {
    const bool whole = std::fwrite(line.data(), 1, line.size(), file_) == line.size() &&
                       std::fputc('\n', file_) != EOF;
    return whole ? absl::OkStatus() : Failed();
  }

  absl::Status Close() {
    if (std::fflush(file_) != 0) return Failed();
    if (file_ == stdout) return absl::OkStatus();
    const bool closed = ::fsync(::fileno(file_)) == 0 && std::fclose(file_) == 0;
    file_ = stdout;
    if (!closed || std::rename(part_.c_str(), path_.c_str()) != 0) return Failed();
    return absl::OkStatus();
  }

 private:
  absl::Status Failed() const {
    return absl::UnavailableError(absl::StrCat(path_.empty() ? "standard output" : path_,
                                               ": cannot be written: ", std::strerror(errno)));
  }

  FILE* file_ = stdout;
  std::string path_;
  std::string part_;
};

absl::Status WriteExport(const CollectionArguments& arguments, const Connection& connection,
                         ExportFile& file) {
  SL_RETURN_IF_ERROR(file.Open(arguments.out));
  v1::ExportCollectionRequest request;
  request.set_collection(arguments.name);
  request.set_vectors(arguments.vectors);
  CallContext context(connection.Deadline());
  const auto stub = v1::ExportService::NewStub(connection.channel());
  const auto stream = stub->ExportCollection(context.get(), request);
  v1::ExportCollectionResponse part;
  absl::Status written;
  while (written.ok() && stream->Read(&part)) {
    if (part.has_document()) written = file.Write(ExportedDocumentJson(part.document()));
    for (int i = 0; i < part.passages_size() && written.ok(); ++i) {
      written = file.Write(ExportedPassageJson(part.passages(i)));
    }
  }
  if (!written.ok()) context.get()->TryCancel();
  const grpc::Status status = stream->Finish();
  SL_RETURN_IF_ERROR(written);
  SL_RETURN_IF_ERROR(client::FromRpc(status));
  return file.Close();
}

int ExportTo(const CollectionArguments& arguments, const Environment& environment) {
  const auto connection = Connect(arguments.common, environment, absl::InfiniteDuration());
  if (!connection.ok()) return ReportFailure(connection.status(), arguments.common.json);
  ExportFile file;
  const absl::Status status = WriteExport(arguments, **connection, file);
  return status.ok() ? kDone : ReportFailure(status, arguments.common.json);
}

}  // namespace

void AddCollections(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<CollectionArguments>();
  Arguments group = program.Group("collections", "Make, list, show, export and delete collections");

  Arguments create = group.Command(
      "create", "Make an empty collection",
      "sightline collections create office\nsightline collections create photos --dimension 512",
      [arguments, &environment] { return Create(*arguments, environment); });
  create.Text("name", arguments->name, "Letters, digits, _ . and -; at most 63", "NAME", true);
  create.Integer("--dimension", arguments->dimension, 1, 65536,
                 "Numbers a vector; default 1024 or the model's own if smaller");
  create.Choice("--patches", arguments->patches, {"none", "binary", "int8"},
                "Vectors of the patches of pictures, by which searches score the best again");
  create.Choice(
      "--vectors", arguments->codes, {"f16", "int8", "binary", "pq"},
      "How vectors are kept: as half floats; as bytes, which take half of the disk; or as "
      "half floats of which signs (binary) or codes (pq) alone are held in memory");
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

  Arguments exporting = group.Command(
      "export", "Everything a collection holds, as JSON lines: documents, each with its passages",
      "sightline collections export office -o office.jsonl\n"
      "sightline collections export office --vectors | gzip > office.jsonl.gz",
      [arguments, &environment] { return ExportTo(*arguments, environment); });
  exporting.Text("name", arguments->name, "Which", "NAME", true);
  exporting.Text("-o,--output", arguments->out, "File; default standard output", "F.jsonl");
  exporting.Flag("--vectors", arguments->vectors, "The passages' vectors too");
  AddCommonArguments(exporting, arguments->common);

  Arguments remove =
      group.Command("delete", "Delete a collection with all its documents",
                    "sightline collections delete office --yes",
                    [arguments, &environment] { return Delete(*arguments, environment); });
  remove.Text("name", arguments->name, "Which", "NAME", true);
  remove.Flag("-y,--yes", arguments->yes, "Do not ask");
  AddCommonArguments(remove, arguments->common);
}

}  // namespace sightline::cli
