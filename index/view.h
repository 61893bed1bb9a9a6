#pragma once

#include <cstdint>
#include <memory>

#include "index/document_table.h"
#include "index/hnsw_graph.h"
#include "index/passage_table.h"
#include "index/records.h"
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
  VectorRows rows{1};                      // also of dead passages, until they are compacted away
  std::shared_ptr<const HnswGraph> graph;  // covers the first graph->size() rows; null: none
  std::shared_ptr<const StoreSnapshot> moment;

  int64_t dead_rows() const { return rows.size() - counters.vectors; }
  int64_t head_rows() const { return rows.size() - (graph == nullptr ? 0 : graph->size()); }
};

}  // namespace sightline::index
