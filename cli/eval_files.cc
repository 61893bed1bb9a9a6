#include "cli/eval_files.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/eval_report.h"
#include "cli/json_text.h"

namespace sightline::cli {
namespace {

double Mean(const ResultRow& row, double RankingScore::* value) {
  double sum = 0;
  for (const RankingScore& score : row.scores) sum += score.*value;
  return sum / static_cast<double>(row.scores.size());
}

std::string RowJson(const ResultRow& row) {
  JsonObject out;
  out.Text("hf_subset", row.subset)
      .Raw("languages", "[]")
      .Raw("main_score", FigureJson(Mean(row, &RankingScore::ndcg_at_10)));
  for (const RankingFigure& figure : kRankingFigures) {
    if (figure.depth <= row.depth) out.Raw(figure.name, FigureJson(Mean(row, figure.value)));
  }
  return out.Done();
}

}  // namespace

std::vector<RankedDocument> RankedDocuments(
    const google::protobuf::RepeatedPtrField<v1::Hit>& hits) {
  std::vector<RankedDocument> out;
  std::set<std::string> seen;
  for (const v1::Hit& hit : hits) {
    const std::string& document = hit.passage().document_id();
    if (seen.insert(document).second) out.push_back({.id = document, .score = hit.score()});
  }
  return out;
}

std::vector<std::string> IdsOf(std::span<const RankedDocument> ranked) {
  std::vector<std::string> out;
  for (const RankedDocument& document : ranked) out.push_back(document.id);
  return out;
}

absl::Status WriteUnsynced(const std::string& path, absl::string_view content) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (file.fail()) return absl::UnavailableError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

std::string RunLines(const std::string& query, std::span<const RankedDocument> ranked,
                     absl::string_view tag) {
  std::string out;
  float last = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < ranked.size(); ++i) {
    const float below = std::nextafter(last, -std::numeric_limits<float>::infinity());
    last = std::min(ranked[i].score, below);
    absl::StrAppendFormat(&out, "%s Q0 %s %d %.9g %s\n", query, ranked[i].id, i + 1, last, tag);
  }
  return out;
}

absl::Status CheckRunId(absl::string_view what, const std::string& id) {
  if (!id.empty() && std::none_of(id.begin(), id.end(), absl::ascii_isspace)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--run: the id of ", what, " \"", id, "\" has white space, which a TREC run cannot hold"));
}

std::string MtebResults(const std::string& task_name, const std::string& revision,
                        const std::string& split, std::span<const ResultRow> rows, double seconds) {
  JsonList list;
  for (const ResultRow& row : rows) {
    if (!row.scores.empty()) list.Add(RowJson(row));
  }
  return JsonObject()
             .Text("dataset_revision", revision)
             .Text("task_name", task_name)
             .Raw("mteb_version", "null")
             .Raw("scores", JsonObject().Raw(split, list.Done()).Done())
             .Real("evaluation_time", seconds)
             .Raw("kg_co2_emissions", "null")
             .Done() +
         "\n";
}

}  // namespace sightline::cli
