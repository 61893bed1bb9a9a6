#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/folder_watch.h"
#include "cli/ingest_item.h"
#include "cli/ingest_stages.h"
#include "cli/json_text.h"
#include "cli/known_documents.h"
#include "cli/progress.h"
#include "cli/s3/client.h"
#include "cli/uploader.h"
#include "cli/watch_loop.h"
#include "proto/reply_json.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

// While folders are watched: tries for a document that the server is too busy for, and how long the
// server may be away at least.
constexpr int kWatchAttempts = 20;
constexpr absl::Duration kWatchWait = absl::Minutes(10);
// How long Ctrl-C waits for the server to record what it was sent.
constexpr absl::Duration kStopPatience = absl::Seconds(10);
// Of failures named in the summary's JSON; the failures file names all.
constexpr int kMaxListedFailures = 1000;

struct IngestArguments {
  CommonArguments common;
  IngestSources sources;
  std::string collection;
  std::vector<std::string> metadata;
  std::string password_file;
  std::string password;  // out of that file
  std::string extract_file;
  std::string extract_schema;  // what stands in it
  bool summarize = false;
  bool tag = false;
  int jobs = 32;
  int wait_seconds = 120;
  bool resume = false;
  bool dry_run = false;
  bool no_ignore = false;
  bool watch = false;
  bool delete_missing = false;
  std::vector<std::string> watched;  // real paths of the folders
  bool force = false;
  std::string on_error = "skip";
  std::string failed_list = "sightline-failed.jsonl";
  std::string s3_endpoint;
};

// What an ingest did so far. Any thread.
class Tally {
 public:
  explicit Tally(const std::string& failed_path) : failed_path_(failed_path) {}

  void Add(const UploadResult& result) {
    absl::MutexLock lock(&mu_);
    const v1::IngestFinished& finished = result.status.finished();
    ++documents_;
    switch (finished.outcome()) {
      case v1::INGEST_OUTCOME_INDEXED: ++indexed_; break;
      case v1::INGEST_OUTCOME_UNCHANGED: ++unchanged_; break;
      case v1::INGEST_OUTCOME_PARTIAL: ++partial_; break;
      default: ++failed_;
    }
    if (finished.outcome() == v1::INGEST_OUTCOME_INDEXED ||
        finished.outcome() == v1::INGEST_OUTCOME_PARTIAL) {
      pages_ += finished.document().pages();
      passages_ += finished.document().passages();
      bytes_ += finished.document().bytes();
    }
    if (result.failed) List(result.item, result.reason, result.message);
  }

  void AddUnusable(const UnusableItem& unusable) {
    absl::MutexLock lock(&mu_);
    ++skipped_;
    IngestItem item;
    item.path = unusable.path;
    List(item, unusable.reason, unusable.message);
  }

  void AddGone(bool deleted) {
    absl::MutexLock lock(&mu_);
    ++gone_;
    if (deleted) ++deleted_;
  }

  void AddHeld() {
    absl::MutexLock lock(&mu_);
    ++held_;
  }

  bool has_failures() const {
    absl::MutexLock lock(&mu_);
    return failed_ + partial_ + skipped_ > 0;
  }

  bool has_failed_documents() const {
    absl::MutexLock lock(&mu_);
    return failed_ + partial_ > 0;
  }

  int64_t documents() const {
    absl::MutexLock lock(&mu_);
    return documents_ + held_;
  }

  // Finishes the failures file. Its path is "" when nothing failed.
  absl::StatusOr<std::string> CloseList() {
    absl::MutexLock lock(&mu_);
    if (!list_.is_open()) return std::string();
    list_.close();
    if (list_.fail()) return absl::UnavailableError(absl::StrCat("cannot write ", failed_path_));
    return failed_path_;
  }

  std::string Json(absl::Duration took, bool interrupted, const std::string& failed_path,
                   const StageReport& stages) const {
    absl::MutexLock lock(&mu_);
    return JsonObject()
        .Number("documents", documents_)
        .Number("indexed", indexed_)
        .Number("unchanged", unchanged_)
        .Number("partial", partial_)
        .Number("failed", failed_)
        .Number("skipped", skipped_)
        .Number("already_held", held_)
        .Number("gone", gone_)
        .Number("deleted", deleted_)
        .Number("pages", pages_)
        .Number("passages", passages_)
        .Number("bytes", bytes_)
        .Real("seconds", absl::ToDoubleSeconds(took))
        .Bool("interrupted", interrupted)
        .Raw("stages", stages.StagesJson())
        .Raw("slowest_stage", stages.slowest().empty() ? "null" : JsonString(stages.slowest()))
        .Raw("failures", absl::StrCat("[", listed_json_, "]"))
        .Raw("failed_list", failed_path.empty() ? "null" : JsonString(failed_path))
        .Done();
  }

