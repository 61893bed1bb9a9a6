// The device code of the GPU's scan, run on the CPU: whether it finds what an exact scan finds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/index/gpu/emulated_scan.h"
#include "tests/index/gpu/scan_cases.h"
#include "tests/support/status_matchers.h"

namespace sightline::index::gpu {
namespace {

using ::sightline::testing::IsOk;
using ::testing::ElementsAreArray;

template <int Q, bool kBits>
std::vector<std::vector<std::pair<float, int64_t>>> Scan(const ScanCase& data, int n, int blocks) {
  EmulatedScan scan({.dimension = data.dimension,
                     .code = kBits ? DeviceCode::kBits : DeviceCode::kBytes,
                     .capacity = static_cast<int64_t>(data.heads.size())},
                    blocks);
  EXPECT_THAT(scan.Append(data.codes, data.heads), IsOk());
  const auto found = scan.Search(data.queries, data.allowed, n);
  EXPECT_THAT(found, IsOk());
  std::vector<std::vector<std::pair<float, int64_t>>> out;
  for (const std::vector<DeviceHit>& hits : *found) {
    auto& list = out.emplace_back();
    for (const DeviceHit& hit : hits) list.emplace_back(hit.score, hit.row);
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
