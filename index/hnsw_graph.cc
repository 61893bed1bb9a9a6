#include "index/hnsw_graph.h"

#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>
#include <omp.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/code_kernels.h"
#include "index/hnsw_walk.h"
#include "index/page_block.h"
#include "index/vector_scan.h"

namespace sightline::index {
namespace {

static_assert(std::endian::native == std::endian::little, "graphs are stored little-endian");

// Rows added between looks at whether to stop. FAISS makes a lock for every row on each call, so
// the calls must not grow as the rows do.
constexpr int64_t kBuildChunk = 2048;
constexpr int64_t kChunksOfAll = 64;
constexpr int kRecallQueries = 32;
constexpr int kRecallDepth = 10;

// FAISS looks for the smallest distance: here the negated inner product of the rows' bytes, so that
// no wrapper is needed. FAISS is told of vectors of one value, which is the row's number in the
// bits of a float, so that nothing is decoded and coded again.
class RowDistances : public faiss::DistanceComputer {
 public:
  explicit RowDistances(const VectorRows& rows)
      : rows_(rows), kernels_(BestCodeKernels()), stride_(CodeStride(rows.dimension())) {}
  void set_query(const float* query) override { query_ = std::bit_cast<int32_t>(*query); }
  float operator()(idx_t row) override { return symmetric_dis(query_, row); }
  float symmetric_dis(idx_t a, idx_t b) override {
    const RowHead& x = rows_.head(a);
    const RowHead& y = rows_.head(b);
    const int32_t sum = kernels_.dot_stored(rows_.code(a), rows_.code(b), stride_) - 128 * y.sum;
    return -static_cast<float>(sum) * x.scale * y.scale;
  }

 private:
  const VectorRows& rows_;
  const CodeKernels& kernels_;
  const size_t stride_;
  int64_t query_ = 0;
};

// The rows as FAISS wants to see them while it builds. They are stored already, so adding only
// counts.
class RowStorage : public faiss::Index {
 public:
  explicit RowStorage(const VectorRows& rows) : faiss::Index(1, faiss::METRIC_L2), rows_(rows) {}
  void add(idx_t n, const float*) override { ntotal += n; }
  void search(idx_t, const float*, idx_t, float*, idx_t*,
              const faiss::SearchParameters*) const override {
    throw std::logic_error("row storage is not searched");
  }
  void reset() override { ntotal = 0; }
  faiss::DistanceComputer* get_distance_computer() const override {
    return new RowDistances(rows_);
  }

