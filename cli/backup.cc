#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json_text.h"
#include "proto/reply_json.h"
#include "sightline/v1/maintenance.grpc.pb.h"

namespace sightline::cli {
namespace {

using Service = v1::MaintenanceService;

constexpr absl::Duration kTimeout = absl::Hours(24);

struct BackupArguments {
  CommonArguments common;
  std::string to;
  int keep = 0;
};

absl::StatusOr<std::unique_ptr<Connection>> Open(const BackupArguments& arguments,
                                                 const Environment& environment) {
  const CommonArguments& common = arguments.common;
  if (common.data.empty() != arguments.to.empty()) {
    return absl::InvalidArgumentError(
        "--to and --data go together: a running server has its own folder for backups, "
        "backup.path");
  }
  ConnectionOptions options;
  options.server = common.server;
  options.data = common.data;
  options.model = common.model;
  options.backups = arguments.to;
  options.fallback = environment.server;
  options.timeout = common.timeout_s.has_value() ? absl::Seconds(*common.timeout_s) : kTimeout;
  options.quiet = common.json;
  return Connection::Open(options);
}

int Create(const BackupArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Open(arguments, environment);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  v1::CreateBackupRequest request;
  request.set_keep(arguments.keep);
  const auto reply = Call(**connection, *stub, &Service::Stub::CreateBackup, request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  const v1::Backup& made = reply->backup();
  PrintLine(json ? BackupJson(made)
                 : absl::StrCat("made backup ", made.id(), " in ", Printable(reply->folder()), ": ",
                                made.documents(), " documents, ", ByteCount(made.bytes())));
  return kDone;
}

int Fsck(const BackupArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  const auto reply = Call(**connection, *stub, &Service::Stub::CheckCorpus, {});
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  if (json) {
    PrintLine(CorpusCheckJson(*reply));
  } else {
    for (const std::string& problem : reply->problems()) PrintLine(Printable(problem));
    PrintLine(absl::StrCat(
        reply->problems().empty() ? "sound: " : "NOT SOUND: ", reply->documents(), " documents, ",
        reply->passages(), " passages, ", reply->vectors(), " vectors"));
  }
  return reply->problems().empty() ? kDone : kFailed;
}

struct EraseArguments {
  CommonArguments common;
  std::string collection;
  std::vector<std::string> documents;
  bool verify = false;
};

int Erase(const EraseArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  bool clean = true;
  bool restart = false;
  for (const std::string& document : arguments.documents) {
    v1::EraseDocumentRequest request;
    request.set_collection(arguments.collection);
    request.set_document_id(document);
    request.set_verify(arguments.verify);
    const auto reply = Call(**connection, *stub, &Service::Stub::EraseDocument, request);
    if (!reply.ok()) return ReportFailure(reply.status(), json);
    clean = clean && reply->traces().empty();
    restart = restart || !reply->until_restart().empty();
    if (json) {
      PrintLine(ErasureJson(*reply));
      continue;
    }
    for (const std::string& trace : reply->traces()) PrintLine(Printable(trace));
    for (const std::string& trace : reply->until_restart()) {
      PrintLine(absl::StrCat("until the server is started anew: ", Printable(trace)));
    }
    PrintLine(absl::StrCat("erased ", Printable(document), ", ", reply->passages(), " passages",
                           !arguments.verify         ? ""
                           : reply->traces().empty() ? "; nothing of it is left in "
                                                     : "; TRACES ARE LEFT in ",
                           arguments.verify ? ByteCount(reply->searched_bytes()) : ""));
  }
  if (!clean) return kFailed;
  return restart ? kSomeFailed : kDone;
}

}  // namespace

void AddBackup(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<BackupArguments>();
  Arguments group = program.Group("backup", "Keep copies of the corpus and get them back");
  Arguments create =
      group.Command("create", "Add a backup, while the server goes on",
                    "sightline backup create --keep 7\n"
                    "sightline backup create --data ./corpus --to /backups/corpus",
                    [arguments, &environment] { return Create(*arguments, environment); });
  AddCommonArguments(create, arguments->common);
  create.Text("--to", arguments->to, "Folder of backups, of a private server", "DIR");
  create.Integer("--keep", arguments->keep, 0, 1'000'000,
                 "The newest that stay, this one among them; default 0 = all");
  group.Command("list", "Show what backups there are; --help",
                "sightline backup list --from /backups/corpus", Forwarded());
  group.Command("verify", "Read a backup and compare every checksum; --help",
                "sightline backup verify --from /backups/corpus --id 3", Forwarded());
  group.Command("restore", "Make a data folder what the backup was; --help",
                "sightline backup restore --from /backups/corpus --data ./restored", Forwarded());
  Arguments fsck =
      program.Command("fsck", "Compare store, words and vectors of the corpus",
                      "sightline fsck\nsightline fsck --data ./corpus --json",
                      [arguments, &environment] { return Fsck(*arguments, environment); });
  AddCommonArguments(fsck, arguments->common);
  auto erasing = std::make_shared<EraseArguments>();
  Arguments erase =
      program.Command("erase", "Delete documents and every trace of them from the data folder",
                      "sightline erase 3f2a… -c office --verify",
                      [erasing, &environment] { return Erase(*erasing, environment); });
  erase.Texts("document", erasing->documents, "Document ids", "ID", true);
  erase.Text("-c,--collection", erasing->collection, "Where they are", "NAME", true);
  erase.Flag(
      "--verify", erasing->verify,
      "Look through all that is kept for what is left; exit code 1 where something is, 3 where it "
      "is until the server is started anew");
  AddCommonArguments(erase, erasing->common);
}

}  // namespace sightline::cli
