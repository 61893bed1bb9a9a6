#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/query_arguments.h"
#include "client/failure.h"
#include "proto/reply_json.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

constexpr absl::Duration kAskTimeout = absl::Minutes(10);  // on a CPU a word may take a second
constexpr uint64_t kMaxSchemaBytes = 1 << 20;

struct AskArguments {
  CommonArguments common;
  QueryArguments query;
  bool extractive = false;
  bool generative = false;
  bool reasoning = false;
  bool regions = false;
  std::string schema;  // path
  std::string verdicts = "flag";
  int max_tokens = 0;
  std::optional<double> temperature;
  std::optional<double> seed;
};

v1::VerdictPolicy PolicyOf(const std::string& name) {
  if (name == "drop") return v1::VERDICT_POLICY_DROP;
  if (name == "regenerate") return v1::VERDICT_POLICY_REGENERATE;
  return v1::VERDICT_POLICY_FLAG;
}

absl::StatusOr<v1::SearchAndAnswerRequest> MakeRequest(const AskArguments& arguments) {
  if (arguments.extractive && arguments.generative) {
    return absl::InvalidArgumentError("--extractive and --generative exclude each other");
  }
  auto search = MakeSearchRequest(arguments.query);
  if (!search.ok()) return search.status();
  v1::SearchAndAnswerRequest request;
  *request.mutable_search() = *std::move(search);
  if (arguments.extractive) request.set_mode(v1::ANSWER_MODE_EXTRACTIVE);
  if (arguments.generative) request.set_mode(v1::ANSWER_MODE_GENERATIVE);
  request.set_verdict_policy(PolicyOf(arguments.verdicts));
  request.set_reasoning(arguments.reasoning);
  request.set_regions(arguments.regions);
  request.mutable_sampling()->set_max_tokens(arguments.max_tokens);
  if (arguments.temperature.has_value()) {
    request.mutable_sampling()->set_temperature(static_cast<float>(*arguments.temperature));
  }
  if (arguments.seed.has_value()) {
    request.mutable_sampling()->set_seed(static_cast<uint64_t>(*arguments.seed));
  }
  if (!arguments.schema.empty()) {
    auto schema = ReadFile(arguments.schema, kMaxSchemaBytes);
    if (!schema.ok()) return schema.status();
    request.set_json_schema(*std::move(schema));
  }
  return request;
}

std::string Footer(const v1::AnswerResponse& reply) {
  std::string out =
      absl::StrCat(Counted(reply.hits_size(), "passage"), " read, ",
                   Counted(reply.usage().completion_tokens(), "token"), " written in ",
                   ShortDuration(absl::Milliseconds(reply.timings().total_ms())));
  if (reply.mode() == v1::ANSWER_MODE_EXTRACTIVE) out += "; sentences quoted from the sources";
  if (reply.cached()) out += "; kept from an earlier, identical question";
  if (reply.abstained()) out += "; no answer in this collection";
  return out;
}

std::string FollowUpText(const v1::FollowUp& follow_up) {
  std::string out = absl::StrCat("searched for: ", OneLine(Printable(follow_up.rewritten_query())));
  if (follow_up.pictures_size() > 0) {
    absl::StrAppend(&out, ", with ", Counted(follow_up.pictures_size(), "earlier picture"));
  }
  return out;
}

// Prints the answer as it comes; keeps what was printed, because the checks after the last word may
// change the answer.
class AnswerPrinter {
 public:
  AnswerPrinter(const Terminal& terminal, bool json) : terminal_(terminal), json_(json) {}

  void Take(const v1::AnswerEvent& event) {
    if (event.has_done()) done_ = event.done();
    if (event.has_reasoning() && !json_) {
      reasoned_ = true;
      Print(Styled(terminal_, Style::kDim, Printable(event.reasoning().text())));
      std::fflush(stdout);
    }
    if (!event.has_delta() || json_) return;
    if (std::exchange(reasoned_, false)) Print("\n\n");
    streamed_ += event.delta().text();
    Print(Printable(event.delta().text()));
    std::fflush(stdout);
  }