  std::string Text(absl::Duration took) const {
    absl::MutexLock lock(&mu_);
    std::string out = absl::StrCat(Counted(indexed_ + partial_, "document"), " indexed (",
                                   Counted(pages_, "page"), ", ", Counted(passages_, "passage"),
                                   ", ", ByteCount(bytes_), ") in ", ShortDuration(took));
    if (unchanged_ + held_ > 0) absl::StrAppend(&out, ", ", unchanged_ + held_, " unchanged");
    if (partial_ > 0) absl::StrAppend(&out, ", ", partial_, " of them only in part");
    if (failed_ > 0) absl::StrAppend(&out, ", ", failed_, " failed");
    if (skipped_ > 0) absl::StrAppend(&out, ", ", skipped_, " skipped");
    if (gone_ > 0) absl::StrAppend(&out, ", ", Counted(gone_, "file"), " gone");
    if (deleted_ > 0) absl::StrAppend(&out, ", ", Counted(deleted_, "document"), " deleted");
    return out;
  }

 private:
  void List(const IngestItem& item, const std::string& reason, const std::string& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!list_.is_open()) list_.open(failed_path_, std::ios::trunc);
    const std::string line = FailedLine(item, reason, message);
    list_ << line << "\n";
    if (++listed_ > kMaxListedFailures) return;
    absl::StrAppend(&listed_json_, listed_json_.empty() ? "" : ",", line);
  }

  const std::string failed_path_;
  mutable absl::Mutex mu_;
  std::ofstream list_ ABSL_GUARDED_BY(mu_);
  int listed_ ABSL_GUARDED_BY(mu_) = 0;
  std::string listed_json_ ABSL_GUARDED_BY(mu_);
  int64_t documents_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t indexed_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t unchanged_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t partial_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t failed_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t skipped_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t held_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t gone_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t deleted_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t pages_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t passages_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

absl::Status Check(const IngestArguments& arguments) {
  if (arguments.sources.paths.empty() && arguments.sources.manifest.empty()) {
    return absl::InvalidArgumentError("nothing to ingest: name files, folders, URLs or --manifest");
  }
  for (const std::string& glob : arguments.sources.globs) {
    if (glob.empty() || glob == "!") return absl::InvalidArgumentError("--glob: empty pattern");
  }
  if (arguments.delete_missing && !arguments.watch) {
    return absl::InvalidArgumentError("--delete-missing: only with --watch");
  }
  return absl::OkStatus();
}

// What is watched must be folders of this machine, and nothing else may be named beside them.
absl::Status FindWatched(IngestArguments& arguments) {
  if (!arguments.watch) return absl::OkStatus();
  if (!arguments.sources.manifest.empty() || arguments.dry_run) {
    return absl::InvalidArgumentError("--watch: not with --manifest or --dry-run");
  }
  for (const std::string& path : arguments.sources.paths) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(path, error);
    if (IsUri(path) || error || !std::filesystem::is_directory(folder, error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--watch: ", path, " is no folder of this machine"));
    }
    arguments.watched.push_back(folder.string());
  }
  return absl::OkStatus();
}

// Counts what there is, so that the progress knows its end, and finds faults of the command line
// and the manifest before any work is done.
absl::StatusOr<ProgressTotals> Count(const IngestSources& sources) {
  ProgressTotals totals;
  IngestVisitor visitor;
  visitor.item = [&](IngestItem item) {
    ++totals.items;
    totals.bytes += item.bytes;
    return absl::OkStatus();
  };
  SL_RETURN_IF_ERROR(VisitSources(sources, visitor));
  return totals;
}

