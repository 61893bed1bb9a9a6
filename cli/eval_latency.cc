#include "cli/eval_latency.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/eval_metrics.h"
#include "cli/json_text.h"

namespace sightline::cli {
namespace {

// In the order in which a call passes them.
struct Stage {
  const char* name;
  double (v1::StageTimings::*ms)() const;
};
constexpr std::array<Stage, 11> kStages = {{{"encode", &v1::StageTimings::encode_ms},
                                            {"dense", &v1::StageTimings::dense_ms},
                                            {"patches", &v1::StageTimings::patches_ms},
                                            {"lexical", &v1::StageTimings::lexical_ms},
                                            {"fuse", &v1::StageTimings::fuse_ms},
                                            {"rerank", &v1::StageTimings::rerank_ms},
                                            {"second_look", &v1::StageTimings::second_look_ms},
                                            {"draft", &v1::StageTimings::draft_ms},
                                            {"first_token", &v1::StageTimings::first_token_ms},
                                            {"generate", &v1::StageTimings::generate_ms},
                                            {"total", &v1::StageTimings::total_ms}}};

JsonObject PercentilesJson(const std::vector<double>& samples) {
  JsonObject out;
  out.Number("calls", static_cast<int64_t>(samples.size()))
      .Real("p50", Percentile(50, samples))
      .Real("p95", Percentile(95, samples))
      .Real("p99", Percentile(99, samples));
  return out;
}

std::vector<std::string> Row(const std::string& name, const std::vector<double>& samples) {
  std::vector<std::string> row = {name, absl::StrCat(samples.size())};
  for (const double percent : {50.0, 95.0, 99.0}) {
    row.push_back(absl::StrFormat("%.2f", Percentile(percent, samples)));
  }
  return row;
}

}  // namespace

void Latencies::Add(const std::string& kind, double ms) { Add(kind, ms, {}); }

void Latencies::Add(const std::string& kind, double ms, const v1::StageTimings& stages) {
  absl::MutexLock lock(&mu_);
  Samples& samples = samples_[kind];
  samples.calls.push_back(ms);
  for (const Stage& stage : kStages) {
    const double took = (stages.*stage.ms)();
    if (took > 0) samples.stages[stage.name].push_back(took);
  }
}

std::string Latencies::Json() const {
  absl::MutexLock lock(&mu_);
  JsonObject out;
  for (const auto& [kind, samples] : samples_) {
    JsonObject one = PercentilesJson(samples.calls);
    JsonObject stages;
    for (const Stage& stage : kStages) {
      const auto found = samples.stages.find(stage.name);
      if (found != samples.stages.end()) {
        stages.Raw(stage.name, PercentilesJson(found->second).Done());
      }
    }
    out.Raw(kind, one.Raw("stages", stages.Done()).Done());
  }
  return out.Done();
}

std::string Latencies::Render(const Terminal& terminal) const {
  absl::MutexLock lock(&mu_);
  Table table({"call, and its stages", "calls", "p50 ms", "p95 ms", "p99 ms"},
              {Table::kLeft, Table::kRight, Table::kRight, Table::kRight, Table::kRight});
  for (const auto& [kind, samples] : samples_) {
    table.Add(Row(kind, samples.calls));
    for (const Stage& stage : kStages) {
      const auto found = samples.stages.find(stage.name);
      if (found != samples.stages.end()) {
        table.Add(Row(absl::StrCat(kind, ": ", stage.name), found->second));
      }
    }
  }
  return table.Render(terminal);
}

}  // namespace sightline::cli
