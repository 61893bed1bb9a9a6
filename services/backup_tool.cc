#include "services/backup_tool.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "index/backup.h"
#include "proto/reply_json.h"
#include "services/ingest/convert.h"

namespace sightline::services {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

struct Options {
  std::string from;
  uint32_t id = 0;
  std::string data;
  bool json = false;
};

void Print(const index::BackupInfo& backup, const Options& options, const char* what) {
  if (options.json) {
    std::printf("%s\n", BackupJson(ToProto(backup)).c_str());
    return;
  }
  std::printf("%sbackup %u of %s: %s documents in %s collections, %s bytes in %s files\n", what,
              backup.id,
              absl::FormatTime(absl::RFC3339_sec, backup.made, absl::UTCTimeZone()).c_str(),
              absl::StrCat(backup.documents).c_str(), absl::StrCat(backup.collections).c_str(),
              absl::StrCat(backup.bytes).c_str(), absl::StrCat(backup.files).c_str());
}

absl::Status List(const Options& options) {
  SL_ASSIGN_OR_RETURN(const auto backups, index::ListBackups(options.from));
  for (const index::BackupInfo& backup : backups) Print(backup, options, "");
  return absl::OkStatus();
}

absl::Status Verify(const Options& options) {
  SL_ASSIGN_OR_RETURN(const auto backup, index::VerifyBackup(options.from, options.id));
  Print(backup, options, "whole: ");
  return absl::OkStatus();
}

absl::Status Restore(const Options& options) {
  SL_ASSIGN_OR_RETURN(const auto backup,
                      index::RestoreBackup(options.from, options.id, options.data + "/corpus"));
  Print(backup, options, "restored: ");
  return absl::OkStatus();
}

}  // namespace

int RunBackupTool(const std::vector<std::string>& args) {
  CLI::App app("Backups of a corpus, without a server", "sightline backup");
  app.require_subcommand(1);
  Options options;
  absl::Status (*chosen)(const Options&) = nullptr;
  const auto add = [&](const char* name, const char* what,
                       absl::Status (*command)(const Options&)) {
    CLI::App* const sub = app.add_subcommand(name, what);
    sub->callback([&chosen, command] { chosen = command; });
    sub->add_option("--from", options.from, "Folder of backups")->required();
    sub->add_flag("--json", options.json, "JSON for machines");
    return sub;
  };
  add("list", "Show what backups there are, oldest first", List);
  CLI::App* const verify = add("verify", "Read a backup and compare every checksum", Verify);
  CLI::App* const restore = add("restore", "Make a data folder what the backup was", Restore);
  for (CLI::App* const sub : {verify, restore}) {
    sub->add_option("--id", options.id, "Its number; default the newest")
        ->check(CLI::PositiveNumber);
  }
  restore->add_option("--data", options.data, "Data folder, which holds no corpus yet")->required();
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kWrongUsage;
  }
  const absl::Status status = CatchStatus("backup", [&] { return chosen(options); });
  if (status.ok()) return kDone;
  std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return kFailed;
}

}  // namespace sightline::services
