#include "cli/eval_latency.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/eval_metrics.h"
#include "cli/json_text.h"

namespace sightline::cli {

void Latencies::Add(const std::string& kind, double ms) {
  absl::MutexLock lock(&mu_);
  samples_[kind].push_back(ms);
}

std::string Latencies::Json() const {
  absl::MutexLock lock(&mu_);
  JsonObject out;
  for (const auto& [kind, samples] : samples_) {
    out.Raw(kind, JsonObject()
                      .Number("calls", static_cast<int64_t>(samples.size()))
                      .Real("p50", Percentile(50, samples))
                      .Real("p95", Percentile(95, samples))
                      .Real("p99", Percentile(99, samples))
                      .Done());
  }
  return out.Done();
}

std::string Latencies::Render(const Terminal& terminal) const {
  absl::MutexLock lock(&mu_);
  Table table({"call", "calls", "p50 ms", "p95 ms", "p99 ms"},
              {Table::kLeft, Table::kRight, Table::kRight, Table::kRight, Table::kRight});
  for (const auto& [kind, samples] : samples_) {
    std::vector<std::string> row = {kind, absl::StrCat(samples.size())};
    for (const double percent : {50.0, 95.0, 99.0}) {
      row.push_back(absl::StrFormat("%.1f", Percentile(percent, samples)));
    }
    table.Add(std::move(row));
  }
  return table.Render(terminal);
}

}  // namespace sightline::cli
