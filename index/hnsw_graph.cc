#include "index/hnsw_graph.h"

#include <faiss/IndexHNSW.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/utils/Heap.h>
#include <omp.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

static_assert(std::endian::native == std::endian::little, "graphs are stored little-endian");

constexpr int64_t kBuildChunk = 2048;
constexpr int kRecallQueries = 32;
constexpr int kRecallDepth = 10;

// FAISS looks for the smallest distance: here the negated inner product, so that no wrapper is
// needed.
class RowDistances : public faiss::DistanceComputer {
 public:
  explicit RowDistances(const VectorRows& rows) : rows_(rows), kernels_(BestKernels()) {}
  void set_query(const float* query) override { query_ = query; }
  float operator()(idx_t row) override {
    return -kernels_.dot(query_, rows_.codes(row), static_cast<size_t>(rows_.dimension()));
  }
  float symmetric_dis(idx_t a, idx_t b) override {
    return -kernels_.dot_stored(rows_.codes(a), rows_.codes(b),
                                static_cast<size_t>(rows_.dimension()));
  }

 private:
  const VectorRows& rows_;
  const VectorKernels& kernels_;
  const float* query_ = nullptr;
};

// The rows as FAISS wants to see them while it builds. They are stored already, so adding only
// counts.
class RowStorage : public faiss::Index {
 public:
  explicit RowStorage(const VectorRows& rows)
      : faiss::Index(rows.dimension(), faiss::METRIC_L2), rows_(rows) {}
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

class AllowedRows : public faiss::IDSelector {
 public:
  AllowedRows(const VectorRows& rows, const PassageSet& allowed) : rows_(rows), allowed_(allowed) {}
  bool is_member(idx_t row) const override { return allowed_.Contains(rows_.passage(row)); }

 private:
  const VectorRows& rows_;
  const PassageSet& allowed_;
};

// As FAISS gives them, best first; fewer than `beam` where it found no more.
std::vector<RowScore> SearchLinks(const faiss::HNSW& links, const VectorRows& rows,
                                  const float* query, int beam, const AllowedRows& selector) {
  // The result heap is as wide as the beam: this FAISS sizes its candidate heap by the wished
  // number of results, not by the beam of one call.
  std::vector<float> distances(beam);
  std::vector<int64_t> labels(beam);
  faiss::maxheap_heapify(beam, distances.data(), labels.data());
  faiss::SearchParametersHNSW parameters;
  parameters.efSearch = beam;
  parameters.sel = const_cast<AllowedRows*>(&selector);
  RowDistances computer(rows);
  computer.set_query(query);
  faiss::VisitedTable visited(static_cast<int>(rows.size()));
  links.search(computer, beam, labels.data(), distances.data(), visited, &parameters);
  faiss::maxheap_reorder(beam, distances.data(), labels.data());
  std::vector<RowScore> found;
  for (int i = 0; i < beam && labels[i] >= 0; ++i) found.push_back({labels[i], -distances[i]});
  return found;
}

std::vector<float> MiddleOf(const VectorRows& rows, int64_t a, int64_t b) {
  std::vector<float> query(rows.dimension());
  float norm = 0;
  for (int i = 0; i < rows.dimension(); ++i) {
    query[i] = FromHalf(rows.codes(a)[i]) + 0.5f * FromHalf(rows.codes(b)[i]);
    norm += query[i] * query[i];
  }
  for (float& value : query) value /= std::max(std::sqrt(norm), 1e-6f);
  return query;
}

std::vector<RowScore> ExactNearest(const VectorRows& rows, const std::vector<float>& query, int n) {
  std::vector<RowScore> all;
  all.reserve(rows.size());
  for (int64_t row = 0; row < rows.size(); ++row) {
    all.push_back({row, BestKernels().dot(query.data(), rows.codes(row), query.size())});
  }
  const auto better = [](const RowScore& a, const RowScore& b) { return a.score > b.score; };
  const size_t kept = std::min<size_t>(n, all.size());
  std::partial_sort(all.begin(), all.begin() + kept, all.end(), better);
  all.resize(kept);
  return all;
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
      : rows(r), storage(rows), index(&storage, links), links(links) {
    index.own_fields = false;
  }
  const VectorRows rows;
  RowStorage storage;
  faiss::IndexHNSW index;
  const int links;
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
      const int64_t n = std::min(kBuildChunk, rows.size() - done);
      chunk.clear();
      for (int64_t row = done; row < done + n; ++row) {
        const uint16_t* codes = rows.codes(row);
        for (int i = 0; i < rows.dimension(); ++i) chunk.push_back(FromHalf(codes[i]));
      }
      index.add(n, chunk.data());
      done += n;
    }
    std::unique_ptr<HnswGraph> graph(new HnswGraph(rows, std::move(impl)));
    SL_RETURN_IF_ERROR(graph->MeasureRecall(options.search_beam, stop));
    return std::unique_ptr<const HnswGraph>(std::move(graph));
  });
}

absl::StatusOr<std::vector<RowScore>> HnswGraph::Search(const float* query, int n, int beam,
                                                        const PassageSet& allowed) const {
  return CatchStatus("searching the vector graph", [&]() -> absl::StatusOr<std::vector<RowScore>> {
    if (size() == 0) return std::vector<RowScore>();
    const AllowedRows selector(rows_, allowed);
    const auto width = static_cast<int>(std::min<int64_t>(std::max(beam, n), size()));
    auto found = SearchLinks(impl_->index.hnsw, rows_, query, width, selector);
    // Masked here too, for a FAISS that ignores the selector.
    std::erase_if(found, [&](const RowScore& hit) { return !selector.is_member(hit.row); });
    if (found.size() > static_cast<size_t>(n)) found.resize(n);
    return found;
  });
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
    const auto exact = ExactNearest(rows_, query, kRecallDepth);
    auto got = Search(query.data(), kRecallDepth, beam, all);
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

bool HnswGraph::SelectorIsHonoured() {
  static const bool honoured = [] {
    constexpr int kRows = 64;
    VectorRows rows(8);
    PassageSet even;
    for (int i = 0; i < kRows; ++i) {
      float vector[8];
      for (int j = 0; j < 8; ++j) vector[j] = std::sin(static_cast<float>(i * 8 + j));
      rows.Append(static_cast<uint32_t>(i + 1), ToHalf(vector).data());
      if (i % 2 == 0) even.Insert(static_cast<uint32_t>(i + 1));
    }
    auto graph = Build(rows, nullptr, {}, [] { return false; });
    if (!graph.ok()) return false;
    const float query[8] = {1, 0, 0, 0, 0, 0, 0, 0};
    const AllowedRows selector(rows, even);
    const auto found = SearchLinks((*graph)->impl_->index.hnsw, rows, query, kRows / 4, selector);
    return !found.empty() && std::all_of(found.begin(), found.end(), [&](const RowScore& hit) {
      return selector.is_member(hit.row);
    });
  }();
  return honoured;
}

}  // namespace sightline::index