int DryRun(const IngestArguments& arguments) {
  ProgressTotals totals;
  int64_t unusable = 0;
  const bool json = arguments.common.json;
  IngestVisitor visitor;
  visitor.item = [&](IngestItem item) {
    ++totals.items;
    totals.bytes += item.bytes;
    PrintLine(json ? JsonObject().Text("source", item.source()).Number("bytes", item.bytes).Done()
                   : absl::StrCat(ByteCount(item.bytes), "\t", Printable(item.source())));
    return absl::OkStatus();
  };
  visitor.unusable = [&](const UnusableItem& item) {
    ++unusable;
    PrintLine(json ? JsonObject()
                         .Text("source", item.path)
                         .Text("skipped", item.reason)
                         .Text("message", item.message)
                         .Done()
                   : absl::StrCat("skipped\t", Printable(item.path), ": ", item.message));
  };
  const absl::Status status = VisitSources(arguments.sources, visitor);
  if (!status.ok()) return ReportFailure(status, json);
  if (!json) {
    PrintLine(absl::StrCat("would ingest ", Counted(totals.items, "document"), ", ",
                           ByteCount(totals.bytes), "; ", unusable, " skipped"));
  }
  return unusable > 0 ? kSomeFailed : kDone;
}

// One run of `ingest` against a server.
class Run {
 public:
  Run(const IngestArguments& arguments, const Environment& environment,
      const Connection& connection, const ProgressTotals& totals)
      : arguments_(arguments),
        connection_(connection),
        tally_(arguments.failed_list),
        progress_(environment.terminal, arguments.common.json, totals),
        quiet_(arguments.common.json) {}

  int Go() {
    stages_before_ = AskForStages(connection_);
    if (arguments_.resume) {
      auto known = KnownDocuments::Load(connection_, arguments_.collection);
      if (!known.ok()) return ReportFailure(known.status(), quiet_);
      known_ = *std::move(known);
    }
    if (arguments_.watch) {
      auto watch = FolderWatch::Create();
      if (!watch.ok()) return ReportFailure(watch.status(), quiet_);
      watch_ = *std::move(watch);
      loop_.emplace(arguments_.sources, arguments_.watched, *watch_);
    }
    absl::Status status = Upload([this](Uploader& uploader) {
      return VisitSources(arguments_.sources, MakeVisitor(uploader));
    });
    progress_.Clear();
    if (status.ok() && arguments_.watch) status = Watch();
    return Report(status);
  }

 private:
  // Sends what `add` gives to the uploader, and waits until all of it is finished.
  absl::Status Upload(absl::FunctionRef<absl::Status(Uploader&)> add) {
    UploadOptions options;
    options.collection = arguments_.collection;
    options.password = arguments_.password;
    options.jobs = arguments_.jobs;
    options.force = arguments_.force;
    options.extract_schema = arguments_.extract_schema;
    options.summarize = arguments_.summarize;
    options.tag = arguments_.tag;
    options.stop_on_failure = arguments_.on_error == "stop";
    options.deadline = connection_.Deadline();
    options.s3 = arguments_.sources.s3.value_or(nullptr);
    options.wait = absl::Seconds(arguments_.wait_seconds);
    if (arguments_.watch) {
      options.max_attempts = kWatchAttempts;
      options.wait = std::max(options.wait, kWatchWait);
    }
    options.on_away = [this, wait = options.wait](const absl::Status& why) {
      progress_.Note(absl::StrCat("the server is away (", Printable(why.message()),
                                  "); waiting for it, at most ", ShortDuration(wait)));
    };
    Uploader uploader(connection_, options, [this](const UploadResult& r) { OnResult(r); });
    absl::Status status = add(uploader);
    if (status.ok()) status = uploader.Finish();
    if (!status.ok()) left_to_server_ = uploader.Stop(kStopPatience);
    return status;
  }

  // Until a signal comes.
  absl::Status Watch() {
    watching_ = true;
    const auto folders = static_cast<int64_t>(watch_->folders());
    Say(quiet_ ? JsonObject().Text("event", "watching").Number("folders", folders).Done()
               : absl::StrCat(tally_.Text(absl::Now() - start_), "\nwatching ",
                              Counted(folders, "folder"), "; Ctrl-C ends it"));
    WatchCallbacks callbacks;
    callbacks.ingest = [this](std::vector<IngestItem> items) {
      return Upload([&](Uploader& uploader) -> absl::Status {
        for (IngestItem& item : items) SL_RETURN_IF_ERROR(uploader.Add(std::move(item)));
        return absl::OkStatus();
      });
    };
    callbacks.unusable = [this](const UnusableItem& item) { OnUnusable(item); };
    callbacks.gone = [this](const std::string& path) { return OnGone(path); };
    return loop_->Run(callbacks);
  }

