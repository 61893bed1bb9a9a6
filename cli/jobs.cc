#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/time_text.h"
#include "proto/reply_json.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

using Service = v1::IngestService;

constexpr int kPageSize = 500;

struct JobArguments {
  CommonArguments common;
  std::string collection;
  std::string state;
  int limit = 0;
  std::vector<std::string> ids;
  bool all_failed = false;
};

v1::JobState StateOf(const std::string& name) {
  if (name == "queued") return v1::JOB_STATE_QUEUED;
  if (name == "running") return v1::JOB_STATE_RUNNING;
  if (name == "done") return v1::JOB_STATE_DONE;
  if (name == "failed") return v1::JOB_STATE_FAILED;
  return v1::JOB_STATE_UNSPECIFIED;
}

absl::Status ForEachJob(const JobArguments& arguments, v1::JobState state,
                        const Connection& connection, Service::Stub& stub,
                        const std::function<void(const v1::Job&)>& take) {
  v1::ListJobsRequest request;
  request.set_collection(arguments.collection);
  request.set_state(state);
  int left = arguments.limit == 0 ? INT32_MAX : arguments.limit;
  do {
    request.set_page_size(std::min(kPageSize, left));
    const auto reply = Call(connection, stub, &Service::Stub::ListJobs, request);
    if (!reply.ok()) return reply.status();
    for (const v1::Job& job : reply->jobs()) take(job);
    left -= reply->jobs_size();
    request.set_page_token(reply->next_page_token());
  } while (!request.page_token().empty() && left > 0);
  return absl::OkStatus();
}

std::string Why(const v1::Job& job) {
  return job.failures().empty() ? "" : job.failures(0).reason();
}

int List(const JobArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  Table table({"ID", "COLLECTION", "STATE", "TRIES", "UPDATED", "REASON", "SOURCE"},
              {Table::kLeft, Table::kLeft, Table::kLeft, Table::kRight});
  const absl::Status status =
      ForEachJob(arguments, StateOf(arguments.state), **connection, *stub, [&](const v1::Job& job) {
        if (json) return PrintLine(JobJson(job));
        table.Add({job.job_id(), job.collection(), JobStateName(job.state()),
                   absl::StrCat(job.attempts()), TimeText(job.updated()), Why(job), job.source()});
      });
  if (!json) Print(table.Render(environment.terminal));
  return status.ok() ? static_cast<int>(kDone) : ReportFailure(status, json);
}

std::string JobText(const v1::Job& job) {
  std::string out = absl::StrCat(
      "id          ", Printable(job.job_id()), "\ncollection  ", Printable(job.collection()),
      "\ndocument    ", Printable(job.document_id()), "\nsource      ", Printable(job.source()),
      "\nstate       ", JobStateName(job.state()), "\ntries       ", job.attempts(),
      "\ncreated     ", TimeText(job.created()), "\nupdated     ", TimeText(job.updated()), "\n");
  for (const v1::PageFailure& failure : job.failures()) {
    absl::StrAppend(&out, "failure     ",
                    failure.page() > 0 ? absl::StrCat("page ", failure.page(), ": ") : "",
                    Printable(failure.message()), " (", Printable(failure.reason()), ")\n");
  }
  return out;
}

int Show(const JobArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  v1::GetJobRequest request;
  for (size_t i = 0; i < arguments.ids.size(); ++i) {
    request.set_job_id(arguments.ids[i]);
    const auto reply = Call(**connection, *stub, &Service::Stub::GetJob, request);
    if (!reply.ok()) return ReportFailure(reply.status(), json);
    if (json) {
      PrintLine(JobJson(reply->job()));
    } else {
      Print((i > 0 ? "\n" : "") + JobText(reply->job()));
    }
  }
  return kDone;
}

int Retry(const JobArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  if (arguments.ids.empty() != arguments.all_failed) {
    return ReportFailure(
        absl::InvalidArgumentError("name jobs, or give --failed for all that failed"), json);
  }
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = Service::NewStub((*connection)->channel());
  std::vector<std::string> ids = arguments.ids;
  if (arguments.all_failed) {
    const absl::Status status =
        ForEachJob(arguments, v1::JOB_STATE_FAILED, **connection, *stub,
                   [&ids](const v1::Job& job) { ids.push_back(job.job_id()); });
    if (!status.ok()) return ReportFailure(status, json);
  }
  size_t failed = 0;
  int last_failure = kDone;
  for (const std::string& id : ids) {
    v1::RetryJobRequest request;
    request.set_job_id(id);
    const auto reply = Call(**connection, *stub, &Service::Stub::RetryJob, request);
    if (!reply.ok()) {
      ++failed;
      last_failure = ReportFailure(reply.status(), json);
      if (last_failure == kInterrupted) return kInterrupted;
      continue;
    }
    PrintLine(json ? JobJson(reply->job()) : absl::StrCat("queued again: ", Printable(id)));
  }
  if (ids.empty() && !json) PrintLine("no failed jobs");
  if (failed == 0) return kDone;
  return failed == ids.size() ? last_failure : static_cast<int>(kSomeFailed);
}

}  // namespace

void AddJobs(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<JobArguments>();
  Arguments group = program.Group("jobs", "List, show and repeat ingest jobs");

  Arguments list = group.Command(
      "list", "Ingest jobs; with --json one a line", "sightline jobs list -c office --state failed",
      [arguments, &environment] { return List(*arguments, environment); });
  list.Text("-c,--collection", arguments->collection, "Only of this collection", "NAME");
  list.Choice("--state", arguments->state, {"queued", "running", "done", "failed"},
              "Only in this state");
  list.Integer("--limit", arguments->limit, 1, INT32_MAX, "At most so many");
  AddCommonArguments(list, arguments->common);

  Arguments show =
      group.Command("show", "Everything about jobs", "sightline jobs show 8a31…",
                    [arguments, &environment] { return Show(*arguments, environment); });
  show.Texts("ids", arguments->ids, "Which", "ID", true);
  AddCommonArguments(show, arguments->common);

  Arguments retry =
      group.Command("retry", "Queue failed jobs again",
                    "sightline jobs retry 8a31…\nsightline jobs retry --failed -c office",
                    [arguments, &environment] { return Retry(*arguments, environment); });
  retry.Texts("ids", arguments->ids, "Which", "ID");
  retry.Flag("--failed", arguments->all_failed, "All that failed");
  retry.Text("-c,--collection", arguments->collection, "With --failed: only of this one", "NAME");
  AddCommonArguments(retry, arguments->common);
}

}  // namespace sightline::cli