  // False when the stream ended without its last event.
  bool Finish() {
    if (!done_.has_value()) return false;
    if (json_) {
      PrintLine(AnswerReplyJson(*done_));
      return true;
    }
    if (!streamed_.empty()) PrintLine("");
    if (done_->answer() != streamed_) {
      if (!streamed_.empty()) {
        PrintLine(Styled(terminal_, Style::kBold, "\nAfter the check of its sources:"));
      }
      PrintLine(Printable(done_->answer()));
    }
    if (done_->has_follow_up()) {
      PrintLine(Styled(terminal_, Style::kDim, FollowUpText(done_->follow_up())));
    }
    const std::string sources = RenderCitations(terminal_, *done_);
    if (!sources.empty()) Print("\n" + Styled(terminal_, Style::kBold, "Sources") + "\n" + sources);
    PrintLine(Styled(terminal_, Style::kDim, Footer(*done_)));
    std::fputs(RenderWarnings(done_->warnings()).c_str(), stderr);
    return true;
  }

  // After a failure in the middle of a line.
  void Break() {
    if (!streamed_.empty()) PrintLine("");
    std::fflush(stdout);
  }

 private:
  const Terminal& terminal_;
  const bool json_;
  std::string streamed_;
  bool reasoned_ = false;  // the reasoning was printed last
  std::optional<v1::AnswerResponse> done_;
};

int Ask(const AskArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto request = MakeRequest(arguments);
  if (!request.ok()) return ReportFailure(request.status(), json);
  const auto connection = Connect(arguments.common, environment, kAskTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = v1::QueryService::NewStub((*connection)->channel());
  CallContext context((*connection)->Deadline());
  AnswerPrinter printer(environment.terminal, json);
  const auto stream = stub->SearchAndAnswer(context.get(), *request);
  v1::AnswerEvent event;
  while (stream->Read(&event)) printer.Take(event);
  absl::Status status = client::FromRpc(stream->Finish());
  if (status.ok() && !printer.Finish()) {
    status = absl::InternalError("the server ended the answer before its last part");
  }
  if (status.ok()) return kDone;
  printer.Break();
  return ReportFailure(status, json);
}

}  // namespace

void AddAsk(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<AskArguments>();
  Arguments command =
      program.Command("ask", "Ask a question; the answer shows its sources",
                      "sightline ask 'How is a release rolled back?' -c office --data ./corpus\n"
                      "sightline ask 'Which shelf is this from?' --image box.jpg -c shop\n"
                      "sightline ask 'Who signed it?' -c office --extractive --json",
                      [arguments, &environment] { return Ask(*arguments, environment); });
  command.Text("question", arguments->query.text, "The question", "TEXT", true);
  AddQueryArguments(command, arguments->query);
  command.Flag("--extractive", arguments->extractive,
               "Quote the best sentences instead of writing an answer");
  command.Flag("--generative", arguments->generative,
               "Write an answer, also where the model's bundle says that answers are quoted");
  command.Flag("--reasoning", arguments->reasoning,
               "Observe, analyse and conclude first, apart from the answer");
  command.Flag("--regions", arguments->regions,
               "Of a written answer: where the pictures it cites show it");
  command.Text("--schema", arguments->schema, "The answer is JSON of this JSON schema", "F.json");
  command.Choice("--verdicts", arguments->verdicts, {"flag", "drop", "regenerate"},
                 "What happens to sentences that their sources do not support; default flag");
  command.Integer("--max-tokens", arguments->max_tokens, 1, 1 << 20,
                  "Longest answer; default the server's");
  command.Real("--temperature", arguments->temperature, 0, 100,
               "0 always takes the likeliest word");
  command.Real("--seed", arguments->seed, 0, 9007199254740992.0, "Of the random choices");
  AddCommonArguments(command, arguments->common);
}

}  // namespace sightline::cli