  // A line of what happens while folders are watched; at once, for whoever reads along.
  void Say(const std::string& line) {
    PrintLine(line);
    std::fflush(stdout);
  }

  void SayEvent(const std::string& event, const std::string& source, const std::string& message) {
    if (!quiet_) {
      return Say(absl::StrCat(event, " ", Printable(source),
                              message.empty() ? "" : absl::StrCat(": ", Printable(message))));
    }
    JsonObject json;
    json.Text("event", event).Text("source", source);
    if (!message.empty()) json.Text("message", message);
    Say(json.Done());
  }

  void OnUnusable(const UnusableItem& item) {
    tally_.AddUnusable(item);
    if (watching_) return SayEvent("skipped", item.path, item.message);
    if (!quiet_) {
      progress_.Note(absl::StrCat("skipped ", Printable(item.path), ": ", item.message));
    }
  }

  absl::Status OnGone(const std::string& path) {
    if (!arguments_.delete_missing) {
      tally_.AddGone(false);
      SayEvent("gone", path, "");
      return absl::OkStatus();
    }
    const auto deleted = DeleteDocumentsOf(path);
    if (absl::IsCancelled(deleted.status())) return deleted.status();
    if (!deleted.ok()) {
      OnUnusable({path, "not_deleted",
                  absl::StrCat("it is gone, but not deleted: ", deleted.status().message())});
      return absl::OkStatus();
    }
    tally_.AddGone(*deleted);
    SayEvent(*deleted ? "deleted" : "gone", path, "");
    return absl::OkStatus();
  }

  // False when there was none.
  absl::StatusOr<bool> DeleteDocumentsOf(const std::string& path) {
    const auto stub = v1::IngestService::NewStub(connection_.channel());
    v1::ListDocumentsRequest list;
    list.set_collection(arguments_.collection);
    list.set_filter(absl::StrCat("_source = ", JsonString(path)));
    const auto found = Call(connection_, *stub, &v1::IngestService::Stub::ListDocuments, list);
    if (absl::IsNotFound(found.status())) return false;
    if (!found.ok()) return found.status();
    bool any = false;
    for (const v1::Document& document : found->documents()) {
      if (document.source() != path) continue;
      v1::DeleteDocumentRequest request;
      request.set_collection(arguments_.collection);
      request.set_document_id(document.document_id());
      const auto reply =
          Call(connection_, *stub, &v1::IngestService::Stub::DeleteDocument, request);
      if (!reply.ok() && !absl::IsNotFound(reply.status())) return reply.status();
      any = any || reply.ok();
    }
    return any;
  }

  IngestVisitor MakeVisitor(Uploader& uploader) {
    IngestVisitor visitor;
    if (loop_.has_value()) {
      visitor.folder = [this](const std::string& folder) { return loop_->Enter(folder); };
    }
    visitor.item = [this, &uploader](IngestItem item) -> absl::Status {
      if (Interrupted()) return absl::CancelledError("interrupted");
      if (loop_.has_value()) loop_->Saw(item.path);
      // Whether what is asked for was found out already only the server can tell.
      if (known_.has_value() && !FindsOut() && known_->Holds(item)) {
        tally_.AddHeld();
        progress_.Add(item.bytes, false);
        return absl::OkStatus();
      }
      return uploader.Add(std::move(item));
    };
    visitor.unusable = [this](const UnusableItem& item) { OnUnusable(item); };
    visitor.sub_folder = [this](const std::string&) { ++sub_folders_; };
    return visitor;
  }

  bool FindsOut() const {
    return !arguments_.extract_schema.empty() || arguments_.summarize || arguments_.tag;
  }

  void OnResult(const UploadResult& result) {
    tally_.Add(result);
    if (watching_) {
      const std::string outcome = result.failed && !result.status.has_finished()
                                      ? "failed"
                                      : OutcomeName(result.status.finished().outcome());
      return SayEvent(outcome, result.item.source(),
                      result.failed ? absl::StrCat(result.message, " (", result.reason, ")") : "");
    }
    progress_.Add(result.item.bytes, result.failed);
    if (!result.failed || quiet_) return;
    progress_.Note(absl::StrCat("failed ", Printable(result.item.source()), ": ",
                                Printable(result.message), " (", Printable(result.reason), ")"));
  }

