// The device code of the GPU's scan, run on the CPU: whether it finds what an exact scan finds.

#include "tests/index/gpu/cuda_on_cpu.h"
// After it: what CUDA brings by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "index/gpu/scan_kernel.h"
#include "tests/index/gpu/scan_cases.h"

namespace sightline::index::gpu {
namespace {

using ::testing::ElementsAreArray;

template <int Q, bool kBits>
std::vector<std::vector<std::pair<float, int64_t>>> Scan(const ScanCase& data, int n, int blocks) {
  const int chunks = kBits ? BitsChunks(data.dimension) : BytesChunks(data.dimension);
  const auto rows = static_cast<int64_t>(data.heads.size());
  const int64_t groups = (rows + 31) / 32;
  std::vector<int4> stored(static_cast<size_t>(groups * 32 * chunks));
  std::vector<float> scales(static_cast<size_t>(groups) * 32);
  std::vector<uint8_t> row(static_cast<size_t>(chunks) * kChunkBytes);
  for (int64_t i = 0; i < rows; ++i) {
    const auto at = static_cast<size_t>(i);
    scales[at] = data.heads[at].scale;
    kBits ? SignBits(data.code(at), data.dimension, row.data())
          : SignedBytes(data.code(at), data.dimension, row.data());
    for (int chunk = 0; chunk < chunks; ++chunk) {
      std::memcpy(reinterpret_cast<char*>(stored.data()) + ChunkOffset(i, chunk, chunks),
                  row.data() + chunk * kChunkBytes, kChunkBytes);
    }
  }
  const int parts = kBits ? 1 : 2;
  std::vector<int4> queries(static_cast<size_t>(Q * parts * chunks));
  std::vector<float> query_scales(Q);
  for (int q = 0; q < Q; ++q) {
    const QueryCode& query = data.queries[static_cast<size_t>(q)];
    int4* const to = queries.data() + q * parts * chunks;
    if (kBits) {
      SignBits(query, data.dimension, reinterpret_cast<uint8_t*>(to));
    } else {
      std::memcpy(to, query.high(), query.stride());
      std::memcpy(to + chunks, query.low(), query.stride());
    }
    query_scales[static_cast<size_t>(q)] = query.unit() / 256;
  }
  const int queue = QueueFor(n);
  std::vector<Key> thresholds(Q);
  std::vector<Key> best(static_cast<size_t>(blocks * Q * n), 7);
  std::vector<Key> merged(static_cast<size_t>(Q * n), 7);
  ScanArguments arguments = {.rows = stored.data(),
                             .scales = scales.data(),
                             .row_count = rows,
                             .chunks = chunks,
                             .allowed = data.allowed.data(),
                             .queries = queries.data(),
                             .query_scales = query_scales.data(),
                             .dimension = data.dimension,
                             .n = n,
                             .queue = queue,
                             .thresholds = thresholds.data(),
                             .best = best.data()};
  std::vector<int4> shared(static_cast<size_t>(ScanBytes<kBits>(Q, queue, chunks)) / sizeof(int4));
  const auto memory = reinterpret_cast<char*>(shared.data());
  testing::RunGrid(blocks, kThreads, [&] { ScanRows<Q, kBits>(arguments, memory); });
  testing::RunGrid(Q, kThreads,
                   [&] { MergeLists(best.data(), blocks, Q, n, queue, merged.data(), memory); });
  std::vector<std::vector<std::pair<float, int64_t>>> out(Q);
  for (int q = 0; q < Q; ++q) {
    for (int i = 0; i < n && merged[static_cast<size_t>(q * n + i)] != 0; ++i) {
      const Key key = merged[static_cast<size_t>(q * n + i)];
      auto bits = static_cast<uint32_t>(key >> 32);
      bits = (bits & 0x80000000u) != 0 ? bits & 0x7fffffffu : ~bits;
      out[static_cast<size_t>(q)].emplace_back(std::bit_cast<float>(bits),
                                               0xffffffffu - static_cast<uint32_t>(key));
    }
  }
  return out;
}

template <int Q, bool kBits>
void ExpectExact(int dimension, int rows, int n, int blocks, double share) {
  ScanCase data(dimension, rows, Q, static_cast<uint32_t>(dimension + rows));
  data.Allow(share);
  const auto found = Scan<Q, kBits>(data, n, blocks);
  for (int q = 0; q < Q; ++q) {
    const auto at = static_cast<size_t>(q);
    EXPECT_THAT(found[at], ElementsAreArray(data.Best(data.queries[at], n, kBits)))
        << (kBits ? "bits " : "bytes ") << dimension << " x " << rows << ", best " << n << " of "
        << share << ", " << blocks << " blocks, query " << q << " of " << Q;
  }
}

TEST(ScanKernelTest, FindsWhatComparingOneByOneFinds) {
  for (const double share : {1.0, 0.3, 0.01, 0.0}) {
    ExpectExact<1, false>(64, 700, 10, 1, share);
    ExpectExact<2, false>(100, 333, 5, 2, share);
    ExpectExact<8, false>(32, 1000, 20, 3, share);
    ExpectExact<1, true>(256, 700, 10, 2, share);
    ExpectExact<4, true>(100, 500, 30, 1, share);
  }
}

TEST(ScanKernelTest, AlsoOfFewRowsAndLongLists) {
  for (const int rows : {1, 31, 32, 33, 257}) ExpectExact<1, false>(16, rows, 300, 2, 1.0);
  ExpectExact<1, false>(1024, 64, 1, 1, 1.0);
}

TEST(ScanKernelTest, AListIsCutManyTimes) {
  // Better and better rows, so that every one is taken at first.
  ExpectExact<1, false>(16, 9000, 600, 1, 1.0);
  ExpectExact<2, true>(64, 6000, 100, 1, 0.9);
}

}  // namespace
}  // namespace sightline::index::gpu