 private:
  const VectorRows& rows_;
};

std::vector<float> MiddleOf(const VectorRows& rows, int64_t a, int64_t b) {
  std::vector<float> query(rows.dimension());
  std::vector<float> other(rows.dimension());
  rows.Widen(a, query.data());
  rows.Widen(b, other.data());
  float norm = 0;
  for (int i = 0; i < rows.dimension(); ++i) {
    query[i] += 0.5f * other[i];
    norm += query[i] * query[i];
  }
  for (float& value : query) value /= std::max(std::sqrt(norm), 1e-6f);
  return query;
}

PassageSet AllPassages(const VectorRows& rows) {
  PassageSet all;
  for (int64_t row = 0; row < rows.size(); ++row) all.Insert(rows.passage(row));
  return all;
}

template <typename T>
absl::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
absl::Status ReadInto(const HnswGraph::Source& source, std::vector<T>& values) {
  return source(reinterpret_cast<char*>(values.data()), values.size() * sizeof(T));
}

// Of just the size, on huge pages: a walk reads it here and there.
std::vector<int32_t> Packed(size_t size) {
  std::vector<int32_t> out;
  out.reserve(size);
  WishHugePages(out.data(), size * sizeof(int32_t));
  return out;
}

struct SavedHeader {
  int64_t rows;
  int32_t links;
  int32_t build_beam;
  int32_t entry_point;
  int32_t max_level;
  float recall;
  int32_t reserved;
};

// Every link leads to a node that has the link's level.
bool LinksAreSound(const faiss::HNSW& links, int64_t rows) {
  if (rows == 0) return links.entry_point == -1;
  if (links.entry_point < 0 || links.entry_point >= rows) return false;
  if (links.max_level < 0 || links.levels[links.entry_point] != links.max_level + 1) return false;
  for (int64_t row = 0; row < rows; ++row) {
    for (int level = 0; level < links.levels[row]; ++level) {
      size_t begin = 0;
      size_t end = 0;
      links.neighbor_range(row, level, &begin, &end);
      for (size_t i = begin; i < end; ++i) {
        const int to = links.neighbors[i];
        if (to < -1 || to >= rows || (to >= 0 && links.levels[to] <= level)) return false;
      }
    }
  }
  return true;
}

}  // namespace

class HnswGraph::Impl {
 public:
  Impl(const VectorRows& r, int links)
      : rows(r), storage(rows), index(&storage, links), links(links), scratches(r.size()) {
    index.own_fields = false;
  }
  const VectorRows rows;
  RowStorage storage;
  faiss::IndexHNSW index;
  const int links;
  WalkScratchPool scratches;
};

HnswGraph::HnswGraph(const VectorRows& rows, std::unique_ptr<Impl> impl)
    : rows_(rows), impl_(std::move(impl)) {}
HnswGraph::~HnswGraph() = default;

absl::StatusOr<std::unique_ptr<const HnswGraph>> HnswGraph::Build(const VectorRows& rows,
                                                                  const HnswGraph* base,
                                                                  const HnswOptions& options,
                                                                  const Stop& stop) {
  using Result = absl::StatusOr<std::unique_ptr<const HnswGraph>>;
  return CatchStatus("building the vector graph", [&]() -> Result {
    const int links = base == nullptr ? options.links : base->impl_->links;
    auto impl = std::make_unique<Impl>(rows, links);
    faiss::IndexHNSW& index = impl->index;
    int64_t done = 0;
    if (base != nullptr) {
      done = base->size();
      index.hnsw = base->impl_->index.hnsw;
      index.ntotal = impl->storage.ntotal = done;
    }
    index.hnsw.efConstruction = options.build_beam;
    omp_set_num_threads(std::max(1, options.threads));
    std::vector<float> chunk;
    while (done < rows.size()) {
      if (stop()) return absl::CancelledError("building the vector graph: stopped");
      const int64_t n = std::min(std::max(kBuildChunk, done / kChunksOfAll), rows.size() - done);
      chunk.clear();
      for (int64_t row = done; row < done + n; ++row) {
        chunk.push_back(std::bit_cast<float>(static_cast<int32_t>(row)));
      }
      index.add(n, chunk.data());
      done += n;
    }
    std::vector<int32_t> neighbors = Packed(index.hnsw.neighbors.size());
    neighbors.assign(index.hnsw.neighbors.begin(), index.hnsw.neighbors.end());
    index.hnsw.neighbors = std::move(neighbors);
    std::unique_ptr<HnswGraph> graph(new HnswGraph(rows, std::move(impl)));
    SL_RETURN_IF_ERROR(graph->MeasureRecall(options.search_beam, stop));
    return std::unique_ptr<const HnswGraph>(std::move(graph));
  });
}

absl::StatusOr<std::vector<RowScore>> HnswGraph::Search(std::span<const float> query, int n,
                                                        int beam, const PassageSet& allowed,
                                                        SharedBeam* shared) const {
  return CatchStatus("searching the vector graph", [&]() -> absl::StatusOr<std::vector<RowScore>> {
    if (size() == 0) return std::vector<RowScore>();
    const auto width = static_cast<int>(std::min<int64_t>(std::max(beam, n), size()));
    std::unique_ptr<WalkScratch> scratch = impl_->scratches.Take();
    auto found = WalkGraph(impl_->index.hnsw, rows_, *scratch, query, n, width, allowed, shared);
    impl_->scratches.Return(std::move(scratch));
    return found;
  });
}

double HnswGraph::LinkBytes() const {
  const faiss::HNSW& links = impl_->index.hnsw;
  return size() == 0
             ? 0
             : static_cast<double>(BytesOf(links.neighbors).size() + BytesOf(links.offsets).size() +
                                   BytesOf(links.levels).size()) /
                   static_cast<double>(size());
}

absl::Status HnswGraph::MeasureRecall(int beam, const Stop& stop) {
  if (size() < 2) {
    recall_ = 1;
    return absl::OkStatus();
  }
  const PassageSet all = AllPassages(rows_);
  int found = 0;
  int wanted = 0;
  for (int i = 0; i < kRecallQueries; ++i) {
    if (stop()) return absl::CancelledError("measuring recall: stopped");
    // Rows spread over the whole; multipliers are primes, so that pairs do not repeat.
    const int64_t a = i * int64_t{7919} % size();
    const int64_t b = (i * int64_t{104729} + 1) % size();
    const std::vector<float> query = MiddleOf(rows_, a, b);
    VectorScan scan(query, kRecallDepth);
    SL_RETURN_IF_ERROR(scan.AddRows(rows_, all, absl::InfiniteFuture()));
    const std::vector<ScoredPassage> exact = scan.Take();
    auto got = Search(query, kRecallDepth, beam, all);
    if (!got.ok()) return got.status();
    wanted += static_cast<int>(exact.size());
    // By score, not by row: equal vectors may stand in for each other.
    for (size_t j = 0; j < got->size(); ++j) found += (*got)[j].score >= exact.back().score;
  }
  recall_ = std::min(1.0f, static_cast<float>(found) / static_cast<float>(wanted));
  return absl::OkStatus();
}

absl::Status HnswGraph::Save(const Sink& sink) const {
  const faiss::HNSW& links = impl_->index.hnsw;
  const SavedHeader header = {
      size(), impl_->links, links.efConstruction, links.entry_point, links.max_level, recall_, 0};
  SL_RETURN_IF_ERROR(sink({reinterpret_cast<const char*>(&header), sizeof(header)}));
  SL_RETURN_IF_ERROR(sink(BytesOf(links.levels)));
  return sink(BytesOf(links.neighbors));
}

absl::StatusOr<std::unique_ptr<const HnswGraph>> HnswGraph::Load(const VectorRows& rows,
                                                                 const Source& source) {
  using Result = absl::StatusOr<std::unique_ptr<const HnswGraph>>;
  return CatchStatus("loading the vector graph", [&]() -> Result {
    SavedHeader header;
    SL_RETURN_IF_ERROR(source(reinterpret_cast<char*>(&header), sizeof(header)));
    if (header.rows < 0 || header.rows > rows.size() || header.links < 2 || header.links > 1024) {
      return absl::DataLossError("vector graph: the header does not fit the rows");
    }
    VectorRows covered = rows.Prefix(header.rows);
    auto impl = std::make_unique<Impl>(covered, header.links);
    faiss::HNSW& links = impl->index.hnsw;
    impl->index.ntotal = impl->storage.ntotal = header.rows;
    links.efConstruction = header.build_beam;
    links.entry_point = header.entry_point;
    links.max_level = header.max_level;
    links.levels.resize(header.rows);
    SL_RETURN_IF_ERROR(ReadInto(source, links.levels));
    const int top = static_cast<int>(links.cum_nneighbor_per_level.size()) - 1;
    links.offsets.assign(1, 0);
    for (const int level : links.levels) {
      if (level < 1 || level > top) return absl::DataLossError("vector graph: bad level");
      links.offsets.push_back(links.offsets.back() + links.cum_nb_neighbors(level));
    }
    links.neighbors = Packed(links.offsets.back());
    links.neighbors.resize(links.offsets.back());
    SL_RETURN_IF_ERROR(ReadInto(source, links.neighbors));
    if (!LinksAreSound(links, header.rows)) {
      return absl::DataLossError("vector graph: a link leads nowhere");
    }
    std::unique_ptr<HnswGraph> graph(new HnswGraph(covered, std::move(impl)));
    graph->recall_ = header.recall;
    return std::unique_ptr<const HnswGraph>(std::move(graph));
  });
}

}  // namespace sightline::index
