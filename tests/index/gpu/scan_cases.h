#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "index/code_kernels.h"
#include "index/gpu/row_layout.h"
#include "index/vector_code.h"
#include "index/vector_kernels.h"

namespace sightline::index::gpu {

// Coded rows and queries, and what an exact scan of them finds, worked out one by one.
struct ScanCase {
  ScanCase(int dimension, int rows, int queries, uint32_t seed)
      : dimension(dimension), random(seed), allowed((static_cast<size_t>(rows) + 31) / 32, ~0u) {
    for (int i = 0; i < rows; ++i) {
      // Now and then the same as another: equal scores.
      const std::vector<uint16_t> halves = ToHalf(Values(i % 7 == 6 ? seed : seed + 1000 + i));
      codes.resize(codes.size() + CodeStride(dimension));
      heads.push_back(
          EncodeRow(halves.data(), dimension, codes.data() + i * CodeStride(dimension)));
    }
    if (rows % 32 != 0) allowed.back() = (1u << rows % 32) - 1;
    for (int i = 0; i < queries; ++i) this->queries.emplace_back(Values(seed + 77 + i));
  }

  std::vector<float> Values(uint32_t seed) const {
    std::mt19937 own(seed);
    std::normal_distribution<float> normal;
    std::vector<float> out(dimension);
    for (float& value : out) value = 0.1f * normal(own);
    return out;
  }

  // Allows each row with a probability of `share`.
  void Allow(double share) {
    for (size_t row = 0; row < heads.size(); ++row) {
      const uint32_t bit = 1u << row % 32;
      const bool yes = std::uniform_real_distribution<double>()(random) < share;
      allowed[row / 32] = yes ? allowed[row / 32] | bit : allowed[row / 32] & ~bit;
    }
  }

  const uint8_t* code(size_t row) const { return codes.data() + row * CodeStride(dimension); }

  float Score(const QueryCode& query, size_t row, bool bits) const {
    if (!bits) return query.Close(SupportedCodeKernels()[0], code(row), heads[row]);
    std::vector<uint8_t> a(static_cast<size_t>(BitsChunks(dimension)) * kChunkBytes);
    std::vector<uint8_t> b = a;
    SignBits(code(row), dimension, a.data());
    SignBits(query, dimension, b.data());
    int different = 0;
    for (size_t i = 0; i < a.size(); ++i)
      different += std::popcount(static_cast<uint8_t>(a[i] ^ b[i]));
    return static_cast<float>(dimension - 2 * different);
  }

  std::vector<std::pair<float, int64_t>> Best(const QueryCode& query, int n, bool bits) const {
    std::vector<std::pair<float, int64_t>> out;
    for (size_t row = 0; row < heads.size(); ++row) {
      if ((allowed[row / 32] >> row % 32 & 1) != 0) {
        out.emplace_back(Score(query, row, bits), static_cast<int64_t>(row));
      }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    out.resize(std::min(out.size(), static_cast<size_t>(n)));
    return out;
  }

  const int dimension;
  std::mt19937 random;
  std::vector<uint8_t> codes;
  std::vector<RowHead> heads;
  std::vector<uint32_t> allowed;
  std::vector<QueryCode> queries;
};

}  // namespace sightline::index::gpu
