#include "index/compact_rows.h"

#include <bit>
#include <utility>

#include "base/status.h"
#include "index/device_search.h"
#include "index/pq_rows.h"
#include "index/recall.h"
#include "index/sign_rows.h"

namespace sightline::index {
namespace {

static_assert(std::endian::native == std::endian::little, "these are stored little-endian");

struct SavedHeader {
  int64_t rows = 0;
  float recall = 0;
  uint32_t unused = 0;
};

absl::StatusOr<float> Measure(const CompactRows& index, const VectorRows& rows,
                              const CompactRows::Stop& stop) {
  const auto search = [&](std::span<const float> query, const PassageSet& all,
                          int n) -> absl::StatusOr<std::vector<RowScore>> {
    SL_ASSIGN_OR_RETURN(auto found, SearchOnDevice(index, rows, query, all, n));
    return found.has_value() ? std::move(found->hits) : std::vector<RowScore>();
  };
  return MeasureRecall(rows, search, stop);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CompactRows>> CompactRows::Build(const VectorRows& rows,
                                                                      int threads,
                                                                      const Stop& stop) {
  std::shared_ptr<CompactRows> index;
  if (rows.codes() == VectorCodes::kBinary) {
    SL_ASSIGN_OR_RETURN(index, SignRows::Make(rows, stop));
  } else {
    SL_ASSIGN_OR_RETURN(index, PqRows::Train(rows, threads, stop));
  }
  SL_ASSIGN_OR_RETURN(index->recall_, Measure(*index, rows, stop));
  return std::shared_ptr<const CompactRows>(std::move(index));
}

absl::Status CompactRows::Save(const Sink& sink) const {
  const SavedHeader header = {.rows = rows(), .recall = recall_};
  SL_RETURN_IF_ERROR(sink({reinterpret_cast<const char*>(&header), sizeof(header)}));
  return SaveBody(sink);
}

absl::StatusOr<std::shared_ptr<const CompactRows>> CompactRows::Load(const VectorRows& rows,
                                                                     uint64_t bytes,
                                                                     const Source& source) {
  SavedHeader header;
  SL_RETURN_IF_ERROR(source(reinterpret_cast<char*>(&header), sizeof(header)));
  if (header.rows != rows.size()) {
    return absl::DataLossError("a segment's compact index is of other rows");
  }
  std::shared_ptr<CompactRows> index;
  if (rows.codes() == VectorCodes::kBinary) {
    SL_ASSIGN_OR_RETURN(index, SignRows::Load(rows, source));
  } else {
    SL_ASSIGN_OR_RETURN(index, PqRows::Load(rows, bytes - sizeof(header), source));
  }
  index->recall_ = header.recall;
  return std::shared_ptr<const CompactRows>(std::move(index));
}

}  // namespace sightline::index
