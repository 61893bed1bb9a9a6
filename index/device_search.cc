#include "index/device_search.h"

#include <algorithm>
#include <utility>

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
  while (n <= most) {
    ask = std::min(ask, most);
    DeviceFound found;
    SL_ASSIGN_OR_RETURN(found.hits, device.Search(query, code, words, ask));
    const bool all = static_cast<int>(found.hits.size()) < ask;
    const float last = found.hits.empty() ? 0 : found.hits.back().score;
    ScoreAgain(rows, query, found.hits);
    const bool enough = static_cast<int>(found.hits.size()) >= n;
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
