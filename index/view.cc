#include "index/view.h"

namespace sightline::index {

int64_t View::rows() const {
  int64_t all = head.size();
  for (const SegmentPtr& segment : segments) all += segment->rows.size();
  return all;
}

const uint16_t* View::HalvesOf(uint32_t passage) const {
  const VectorRows* rows = &head;
  for (const SegmentPtr& segment : segments) {
    if (segment->rows.last_passage() < passage) continue;
    rows = &segment->rows;
    break;
  }
  const int64_t row = rows->RowOf(passage);
  return row < 0 ? nullptr : rows->halves(row);
}

int64_t CountRowsOf(const VectorRows& rows, const PassageSet& set) {
  int64_t count = 0;
  for (int64_t row = 0; row < rows.size(); ++row) count += set.Contains(rows.passage(row));
  return count;
}

}  // namespace sightline::index