  int Report(const absl::Status& status) {
    const absl::Duration took = absl::Now() - start_;
    const StageReport stages(stages_before_, AskForStages(connection_), took);
    const auto list = tally_.CloseList();
    const std::string list_path = list.ok() ? *list : "";
    const bool interrupted = absl::IsCancelled(status) && Interrupted();
    if (quiet_) {
      PrintLine(tally_.Json(took, interrupted, list_path, stages));
    } else {
      PrintLine(tally_.Text(took));
      if (const std::string text = stages.Text(); !text.empty()) PrintLine(text);
      if (sub_folders_ > 0) {
        PrintLine(
            absl::StrCat(Counted(sub_folders_, "sub-folder"), " not entered; use --recursive"));
      }
      if (!list_path.empty()) {
        PrintLine(absl::StrCat("what failed is in ", list_path, "; try it again with --manifest ",
                               list_path));
      }
    }
    if (interrupted) return ReportInterrupt(left_to_server_);
    if (!list.ok()) return ReportFailure(list.status(), quiet_);
    // With --on-error stop the failure itself is listed already.
    if (absl::IsAborted(status) && tally_.has_failed_documents()) return kFailed;
    if (!status.ok()) return ReportFailure(status, quiet_);
    return tally_.has_failures() ? kSomeFailed : kDone;
  }

  int ReportInterrupt(int left_to_server) const {
    std::string line = absl::StrCat("interrupted after ", Counted(tally_.documents(), "document"));
    if (left_to_server > 0) {
      absl::StrAppend(&line, "; the server has recorded ", left_to_server,
                      " more and finishes them");
    }
    std::fprintf(stderr, "%s\nrun the same command with --resume to go on\n", line.c_str());
    return kInterrupted;
  }

  const IngestArguments& arguments_;
  const Connection& connection_;
  Tally tally_;
  Progress progress_;
  const bool quiet_;
  const absl::Time start_ = absl::Now();
  std::vector<v1::IngestStage> stages_before_;
  std::optional<KnownDocuments> known_;
  int64_t sub_folders_ = 0;
  int left_to_server_ = 0;
  std::unique_ptr<FolderWatch> watch_;
  std::optional<WatchLoop> loop_;  // with --watch
  bool watching_ = false;          // the first visit is done
};

// The first line of the file: an argument itself would be seen by everybody on this machine.
absl::Status ReadPassword(IngestArguments& arguments) {
  if (arguments.password_file.empty()) return absl::OkStatus();
  constexpr uint64_t kMaxPasswordFileBytes = 4096;
  SL_ASSIGN_OR_RETURN(const std::string text,
                      ReadFile(arguments.password_file, kMaxPasswordFileBytes));
  arguments.password = text.substr(0, text.find_first_of("\r\n"));
  return absl::OkStatus();
}

absl::Status ReadSchema(IngestArguments& arguments) {
  if (arguments.extract_file.empty()) return absl::OkStatus();
  SL_ASSIGN_OR_RETURN(arguments.extract_schema, ReadFile(arguments.extract_file, 1 << 20));
  if (!absl::StripAsciiWhitespace(arguments.extract_schema).empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(arguments.extract_file, ": is empty"));
}

// What s3:// URLs are read with. Where it cannot be had, only such a URL fails.
std::unique_ptr<s3::Client> OpenS3(IngestArguments& arguments, const Environment& environment) {
  auto settings = s3::MakeSettings(environment.s3, arguments.s3_endpoint);
  if (!settings.ok()) {
    arguments.sources.s3 = settings.status();
    return nullptr;
  }
  auto client =
      std::make_unique<s3::Client>(*std::move(settings), s3::ClientOptions{.stopped = Interrupted});
  arguments.sources.s3 = client.get();
  return client;
}

int Ingest(IngestArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  if (const absl::Status status = Check(arguments); !status.ok())
    return ReportFailure(status, json);
  if (const absl::Status status = FindWatched(arguments); !status.ok()) {
    return ReportFailure(status, json);
  }
  auto metadata = MetadataFromPairs(arguments.metadata);
  if (!metadata.ok()) return ReportFailure(metadata.status(), json);
  arguments.sources.metadata = *std::move(metadata);
  if (const absl::Status status = ReadPassword(arguments); !status.ok()) {
    return ReportFailure(status, json);
  }
  if (const absl::Status status = ReadSchema(arguments); !status.ok()) {
    return ReportFailure(status, json);
  }
  arguments.sources.ignore_files = !arguments.no_ignore;
  const std::unique_ptr<s3::Client> s3 = OpenS3(arguments, environment);
  if (arguments.dry_run) return DryRun(arguments);
  const auto totals = Count(arguments.sources);
  if (!totals.ok()) return ReportFailure(totals.status(), json);
  const auto connection = Connect(arguments.common, environment, absl::InfiniteDuration());
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  return Run(arguments, environment, **connection, *totals).Go();
}

}  // namespace

