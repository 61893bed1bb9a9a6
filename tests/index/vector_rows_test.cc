#include "index/vector_rows.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "index/vector_kernels.h"

namespace sightline::index {
namespace {

std::vector<uint16_t> Values(int64_t row, int dimension) {
  std::vector<float> out(dimension, 0.25f);
  out[static_cast<size_t>(row) % out.size()] = -0.5f;
  return ToHalf(out);
}

VectorRows Filled(int64_t count, int dimension) {
  VectorRows rows(dimension);
  for (int64_t row = 0; row < count; ++row) {
    rows.Append(static_cast<uint32_t>(3 * row + 5), Values(row, dimension).data());
  }
  return rows;
}

void ExpectRow(const VectorRows& rows, int64_t row) {
  const int dimension = rows.dimension();
  const auto halves = Values(row, dimension);
  EXPECT_EQ(std::memcmp(rows.halves(row), halves.data(), halves.size() * sizeof(uint16_t)), 0);
  std::vector<uint8_t> code(CodeStride(dimension));
  const RowHead head = EncodeRow(halves.data(), dimension, code.data());
  EXPECT_EQ(std::memcmp(rows.code(row), code.data(), code.size()), 0);
  EXPECT_EQ(rows.head(row).scale, head.scale);
  EXPECT_EQ(rows.passage(row), static_cast<uint32_t>(3 * row + 5));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(rows.code(row)) % 64, 0u);
}

TEST(VectorRowsTest, RowsAreWhereTheyWerePutOverSeveralBlocks) {
  for (const int dimension : {1, 63, 700}) {
    const VectorRows rows = Filled(2 * VectorRows::kBlockRows + 3, dimension);
    for (const int64_t row : {int64_t{0}, VectorRows::kBlockRows - 1, VectorRows::kBlockRows,
                              2 * VectorRows::kBlockRows + 2}) {
      ExpectRow(rows, row);
    }
  }
}

TEST(VectorRowsTest, RowsOfBytesAreTheirBytes) {
  for (const int dimension : {1, 63, 700}) {
    VectorRows rows(dimension, VectorCodes::kInt8);
    std::vector<std::string> stored;
    for (uint32_t row = 0; row < 3; ++row) {
      std::vector<float> values(dimension, 0.25f);
      values[row % values.size()] = -0.5f;
      stored.push_back(StoreVector(VectorCodes::kInt8, values));
      EXPECT_EQ(stored.back().size(), 4u + static_cast<size_t>(dimension));
      rows.Append(row + 1, stored.back().data());
    }
    VectorRows copy(dimension, VectorCodes::kInt8, 3, nullptr);
    for (int64_t row = 0; row < 3; ++row) copy.Append(rows, row);
    EXPECT_FALSE(copy.mapped());
    for (const VectorRows* each : {&rows, &copy}) {
      for (int64_t row = 0; row < 3; ++row) {
        EXPECT_EQ(each->Stored(row), stored[row]);
        EXPECT_EQ(each->head(row).error, 0) << "there is nothing but the bytes";
        std::vector<float> values(dimension);
        each->Widen(row, values.data());
        EXPECT_FLOAT_EQ(values[static_cast<size_t>(row) % values.size()], -0.5f);
        double squares = 0;
        for (const float value : values) squares += static_cast<double>(value) * value;
        EXPECT_NEAR(each->Score(values, row), squares, 1e-4 * squares);
      }
    }
  }
}

TEST(VectorRowsTest, ACopyKeepsItsRowsWhileTheNewestGrows) {
  VectorRows rows = Filled(10, 16);
  const VectorRows before = rows;
  for (int64_t row = 10; row < VectorRows::kBlockRows + 5; ++row) {
    rows.Append(static_cast<uint32_t>(3 * row + 5), Values(row, 16).data());
  }
  EXPECT_EQ(before.size(), 10);
  EXPECT_EQ(before.halves(9), rows.halves(9)) << "blocks are shared";
  ExpectRow(before, 9);
  ExpectRow(rows, VectorRows::kBlockRows + 4);
  const VectorRows prefix = rows.Prefix(7);
  EXPECT_EQ(prefix.size(), 7);
  EXPECT_EQ(prefix.RowOf(3 * 7 + 5), -1);
}

TEST(VectorRowsTest, PassagesAreFoundFromAnyPlace) {
  const VectorRows rows = Filled(500, 8);
  for (const int64_t from : {0, 1, 250, 498}) {
    for (int64_t row = from; row < 500; ++row) {
      const auto passage = static_cast<uint32_t>(3 * row + 5);
      EXPECT_EQ(rows.RowAtOrAfter(passage, from), row);
      EXPECT_EQ(rows.RowAtOrAfter(passage + 1, from), row + 1);
    }
    EXPECT_EQ(rows.RowAtOrAfter(0, from), from);
  }
  EXPECT_EQ(rows.RowAtOrAfter(5, 500), 500);
  EXPECT_EQ(rows.RowOf(6), -1);
  EXPECT_EQ(rows.RowOf(8), 1);
  EXPECT_EQ(VectorRows(8).RowOf(5), -1);
}

}  // namespace
}  // namespace sightline::index
