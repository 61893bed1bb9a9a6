#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/compact_rows.h"
#include "index/page_block.h"

namespace sightline::index {

// The signs of rows, all of which a search compares: first by how many of the query's differ, then
// the nearest of these by the query's values.
class SignRows final : public CompactRows {
 public:
  static absl::StatusOr<std::unique_ptr<SignRows>> Make(const VectorRows& rows, const Stop& stop);
  static absl::StatusOr<std::unique_ptr<SignRows>> Load(const VectorRows& rows,
                                                        const Source& source);

  int64_t rows() const override { return rows_; }
  int64_t MemoryBytes() const override { return static_cast<int64_t>(SignBytes() + FactorBytes()); }

 private:
  SignRows(int dimension, int64_t rows);

  size_t SignBytes() const { return static_cast<size_t>(rows_) * words_ * sizeof(uint64_t); }
  size_t FactorBytes() const { return static_cast<size_t>(rows_) * sizeof(float); }
  const uint64_t* signs(int64_t row) const {
    return reinterpret_cast<const uint64_t*>(memory_.data()) + static_cast<size_t>(row) * words_;
  }
  float* factors() const { return reinterpret_cast<float*>(memory_.data() + SignBytes()); }

  // The `n` allowed rows whose signs differ least from the query's.
  std::vector<int64_t> Nearest(std::span<const uint64_t> query, std::span<const uint32_t> allowed,
                               size_t n) const;
  absl::StatusOr<std::vector<RowScore>> DoSearch(std::span<const float> query,
                                                 const QueryCode& code,
                                                 std::span<const uint32_t> allowed,
                                                 int n) const override;
  absl::Status SaveBody(const Sink& sink) const override;

  const int64_t rows_;
  const size_t words_;      // of signs, of a row
  const PageBlock memory_;  // signs, then a factor for each row, see EncodeSigns
};

}  // namespace sightline::index
