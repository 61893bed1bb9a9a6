#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"
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
  std::string heatmaps;  // folder
};

// Writes the heatmap of each hit that has a picture to `folder`, "RANK.png". What fails is
// told on standard error. Returns how many failed.
absl::StatusOr<int> WriteHeatmaps(const Connection& connection, v1::QueryService::Stub& stub,
                                  const v1::SearchRequest& request, const v1::SearchResponse& found,
                                  const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the folder ", folder, ": ", error.message()));
  }
  int failed = 0;
  for (int i = 0; i < found.hits_size(); ++i) {
    const v1::Passage& passage = found.hits(i).passage();
    if (!passage.has_image()) continue;
    v1::GetPassageHeatmapRequest wanted;
    wanted.set_passage_id(passage.passage_id());
    *wanted.mutable_query() = request.query();
    wanted.set_instruction(request.instruction());
    wanted.set_picture(v1::HEATMAP_PICTURE_OVER);
    const auto heatmap = Call(connection, stub, &v1::QueryService::Stub::GetPassageHeatmap, wanted);
    if (absl::IsCancelled(heatmap.status())) return heatmap.status();
    if (!heatmap.ok()) {
      ++failed;
      std::fprintf(stderr, "warning: no heatmap of hit %d: %s\n", i + 1,
                   std::string(heatmap.status().message()).c_str());
      continue;
    }
    SL_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(folder, "/", i + 1, ".png"), heatmap->drawn()));
  }
  return failed;
}

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
  int failed = 0;
  if (!arguments.heatmaps.empty()) {
    const auto written = WriteHeatmaps(**connection, *stub, *request, *reply, arguments.heatmaps);
    if (!written.ok()) return ReportFailure(written.status(), json);
    failed = *written;
  }
  const int exit_code = failed == 0 ? kDone : kSomeFailed;
  if (json) {
    PrintLine(SearchReplyJson(*reply));
    return exit_code;
  }
  Print(RenderHits(environment.terminal, reply->hits()));
  PrintLine(Styled(environment.terminal, Style::kDim, Footer(*reply)));
  std::fputs(RenderWarnings(reply->warnings()).c_str(), stderr);
  return exit_code;
}

}  // namespace

void AddSearch(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<SearchArguments>();
  Arguments command =
      program.Command("search", "Find passages by text, by picture, or by both",
                      "sightline search 'rollback procedure' -c office --data ./corpus\n"
                      "sightline search '\"rollback procedure\" deploy*' -c office\n"
                      "sightline search --image shoe.jpg -c shop -k 5\n"
                      "sightline search 'in red' --image shoe.jpg --crop 0.2,0.1,0.8,0.9 -c shop\n"
                      "sightline search boots --less-like '0.5*text:with heels' -c shop\n"
                      "sightline search 'red mug' -c shop --heatmaps ./where\n"
                      "sightline search --more-like document:manual.pdf -c office\n"
                      "sightline search 发票 -c office --filter 'year >= 2023' --json",
                      [arguments, &environment] { return Search(*arguments, environment); });
  command.Text(
      "text", arguments->query.text,
      "What to look for; \"words in a row\" must stand so, begin* is any word that begins so");
  command.Text("--heatmaps", arguments->heatmaps,
               "Write pictures that show where each hit matches to this folder, RANK.png", "DIR");
  AddQueryArguments(command, arguments->query);
  AddCommonArguments(command, arguments->common);
}

}  // namespace sightline::cli
