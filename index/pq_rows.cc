#include "index/pq_rows.h"

#include <faiss/IndexFlat.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "index/allowed_rows.h"
#include "index/faiss_index.h"

namespace sightline::index {
namespace {

// Trained with so many rows at most, in so many rounds: what bounds its time.
constexpr int64_t kTrainingRows = 50'000;
constexpr double kMostLists = 4096;
constexpr int kListRounds = 6;
constexpr int kCodeRounds = 10;
constexpr int kRowsPerCentre = 64;  // of the codes
// Lists that a query looks at. With a filter that leaves less than this share it looks at all: what
// is allowed may lie in those that it would pass over.
constexpr size_t kProbes = 64;
constexpr double kFewAllowed = 0.7;
constexpr int kCodeSizes[] = {64, 48, 32, 16, 8, 4, 2, 1};  // bytes

std::unique_ptr<faiss::IndexIVFPQ> Empty(int dimension, int64_t rows) {
  const int size = *std::find_if(std::begin(kCodeSizes), std::end(kCodeSizes),
                                 [&](int bytes) { return dimension % bytes == 0; });
  const auto lists =
      static_cast<size_t>(std::min(4 * std::sqrt(static_cast<double>(rows)), kMostLists));
  auto* const quantizer = new faiss::IndexFlatIP(dimension);
  auto index = std::make_unique<faiss::IndexIVFPQ>(quantizer, dimension, lists, size, 8,
                                                   faiss::METRIC_INNER_PRODUCT);
  index->own_fields = true;
  // Otherwise FAISS writes to the standard error where lists are short.
  index->cp.min_points_per_centroid = index->pq.cp.min_points_per_centroid = 1;
  index->cp.niter = kListRounds;
  index->pq.cp.niter = kCodeRounds;
  index->pq.cp.max_points_per_centroid = kRowsPerCentre;
  return index;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PqRows>> PqRows::Train(const VectorRows& rows, int threads,
                                                      const Stop& stop) {
  return CatchStatus("training codes", [&]() -> absl::StatusOr<std::unique_ptr<PqRows>> {
    // Threads would wait for each other thousands of times, on a busy machine most of the time.
    omp_set_num_threads(1);
    std::unique_ptr<faiss::IndexIVFPQ> index = Empty(rows.dimension(), rows.size());
    if (stop()) return absl::CancelledError("training codes: stopped");
    TrainFaiss(rows, kTrainingRows, *index);
    omp_set_num_threads(std::max(1, threads));
    SL_RETURN_IF_ERROR(AddToFaiss(rows, stop, *index));
    return std::unique_ptr<PqRows>(new PqRows(std::move(index)));
  });
}

absl::StatusOr<std::unique_ptr<PqRows>> PqRows::Load(const VectorRows& rows, uint64_t bytes,
                                                     const Source& source) {
  return CatchStatus("loading codes", [&]() -> absl::StatusOr<std::unique_ptr<PqRows>> {
    // All of it, so that FAISS reads nothing whose checksum does not hold.
    faiss::VectorIOReader in;
    in.data.resize(bytes);
    SL_RETURN_IF_ERROR(source(reinterpret_cast<char*>(in.data.data()), bytes));
    std::unique_ptr<faiss::Index> read(faiss::read_index(&in));
    auto* const index = dynamic_cast<faiss::IndexIVFPQ*>(read.get());
    if (index == nullptr || index->d != rows.dimension() || index->ntotal != rows.size() ||
        index->metric_type != faiss::METRIC_INNER_PRODUCT) {
      return absl::DataLossError("a segment's codes do not fit its rows");
    }
    read.release();
    return std::unique_ptr<PqRows>(new PqRows(std::unique_ptr<faiss::IndexIVFPQ>(index)));
  });
}

absl::Status PqRows::SaveBody(const Sink& sink) const {
  return CatchStatus("writing codes", [&] {
    faiss::VectorIOWriter out;
    faiss::write_index(index_.get(), &out);
    return sink({reinterpret_cast<const char*>(out.data.data()), out.data.size()});
  });
}

int64_t PqRows::MemoryBytes() const {
  const auto centres = (index_->nlist + index_->pq.ksub) * static_cast<size_t>(index_->d);
  return static_cast<int64_t>(static_cast<size_t>(index_->ntotal) *
                                  (index_->code_size + sizeof(int64_t)) +
                              centres * sizeof(float));
}

absl::StatusOr<std::vector<RowScore>> PqRows::DoSearch(std::span<const float> query,
                                                       const QueryCode&,
                                                       std::span<const uint32_t> allowed,
                                                       int n) const {
  return CatchStatus("FAISS", [&]() -> absl::StatusOr<std::vector<RowScore>> {
    const int64_t count = CountBits(allowed);
    static_assert(std::endian::native == std::endian::little, "bits as FAISS numbers them");
    faiss::IDSelectorBitmap selector(allowed.size_bytes(),
                                     reinterpret_cast<const uint8_t*>(allowed.data()));
    faiss::SearchParametersIVF parameters;
    if (count < index_->ntotal) parameters.sel = &selector;
    const bool few = static_cast<double>(count) < kFewAllowed * static_cast<double>(index_->ntotal);
    parameters.nprobe = few ? index_->nlist : std::min(kProbes, index_->nlist);
    return SearchFaiss(*index_, query.data(), n, parameters);
  });
}

}  // namespace sightline::index
