#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/query_arguments.h"
#include "proto/reply_json.h"
#include "sightline/v1/query.grpc.pb.h"

namespace sightline::cli {
namespace {

struct SearchArguments {
  CommonArguments common;
  QueryArguments query;
};

std::string Footer(const v1::SearchResponse& reply) {
  std::string exactness = "exact";
  if (!reply.exact()) {
    exactness = reply.has_recall() ? absl::StrFormat("estimated recall %.2f", reply.recall())
                                   : "approximate";
  }
  return absl::StrCat(Counted(reply.hits_size(), "hit"), " in ",
                      ShortDuration(absl::Milliseconds(reply.timings().total_ms())), " (",
                      exactness, ")");
}

int Search(const SearchArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto request = MakeSearchRequest(arguments.query);
  if (!request.ok()) return ReportFailure(request.status(), json);
  const auto connection = Connect(arguments.common, environment, kCallTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = v1::QueryService::NewStub((*connection)->channel());
  const auto reply = Call(**connection, *stub, &v1::QueryService::Stub::Search, *request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  if (json) {
    PrintLine(SearchReplyJson(*reply));
    return kDone;
  }
  Print(RenderHits(environment.terminal, reply->hits()));
  PrintLine(Styled(environment.terminal, Style::kDim, Footer(*reply)));
  std::fputs(RenderWarnings(reply->warnings()).c_str(), stderr);
  return kDone;
}

}  // namespace

void AddSearch(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<SearchArguments>();
  Arguments command =
      program.Command("search", "Find passages by text, by picture, or by both",
                      "sightline search 'rollback procedure' -c office --data ./corpus\n"
                      "sightline search --image shoe.jpg -c shop -k 5\n"
                      "sightline search 'in red' --image shoe.jpg --crop 0.2,0.1,0.8,0.9 -c shop\n"
                      "sightline search boots --less-like '0.5*text:with heels' -c shop\n"
                      "sightline search --more-like document:manual.pdf -c office\n"
                      "sightline search 发票 -c office --filter 'year >= 2023' --json",
                      [arguments, &environment] { return Search(*arguments, environment); });
  command.Text("text", arguments->query.text, "What to look for");
  AddQueryArguments(command, arguments->query);
  AddCommonArguments(command, arguments->common);
}

}  // namespace sightline::cli
