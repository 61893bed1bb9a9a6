#include "cli/ingest_stages.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/json_text.h"
#include "cli/terminal.h"
#include "sightline/v1/ingest.grpc.pb.h"

namespace sightline::cli {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

std::string Percent(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

}  // namespace

StageReport::StageReport(const std::vector<v1::IngestStage>& before,
                         const std::vector<v1::IngestStage>& after, absl::Duration took)
    : stages_(after), seconds_(absl::ToDoubleSeconds(took)) {
  for (v1::IngestStage& stage : stages_) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const auto& other) {
      return other.stage() == stage.stage();
    });
    if (same == before.end() || same->seconds() > stage.seconds()) continue;
    stage.set_seconds(stage.seconds() - same->seconds());
    stage.set_items(stage.items() - same->items());
    stage.set_bytes(stage.bytes() - same->bytes());
  }
}

double StageReport::Busy(const v1::IngestStage& stage) const {
  const double all = seconds_ * std::max(1, stage.threads());
  return all > 0 ? std::min(1.0, stage.seconds() / all) : 0;
}

const v1::IngestStage* StageReport::Slowest() const {
  const auto most =
      std::max_element(stages_.begin(), stages_.end(),
                       [this](const auto& a, const auto& b) { return Busy(a) < Busy(b); });
  return most == stages_.end() || Busy(*most) == 0 ? nullptr : &*most;
}

std::string StageReport::slowest() const {
  const v1::IngestStage* const stage = Slowest();
  return stage == nullptr ? "" : stage->stage();
}

std::string StageReport::StagesJson() const {
  std::vector<std::string> out;
  for (const v1::IngestStage& stage : stages_) {
    out.push_back(JsonObject()
                      .Text("stage", stage.stage())
                      .Number("threads", stage.threads())
                      .Real("seconds", stage.seconds())
                      .Real("busy", Busy(stage))
                      .Number("items", stage.items())
                      .Number("bytes", stage.bytes())
                      .Done());
  }
  return absl::StrCat("[", absl::StrJoin(out, ","), "]");
}

std::string StageReport::Text() const {
  const v1::IngestStage* const slowest = Slowest();
  if (slowest == nullptr) return "";
  std::vector<std::string> others;
  for (const v1::IngestStage& stage : stages_) {
    if (&stage == slowest || stage.seconds() == 0) continue;
    others.push_back(absl::StrCat(stage.stage(), " ", Percent(Busy(stage))));
  }
  return absl::StrCat("slowest stage: ", slowest->stage(), ", at work ", Percent(Busy(*slowest)),
                      " of the time", slowest->threads() > 1 ? " of its " : "",
                      slowest->threads() > 1 ? Counted(slowest->threads(), "thread") : "",
                      others.empty() ? "" : "; ", absl::StrJoin(others, ", "));
}

std::vector<v1::IngestStage> AskForStages(const Connection& connection) {
  const auto stub = v1::IngestService::NewStub(connection.channel());
  CallContext context(absl::Now() + kPatience);
  v1::ListIngestStagesResponse reply;
  if (!stub->ListIngestStages(context.get(), {}, &reply).ok()) return {};
  return {reply.stages().begin(), reply.stages().end()};
}

}  // namespace sightline::cli
