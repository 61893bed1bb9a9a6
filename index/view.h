#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "index/document_table.h"
#include "index/passage_table.h"
#include "index/records.h"
#include "index/segment.h"
#include "index/store.h"
#include "index/vector_rows.h"

namespace sightline::index {

// One moment of a collection: what is in memory, and the store as it was then. Never changed once
// published, so a search sees each document whole or not at all, and holds up no write.
struct View {
  CollectionRecord record;
  Counters counters;
  PassageTable passages;
  DocumentTable documents;
  // Vectors in the order of their passages, also of dead ones until they are compacted away: first
  // the segments', then those written since the last was sealed.
  std::vector<SegmentPtr> segments;
  VectorRows head{1};
  int64_t patched = 0;   // passages with patches
  int64_t pictures = 0;  // that its documents hold, each document's apart
  std::shared_ptr<const StoreSnapshot> moment;

  int64_t rows() const;
  int64_t dead_rows() const { return rows() - counters.vectors; }
  // Where a passage's vector is; empty: it has none.
  struct RowPlace {
    const VectorRows* rows;  // of this view
    int64_t row;
  };
  std::optional<RowPlace> RowOf(uint32_t passage) const;
};

// How many of the rows have their passages in `set`.
int64_t CountRowsOf(const VectorRows& rows, const PassageSet& set);

}  // namespace sightline::index