void AddIngest(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<IngestArguments>();
  Arguments command = program.Command(
      "ingest", "Put files, folders, buckets and URLs into a collection",
      "sightline ingest ./scans -c office --recursive --data ./corpus\n"
      "sightline ingest report.pdf -c office --metadata year=2024 --metadata lang=en\n"
      "sightline ingest photos -c shop --recursive --glob '*.jpg' --glob '!*_small.jpg'\n"
      "sightline ingest -c shop --manifest photos.jsonl\n"
      "sightline ingest ./scans -c office --recursive --resume\n"
      "sightline ingest ./scans -c office --recursive --watch\n"
      "sightline ingest s3://archive/scans -c office --recursive\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some items failed, 130 interrupted",
      [arguments, &environment] { return Ingest(*arguments, environment); });
  command.Texts("paths", arguments->sources.paths, "Files, folders, http(s):// and s3:// URLs",
                "PATH_OR_URL");
  command.Text("-c,--collection", arguments->collection, "Collection; made when missing", "NAME",
               true);
  command.Flag("-r,--recursive", arguments->sources.recursive, "Enter sub-folders");
  command.Texts("--glob", arguments->sources.globs,
                "Only files in folders that match; with a leading ! those that do not; repeatable",
                "PATTERN");
  command.Flag("--no-ignore", arguments->no_ignore,
               "Also what a .sightlineignore file in a folder leaves out");
  command.Texts("--metadata", arguments->metadata,
                "For every document; numbers, true and false are taken as such; repeatable", "K=V");
  command.Text("--manifest", arguments->sources.manifest,
               "JSON lines: path or uri, id, metadata, caption, media_type; paths are meant from "
               "the manifest's folder",
               "F.jsonl");
  command.Text("--s3-endpoint", arguments->s3_endpoint,
               "Where s3:// buckets are, if not at Amazon; else AWS_ENDPOINT_URL_S3 or "
               "AWS_ENDPOINT_URL. Keys and region: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
               "AWS_SESSION_TOKEN, AWS_REGION",
               "URL");
  command.Text("--password-file", arguments->password_file,
               "Its first line is the password of encrypted PDF files", "FILE");
  command.Integer("--jobs", arguments->jobs, 1, 256, "Documents in flight; default 32");
  command.Integer("--wait", arguments->wait_seconds, 0, 86'400,
                  "Seconds that the server may be away, as when it is restarted; default 120, with "
                  "--watch 600 at least");
  command.Flag("--resume", arguments->resume,
               "Leave out, without sending them, files that are indexed with the same bytes; with "
               "--extract, --summarize or --tag they are sent, and left alone where that was "
               "done");
  command.Text("--extract", arguments->extract_file,
               "A JSON schema that the generator fills in from each document, kept in its metadata "
               "(docs/enrichment.md)",
               "F.json");
  command.Flag("--summarize", arguments->summarize, "Keep a summary of each document");
  command.Flag("--tag", arguments->tag, "Keep title, colour, material, style and keywords of each");
  command.Flag("--force", arguments->force, "Process again what is unchanged");
  command.Flag("--watch", arguments->watch,
               "Then go on: ingest files of the folders that are new or change, until Ctrl-C");
  command.Flag("--delete-missing", arguments->delete_missing,
               "With --watch: delete the documents of files that are deleted or moved away");
  command.Flag("--dry-run", arguments->dry_run, "Only list what would be sent; needs no server");
  command.Choice("--on-error", arguments->on_error, {"skip", "stop"},
                 "What a failed document does to the rest; default skip");
  command.Text("--failed-list", arguments->failed_list,
               "Where to list what failed, for --manifest; default sightline-failed.jsonl, written "
               "only when something failed",
               "F.jsonl");
  AddCommonArguments(command, arguments->common);
}

}  // namespace sightline::cli
