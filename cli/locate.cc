#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/query_arguments.h"
#include "proto/reply_json.h"
#include "sightline/v1/model.grpc.pb.h"

namespace sightline::cli {
namespace {

constexpr absl::Duration kLocateTimeout = absl::Minutes(10);  // on a CPU a word may take a second

struct LocateArguments {
  CommonArguments common;
  std::string picture;  // path
  std::string text;
};

absl::StatusOr<v1::LocateRequest> MakeRequest(const LocateArguments& arguments) {
  if (!IsValidUtf8(arguments.text)) {
    return absl::InvalidArgumentError("the text must be UTF-8");
  }
  v1::LocateRequest request;
  SL_ASSIGN_OR_RETURN(*request.add_content()->mutable_image(), ReadPicture(arguments.picture));
  request.add_content()->set_text(arguments.text);
  return request;
}

// A line for each place, the best first.
std::string RenderPlaces(const Terminal& terminal, const v1::LocateResponse& reply) {
  std::string out;
  for (const v1::LocatedPlace& place : reply.places()) {
    const std::string region = RenderRegion(place.box());
    absl::StrAppend(&out, out.empty() ? Styled(terminal, Style::kBold, region) : region, ": ",
                    OneLine(Printable(place.says())), "\n");
  }
  return out;
}

int Locate(const LocateArguments& arguments, const Environment& environment) {
  const bool json = arguments.common.json;
  const auto request = MakeRequest(arguments);
  if (!request.ok()) return ReportFailure(request.status(), json);
  const auto connection = Connect(arguments.common, environment, kLocateTimeout);
  if (!connection.ok()) return ReportFailure(connection.status(), json);
  const auto stub = v1::ModelService::NewStub((*connection)->channel());
  const auto reply = Call(**connection, *stub, &v1::ModelService::Stub::Locate, *request);
  if (!reply.ok()) return ReportFailure(reply.status(), json);
  if (json) {
    PrintLine(LocateReplyJson(*reply));
  } else if (reply->places().empty()) {
    PrintLine("The model shows no place.");
  } else {
    Print(RenderPlaces(environment.terminal, *reply));
  }
  return kDone;
}

}  // namespace

void AddLocate(Arguments& program, const Environment& environment) {
  auto arguments = std::make_shared<LocateArguments>();
  Arguments command =
      program.Command("locate", "Say where in a picture something is",
                      "sightline locate shelf.jpg 'Where is the red mug?' --data ./corpus\n"
                      "sightline locate invoice.png 'Where does it say what is to be paid?' --json",
                      [arguments, &environment] { return Locate(*arguments, environment); });
  command.Text("picture", arguments->picture, "The picture's file", "F", true);
  command.Text("text", arguments->text, "What to look for", "TEXT", true);
  AddCommonArguments(command, arguments->common);
}

}  // namespace sightline::cli
