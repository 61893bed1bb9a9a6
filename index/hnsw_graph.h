#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "index/passage_set.h"
#include "index/row_score.h"
#include "index/shared_beam.h"
#include "index/vector_rows.h"

namespace sightline::index {

struct HnswOptions {
  int links = 32;         // M: neighbours of a node; twice as many on the lowest level
  int build_beam = 200;   // efConstruction
  int threads = 1;        // that build
  int search_beam = 128;  // efSearch that the recall is measured with
};

// A navigable small-world graph (FAISS's HNSW) over the first rows of a collection, with distances
// from our own kernels over the rows' bytes, and walked by our own loop (hnsw_walk.h). Immutable
// once built; Search from any thread.
class HnswGraph {
 public:
  using Stop = std::function<bool()>;

  // Covers all of `rows`: starts from a copy of `base`, which covers a prefix of the same rows, or
  // from nothing where that is null. kCancelled soon after `stop` answers true.
  static absl::StatusOr<std::unique_ptr<const HnswGraph>> Build(const VectorRows& rows,
                                                                const HnswGraph* base,
                                                                const HnswOptions& options,
                                                                const Stop& stop);
  ~HnswGraph();

  int64_t size() const { return rows_.size(); }

  // Up to `n` rows whose passages are in `allowed`, best first, scored by their stored vectors.
  // `beam` >= n candidates are followed. Fewer than n: so few were met on the way that comparing
  // all allowed rows is the better way to find them. `shared`: of the searches for the same query
  // in other graphs, see hnsw_walk.h.
  absl::StatusOr<std::vector<RowScore>> Search(std::span<const float> query, int n, int beam,
                                               const PassageSet& allowed,
                                               SharedBeam* shared = nullptr) const;

  // Share of the true ten nearest that a search with the options' beam finds, over queries made
  // from pairs of rows; measured when the graph was built.
  float recall() const { return recall_; }

  // Bytes of the links of one vector, on average.
  double LinkBytes() const;

  // The links, without the vectors; in parts, to be written one after the other.
  using Sink = std::function<absl::Status(absl::string_view)>;
  absl::Status Save(const Sink& sink) const;
  // kDataLoss: links that lead nowhere or do not fit `rows`. `source` fills a buffer or fails.
  using Source = std::function<absl::Status(char* out, size_t size)>;
  static absl::StatusOr<std::unique_ptr<const HnswGraph>> Load(const VectorRows& rows,
                                                               const Source& source);

 private:
  class Impl;
  HnswGraph(const VectorRows& rows, std::unique_ptr<Impl> impl);

  const VectorRows rows_;
  const std::unique_ptr<Impl> impl_;
  float recall_ = 0;
};

}  // namespace sightline::index
