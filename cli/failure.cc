#include "cli/failure.h"

#include <cstdio>

#include "absl/strings/ascii.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/json_text.h"
#include "cli/terminal.h"
#include "client/failure.h"

namespace sightline::cli {
namespace {

std::string CodeName(const absl::Status& status) {
  return absl::AsciiStrToLower(absl::StatusCodeToString(status.code()));
}

int ExitCodeOf(const absl::Status& status) {
  if (Interrupted() && absl::IsCancelled(status)) return kInterrupted;
  return absl::IsInvalidArgument(status) ? kWrongUsage : kFailed;
}

}  // namespace

int ReportFailure(const absl::Status& status, bool json) {
  const int exit_code = ExitCodeOf(status);
  if (exit_code == kInterrupted) {
    std::fprintf(stderr, "interrupted\n");
    return exit_code;
  }
  if (!json) {
    std::fprintf(stderr, "error: %s (%s)\n",
                 Printable(status.message().empty() ? "no message" : status.message()).c_str(),
                 CodeName(status).c_str());
    return exit_code;
  }
  const std::string field = client::FailureField(status);
  const std::string reason = client::FailureReason(status);
  std::fprintf(stderr, "{\"error\":{\"message\":%s,\"type\":%s,\"param\":%s,\"code\":%s}}\n",
               JsonString(status.message()).c_str(), JsonString(CodeName(status)).c_str(),
               field.empty() ? "null" : JsonString(field).c_str(),
               JsonString(reason.empty() ? CodeName(status) : reason).c_str());
  return exit_code;
}

}  // namespace sightline::cli
