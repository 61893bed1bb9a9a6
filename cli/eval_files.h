#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/eval_metrics.h"
#include "sightline/v1/query.pb.h"

// Results in the forms that other tools of retrieval read.
namespace sightline::cli {

struct RankedDocument {
  std::string id;
  float score = 0;  // of its best hit
};

// The documents of hits, best first, each once.
std::vector<RankedDocument> RankedDocuments(
    const google::protobuf::RepeatedPtrField<v1::Hit>& hits);
std::vector<std::string> IdsOf(std::span<const RankedDocument> ranked);

// Writes what can be made again, so it is not synced; makes the folders above it. kUnavailable.
absl::Status WriteUnsynced(const std::string& path, absl::string_view content);

// Lines of a TREC run, "QUERY Q0 DOCUMENT RANK SCORE TAG". Readers of runs order by score and know
// nothing of ties: where scores do not fall, they are lowered by as little as a float can be.
std::string RunLines(const std::string& query, std::span<const RankedDocument> ranked,
                     absl::string_view tag);
// kInvalidArgument: the id of a query or document, `what`, is empty or has white space, which a run
// cannot hold.
absl::Status CheckRunId(absl::string_view what, const std::string& id);

// What one way to search reached.
struct ResultRow {
  std::string subset;                     // its name
  std::vector<RankingScore> scores = {};  // of each query
  int depth = 0;                          // documents looked at; figures beyond are left out
};

// A results file of MTEB: {"dataset_revision","task_name","mteb_version","scores":{SPLIT:[{
// "hf_subset","languages","main_score","ndcg_at_10",…}]},"evaluation_time","kg_co2_emissions"}.
// Rows without scores are left out.
std::string MtebResults(const std::string& task_name, const std::string& revision,
                        const std::string& split, std::span<const ResultRow> rows, double seconds);

}  // namespace sightline::cli
