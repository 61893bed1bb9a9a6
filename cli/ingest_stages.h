#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/connection.h"
#include "sightline/v1/ingest.pb.h"

namespace sightline::cli {

// What the stages of a server's ingest did in some time, for all its clients.
class StageReport {
 public:
  // `before` and `after` as the server told them; counters that fell began anew in between.
  StageReport(const std::vector<v1::IngestStage>& before, const std::vector<v1::IngestStage>& after,
              absl::Duration took);

  bool empty() const { return stages_.empty(); }
  // The one whose threads had least time to spare; "" where none did anything.
  std::string slowest() const;
  // Keys "stages", of each its share "busy" of its threads' time, and "slowest_stage".
  std::string StagesJson() const;
  // "slowest stage ocr, at work 98 % of the time of its 2 threads; decode 3 %, ..."
  std::string Text() const;

 private:
  double Busy(const v1::IngestStage& stage) const;  // 0..1
  const v1::IngestStage* Slowest() const;           // null: none

  std::vector<v1::IngestStage> stages_;
  double seconds_ = 0;
};

// What the stages have done so far; nothing from a server that does not tell.
std::vector<v1::IngestStage> AskForStages(const Connection& connection);

}  // namespace sightline::cli
