#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/health_checks.h"
#include "cli/json_text.h"
#include "sightline/v1/model.grpc.pb.h"

namespace sightline::cli {
namespace {

struct DoctorArguments {
  std::string server;
  std::string data = "./sightline-data";
  std::string model;
  bool json = false;
};

std::string ModelText(const v1::GetModelResponse& model) {
  std::string out;
  const auto add = [&out](const char* role, bool present, const v1::ModelPart& part) {
    absl::StrAppend(&out, out.empty() ? "" : ", ", role, " ",
                    present ? Printable(part.name()) : std::string("none"));
  };
  add("encoder", model.has_encoder(), model.encoder());
  add("reranker", model.has_reranker(), model.reranker());
  add("generator", model.has_generator(), model.generator());
  return out;
}

// A server that was named must answer; one at the usual address need not exist.
std::vector<CheckResult> CheckServer(const DoctorArguments& arguments,
                                     const Environment& environment) {
  ConnectionOptions options;
  options.server = arguments.server;
  options.fallback = environment.server;
  options.timeout = absl::Seconds(5);
  const bool named = !arguments.server.empty() || !environment.server.empty();
  const auto connection = Connection::Open(options);
  if (!connection.ok()) {
    if (!named) return {{"server", Health::kOk, "none runs at the usual address", ""}};
    return {{"server", Health::kFailure, std::string(connection.status().message()),
             "start it with `sightline serve`, or correct the address"}};
  }
  const auto stub = v1::ModelService::NewStub((*connection)->channel());
  const auto model = Call(**connection, *stub, &v1::ModelService::Stub::GetModel, {});
  if (!model.ok()) {
    return {{"server", Health::kFailure,
             absl::StrCat((*connection)->address(), ": ", model.status().message()),
             "look at the server's log"}};
  }
  std::vector<CheckResult> results = {
      {"server", Health::kOk, absl::StrCat((*connection)->address(), ", ", ModelText(*model)), ""}};
  for (const std::string& warning : model->warnings()) {
    results.push_back({"server's model", Health::kWarning, warning, "serve a trained model"});
  }
  return results;
}

std::string HealthName(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kWarning: return "warn";
    case Health::kFailure: return "fail";
  }
  return "fail";
}

Style HealthStyle(Health health) {
  switch (health) {
    case Health::kOk: return Style::kGreen;
    case Health::kWarning: return Style::kYellow;
    case Health::kFailure: return Style::kRed;
  }
  return Style::kRed;
}

std::string ResultsJson(const std::vector<CheckResult>& results, bool healthy) {
  std::string checks;
  for (const CheckResult& result : results) {
    absl::StrAppend(&checks, checks.empty() ? "" : ",",
                    JsonObject()
                        .Text("name", result.name)
                        .Text("status", HealthName(result.health))
                        .Text("detail", result.detail)
                        .Raw("remedy", result.remedy.empty() ? "null" : JsonString(result.remedy))
                        .Done());
  }
  return JsonObject().Bool("ok", healthy).Raw("checks", absl::StrCat("[", checks, "]")).Done();
}

std::string ResultsText(const Terminal& terminal, const std::vector<CheckResult>& results) {
  size_t widest = 0;
  for (const CheckResult& result : results) widest = std::max(widest, result.name.size());
  std::string out;
  for (const CheckResult& result : results) {
    std::string health = HealthName(result.health);
    health.resize(5, ' ');
    std::string name = result.name;
    name.resize(widest + 2, ' ');
    absl::StrAppend(&out, Styled(terminal, HealthStyle(result.health), health), " ", name,
                    OneLine(result.detail), "\n");
    if (!result.remedy.empty()) {
      absl::StrAppend(&out, std::string(widest + 8, ' '), "-> ", result.remedy, "\n");
    }
  }
  return out;
}

int Doctor(const DoctorArguments& arguments, const Environment& environment) {
  std::vector<CheckResult> results =
      CheckMachine({.data = arguments.data, .model = arguments.model});
  for (CheckResult& result : CheckServer(arguments, environment)) {
    results.push_back(std::move(result));
  }
  if (Interrupted()) return kInterrupted;
  bool healthy = true;
  for (const CheckResult& result : results) healthy = healthy && result.health != Health::kFailure;
  if (arguments.json) {
    PrintLine(ResultsJson(results, healthy));
  } else {
    Print(ResultsText(environment.terminal, results));
  }
  return healthy ? kDone : kFailed;
}

}  // namespace

void AddDoctor(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<DoctorArguments>();
  Arguments command =
      program.Command("doctor", "Check this machine, and say what to do about what is wrong",
                      "sightline doctor\nsightline doctor --data /var/lib/sightline --json\n"
                      "sightline doctor --server 10.0.0.7:50051\n"
                      "Exit codes: 0 nothing failed (there may be warnings), 1 something failed",
                      [arguments, &environment] { return Doctor(*arguments, environment); });
  command.Text("--server", arguments->server, "A server that has to answer", "HOST:PORT");
  command.Text("--data", arguments->data, "Folder of the corpus; default ./sightline-data", "DIR");
  command.Text("--model", arguments->model, "Model folder to look at", "DIR");
  command.Flag("--json", arguments->json, "JSON for machines");
}

}  // namespace sightline::cli
