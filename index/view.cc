#include "index/view.h"

namespace sightline::index {

int64_t View::rows() const {
  int64_t all = head.size();
  for (const SegmentPtr& segment : segments) all += segment->rows.size();
  return all;
}

std::optional<View::RowPlace> View::RowOf(uint32_t passage) const {
  const VectorRows* rows = &head;
  for (const SegmentPtr& segment : segments) {
    if (segment->rows.last_passage() < passage) continue;
    rows = &segment->rows;
    break;
  }
  const int64_t row = rows->RowOf(passage);
  if (row < 0) return std::nullopt;
  return RowPlace{rows, row};
}

int64_t CountRowsOf(const VectorRows& rows, const PassageSet& set) {
  int64_t count = 0;
  for (int64_t row = 0; row < rows.size(); ++row) count += set.Contains(rows.passage(row));
  return count;
}

}  // namespace sightline::index
