#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/passage_set.h"
#include "index/row_score.h"
#include "index/shared_beam.h"
#include "index/vector_rows.h"
#include "index/walk_scratch.h"

namespace faiss {
struct HNSW;
}

namespace sightline::index {

// Whether to give up a walk whose beam of `width` rows is full for the first time, with
// `allowed_met` of them allowed, where the filter allows the `share` of all rows: it works against
// the query so clearly that no walk would find what it leaves.
bool GivesUpAtOnce(double share, size_t width, size_t allowed_met);

// The `n` allowed rows nearest to `query` on a walk through `links`, by the rows' bytes first and
// their stored vectors in the end, best first. `beam` rows are followed. Where a filter takes out
// so much that the beam does not meet enough, a second walk goes over allowed rows only, also over
// those two steps away. Fewer than `n`: see HnswGraph::Search. `shared`, unless null, is of the
// walks of the same query before this one: it shortens this one, and takes up what this one met.
std::vector<RowScore> WalkGraph(const faiss::HNSW& links, const VectorRows& rows,
                                WalkScratch& scratch, std::span<const float> query, int n, int beam,
                                const PassageSet& allowed, SharedBeam* shared);

}  // namespace sightline::index
