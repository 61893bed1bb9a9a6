#pragma once

#include <faiss/IndexIVFPQ.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "index/compact_rows.h"

namespace sightline::index {

// Codes of up to 64 bytes a row in lists, of which a search looks at some: FAISS's IndexIVFPQ.
class PqRows final : public CompactRows {
 public:
  // kInternal: FAISS fails.
  static absl::StatusOr<std::unique_ptr<PqRows>> Train(const VectorRows& rows, int threads,
                                                       const Stop& stop);
  static absl::StatusOr<std::unique_ptr<PqRows>> Load(const VectorRows& rows, uint64_t bytes,
                                                      const Source& source);

  int64_t rows() const override { return index_->ntotal; }
  int64_t MemoryBytes() const override;

 private:
  explicit PqRows(std::unique_ptr<faiss::IndexIVFPQ> index) : index_(std::move(index)) {}

  absl::StatusOr<std::vector<RowScore>> DoSearch(std::span<const float> query,
                                                 const QueryCode& code,
                                                 std::span<const uint32_t> allowed,
                                                 int n) const override;
  absl::Status SaveBody(const Sink& sink) const override;

  const std::unique_ptr<const faiss::IndexIVFPQ> index_;
};

}  // namespace sightline::index
