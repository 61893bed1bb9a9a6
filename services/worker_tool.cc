#include "services/worker_tool.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "services/ingest/worker_session.h"

namespace sightline::services {
namespace {

constexpr int kMostJobs = 256;
constexpr int kKeepAliveMs = 20'000;
constexpr int kMessageBytes = 64 << 20;  // far above any part of a lease or a report

// For people who look after a server: which process on which machine.
std::string OwnName() {
  std::array<char, 256> host = {};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return absl::StrCat(host.data(), ":", ::getpid());
}

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytes);
  // A server that is gone without a word is noticed while a call waits for a job.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepAliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepAliveMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

void PrintJson(const WorkedJob& job) {
  boost::json::object out{{"job_id", job.job.job_id()},
                          {"collection", job.job.collection()},
                          {"document_id", job.job.document_id()},
                          {"source", job.job.source()},
                          {"outcome", job.outcome},
                          {"pages", job.pages},
                          {"passages", job.passages},
                          {"seconds", absl::ToDoubleSeconds(job.took)}};
  if (!job.error.empty()) out["error"] = job.error;
  std::printf("%s\n", boost::json::serialize(out).c_str());
}

void PrintLine(const WorkedJob& job) {
  std::string line =
      absl::StrFormat("%-9s %s %s: %d passages, %.1f s", job.outcome, job.job.collection(),
                      job.job.source(), job.passages, absl::ToDoubleSeconds(job.took));
  if (!job.error.empty()) absl::StrAppend(&line, ": ", job.error);
  std::printf("%s\n", line.c_str());
}

}  // namespace

absl::Status TakeWorkerOptions(std::vector<std::string>& words, WorkerToolOptions& options) {
  std::vector<std::string> rest;
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view value = words[i];
    if (words[i] == "--json") {
      options.json = true;
      continue;
    }
    if (words[i] == "--jobs") {
      value = i + 1 < words.size() ? absl::string_view(words[++i]) : "";
    } else if (!absl::ConsumePrefix(&value, "--jobs=")) {
      rest.push_back(words[i]);
      continue;
    }
    if (!absl::SimpleAtoi(value, &options.jobs) || options.jobs < 1 || options.jobs > kMostJobs) {
      return absl::InvalidArgumentError(
          absl::StrCat("--jobs: expected 1..", kMostJobs, ", got \"", value, "\""));
    }
  }
  words = std::move(rest);
  return absl::OkStatus();
}

absl::Status RunWorker(const WorkerToolOptions& options, const model::LoadedModel& model,
                       edge::ShutdownSignals& signals) {
  if (model.encoder == nullptr) {
    return absl::FailedPreconditionError("the model folder holds no encoder");
  }
  WorkerClient client(ChannelTo(options.server));
  WorkerSession session({.name = OwnName(), .jobs = options.jobs, .own = options.media}, client,
                        *model.encoder, model.generator.get(), [&](const WorkedJob& job) {
                          options.json ? PrintJson(job) : PrintLine(job);
                          std::fflush(stdout);
                        });
  absl::Notification stop;
  absl::Notification done;
  std::thread watch([&] {
    while (!done.HasBeenNotified()) {
      if (!signals.Wait(absl::Now() + absl::Milliseconds(200))) continue;
      stop.Notify();
      client.Stop();
      return;
    }
  });
  absl::Status status = session.Run(stop);
  done.Notify();
  watch.join();
  if (absl::IsUnimplemented(status)) {
    status = absl::UnimplementedError(
        absl::StrCat(options.server, " takes no workers: ingest.remote_workers is false there"));
  }
  return status;
}

}  // namespace sightline::services
