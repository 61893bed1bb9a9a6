#include "index/device_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "index/allowed_rows.h"
#include "index/recall.h"

namespace sightline::index {
namespace {

// Asked for at first: so many are within the codes' error of the best. A second time that many.
constexpr int kFirst = 64;
constexpr int kMore = 8;
// Where the device's scores bound nothing, so many for each that is wanted.
constexpr int kOversample = 10;
// Of the errors of estimates, by which the wanted are to stand out: of hits that score all alike,
// the tenth of 640 does by two and a bit.
constexpr double kDeviations = 2.5;
// Where a filter leaves less, whether it works against the query is looked at.
constexpr double kFiltered = 0.7;
// A device that finds less of the nearest costs more than it helps.
constexpr float kLeastRecall = 0.5f;

std::vector<uint32_t> AllowedWords(const VectorRows& rows, const PassageSet& allowed) {
  std::vector<uint32_t> words(static_cast<size_t>((rows.size() + 31) / 32));
  for (int64_t row = 0; row < rows.size(); row += 64) {
    const int count = static_cast<int>(std::min<int64_t>(64, rows.size() - row));
    const uint64_t bits = AllowedBits(rows, row, count, allowed);
    const auto word = static_cast<size_t>(row / 32);
    words[word] = static_cast<uint32_t>(bits);
    if (word + 1 < words.size()) words[word + 1] = static_cast<uint32_t>(bits >> 32);
  }
  return words;
}

int64_t CountOf(std::span<const uint32_t> words) {
  int64_t count = 0;
  for (const uint32_t word : words) count += std::popcount(word);
  return count;
}

// Whether rows that score no better than the last hit did, by the device, are hardly among the best
// `n`: told from how far its scores of the hits were off. `estimated` are those, in the order of
// `hits` before they were scored again.
bool StandsOut(std::span<const RowScore> estimated, std::span<const RowScore> hits, int n) {
  double estimates = 0;
  double scores = 0;
  for (const RowScore& hit : hits) scores += hit.score;
  for (const RowScore& hit : estimated) estimates += hit.score;
  const auto count = static_cast<double>(hits.size());
  const double off = (scores - estimates) / count;
  absl::flat_hash_map<int64_t, float> by_row;
  for (const RowScore& hit : hits) by_row[hit.row] = hit.score;
  double squares = 0;
  for (const RowScore& hit : estimated) {
    const double left = by_row[hit.row] - hit.score - off;
    squares += left * left;
  }
  return hits[static_cast<size_t>(n) - 1].score >=
         estimated.back().score + off + kDeviations * std::sqrt(squares / count);
}

// As the vectors are stored, best first.
void ScoreAgain(const VectorRows& rows, std::span<const float> query, std::vector<RowScore>& hits) {
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < hits.size(); ++i) {
    if (i + kAhead < hits.size()) rows.FetchForScore(hits[i + kAhead].row);
    hits[i].score = rows.Score(query, hits[i].row);
  }
  std::sort(hits.begin(), hits.end(), [](const RowScore& a, const RowScore& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
}

}  // namespace

absl::StatusOr<std::optional<DeviceFound>> SearchOnDevice(const DeviceRows& device,
                                                          const VectorRows& rows,
                                                          std::span<const float> query,
                                                          const PassageSet& allowed, int n) {
  const int most = device.most_hits();
  const QueryCode code(query);
  const std::optional<float> slack = device.Slack(code);
  const std::vector<uint32_t> words = AllowedWords(rows, allowed);
  int ask = std::max(kFirst, (slack.has_value() ? 2 : kOversample) * n);
  const bool filtered =
      device.scores_are_estimates() &&
      static_cast<double>(CountOf(words)) < kFiltered * static_cast<double>(rows.size());
  const int first_ask = ask;
  while (n <= most) {
    ask = std::min(ask, most);
    DeviceFound found;
    SL_ASSIGN_OR_RETURN(found.hits, device.Search(query, code, words, ask));
    const bool all = static_cast<int>(found.hits.size()) < ask;
    const float last = found.hits.empty() ? 0 : found.hits.back().score;
    const std::vector<RowScore> estimated = found.hits;
    ScoreAgain(rows, query, found.hits);
    const bool enough = static_cast<int>(found.hits.size()) >= n;
    // A filter that works against the query leaves many rows that score alike, or few where the
    // device looks.
    if (enough && filtered && (all || !StandsOut(estimated, found.hits, n))) {
      if (ask > first_ask || ask == most) break;
      ask *= kMore;
      continue;
    }
    if (enough) found.hits.resize(static_cast<size_t>(n));
    found.exact = slack.has_value() && (all || (enough && found.hits.back().score > last + *slack));
    if (slack.has_value() ? found.exact : enough) return found;
    if (!slack.has_value() || ask == most) break;
    ask *= kMore;
  }
  return std::nullopt;
}

absl::StatusOr<SegmentPtr> PutOnDevice(SegmentPtr segment, RowDevice& device,
                                       const std::function<bool()>& stop) {
  const VectorRows& rows = segment->rows;
  const auto refused = [&](const absl::Status& why) {
    log::Warning("vectors of a segment are not on the device, and are searched without it",
                 {{"vectors", rows.size()}, {"error", why.ToString()}});
    return segment;
  };
  auto copied = device.Put(rows);
  if (!copied.ok()) return refused(copied.status());
  auto out = std::make_shared<Segment>(*segment);
  out->device = *std::move(copied);
  bool claims_all = true;
  const auto search = [&](std::span<const float> query, const PassageSet& all,
                          int n) -> absl::StatusOr<std::vector<RowScore>> {
    SL_ASSIGN_OR_RETURN(auto found, SearchOnDevice(*out->device, rows, query, all, n));
    claims_all = claims_all && found.has_value() && found->exact;
    return found.has_value() ? std::move(found->hits) : std::vector<RowScore>();
  };
  const auto recall = MeasureRecall(rows, search, stop);
  if (absl::IsCancelled(recall.status())) return recall.status();
  if (!recall.ok()) return refused(recall.status());
  if (*recall < (claims_all ? 1 : kLeastRecall)) {
    return refused(absl::InternalError(absl::StrCat("it finds ", *recall, " of the nearest",
                                                    claims_all ? ", and claims all" : "")));
  }
  out->device_recall = *recall;
  return out;
}

}  // namespace sightline::index
