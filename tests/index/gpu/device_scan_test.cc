// The scan on a real GPU, for which it is built and labelled.

#include "index/gpu/device_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/index/gpu/scan_cases.h"
#include "tests/support/status_matchers.h"

namespace sightline::index::gpu {
namespace {

using ::sightline::testing::IsOk;
using ::sightline::testing::StatusIs;
using ::testing::ElementsAreArray;

void ExpectExact(DeviceCode code, int dimension, int rows, int queries, int n, double share) {
  ScanCase data(dimension, rows, queries, static_cast<uint32_t>(dimension + rows));
  data.Allow(share);
  auto scan =
      DeviceScan::Create({.device = 0, .dimension = dimension, .code = code, .capacity = rows});
  ASSERT_THAT(scan, IsOk());
  // In pieces that end inside of groups.
  for (int done = 0; done < rows;) {
    const int piece = std::min(rows - done, 1 + done % 701);
    const auto at = static_cast<size_t>(done);
    const size_t stride = CodeStride(dimension);
    ASSERT_THAT((*scan)->Append(std::span(data.codes).subspan(at * stride, piece * stride),
                                std::span(data.heads).subspan(at, piece)),
                IsOk());
    done += piece;
  }
  ASSERT_EQ((*scan)->size(), rows);
  const auto found = (*scan)->Search(data.queries, data.allowed, n);
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->size(), data.queries.size());
  for (size_t q = 0; q < found->size(); ++q) {
    std::vector<std::pair<float, int64_t>> hits;
    for (const DeviceHit& hit : (*found)[q]) hits.emplace_back(hit.score, hit.row);
    EXPECT_THAT(hits, ElementsAreArray(data.Best(data.queries[q], n, code == DeviceCode::kBits)))
        << dimension << " x " << rows << ", best " << n << " of " << share << ", query " << q;
  }
}

TEST(DeviceScanTest, FindsWhatComparingOneByOneFinds) {
  for (const DeviceCode code : {DeviceCode::kBytes, DeviceCode::kBits}) {
    for (const double share : {1.0, 0.5, 0.01, 0.0}) {
      ExpectExact(code, 1024, 20'000, 3, 10, share);
      ExpectExact(code, 256, 5'000, 17, 100, share);
      ExpectExact(code, 100, 3'001, 8, 1024, share);
    }
  }
}

TEST(DeviceScanTest, WhatDoesNotFitIsRefused) {
  ScanCase data(64, 10, 1, 1);
  auto scan = DeviceScan::Create({.device = 0, .dimension = 64, .capacity = 9});
  ASSERT_THAT(scan, IsOk());
  EXPECT_THAT((*scan)->Append(data.codes, data.heads),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ((*scan)->size(), 0);
  EXPECT_THAT((*scan)->Search(data.queries, data.allowed, 1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DeviceScan::Create({.device = 99, .dimension = 64, .capacity = 9}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace sightline::index::gpu
