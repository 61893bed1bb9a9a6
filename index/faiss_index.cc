#include "index/faiss_index.h"

#include <algorithm>
#include <vector>

namespace sightline::index {
namespace {

constexpr int64_t kAddedAtOnce = 16'384;

void AppendFloats(const VectorRows& rows, int64_t row, std::vector<float>& out) {
  const size_t size = out.size();
  out.resize(size + static_cast<size_t>(rows.dimension()));
  rows.Widen(row, out.data() + size);
}

}  // namespace

void TrainFaiss(const VectorRows& rows, int64_t training_rows, faiss::Index& index) {
  if (index.is_trained) return;
  std::vector<float> values;
  const int64_t step = std::max<int64_t>(1, (rows.size() + training_rows - 1) / training_rows);
  int64_t count = 0;
  for (int64_t row = 0; row < rows.size(); row += step, ++count) AppendFloats(rows, row, values);
  index.train(count, values.data());
}

absl::Status AddToFaiss(const VectorRows& rows, const std::function<bool()>& stop,
                        faiss::Index& index) {
  std::vector<float> values;
  for (int64_t first = 0; first < rows.size(); first += kAddedAtOnce) {
    if (stop()) return absl::CancelledError("filling FAISS's index: stopped");
    const int64_t count = std::min(kAddedAtOnce, rows.size() - first);
    values.clear();
    for (int64_t i = 0; i < count; ++i) AppendFloats(rows, first + i, values);
    index.add(count, values.data());
  }
  return absl::OkStatus();
}

std::vector<RowScore> SearchFaiss(const faiss::Index& index, const float* query, int n,
                                  const faiss::SearchParameters& parameters) {
  std::vector<float> scores(static_cast<size_t>(n));
  std::vector<int64_t> rows(scores.size(), -1);
  index.search(1, query, n, scores.data(), rows.data(), &parameters);
  std::vector<RowScore> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= 0) out.push_back({rows[i], scores[i]});
  }
  return out;
}

}  // namespace sightline::index
