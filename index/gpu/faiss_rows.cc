#include "index/gpu/faiss_rows.h"

#include <faiss/impl/IDSelector.h>

#include <algorithm>
#include <bit>
#include <random>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "base/status.h"
#include "index/allowed_rows.h"
#include "index/faiss_index.h"
#include "index/gpu/memory_budget.h"
#include "index/vector_kernels.h"

namespace sightline::index::gpu {
namespace {

// Rows that an index is trained with: enough for its centres, and a bound on the time.
constexpr int64_t kTrainingRows = 200'000;

bool IsAllowed(std::span<const uint32_t> allowed, int64_t row) {
  return (allowed[static_cast<size_t>(row / 32)] >> row % 32 & 1) != 0;
}

std::vector<RowScore> SearchIndex(const FaissIndex& index, const float* query, int n,
                                  faiss::IDSelector* selector) {
  return SearchFaiss(*index.index, query, n, *index.parameters(selector));
}

class FaissRows final : public DeviceRows {
 public:
  FaissRows(FaissIndex index, bool honours_selectors, MemoryBudget::Share memory)
      : memory_(std::move(memory)),
        index_(std::move(index)),
        honours_selectors_(honours_selectors) {}

  int most_hits() const override { return index_.most_hits; }
  // Of a longer list with rows left out nothing follows for those behind it.
  std::optional<float> Slack(const QueryCode&) const override {
    return honours_selectors_ ? index_.slack : std::nullopt;
  }

 private:
  absl::StatusOr<std::vector<RowScore>> DoSearch(std::span<const float> query, const QueryCode&,
                                                 std::span<const uint32_t> allowed,
                                                 int n) const override {
    return CatchStatus("FAISS", [&]() -> absl::StatusOr<std::vector<RowScore>> {
      if (CountBits(allowed) == index_.index->ntotal) return SearchOne(query, n, nullptr);
      if (!honours_selectors_) return SearchMore(query, allowed, n);
      static_assert(std::endian::native == std::endian::little, "bits as FAISS numbers them");
      faiss::IDSelectorBitmap selector(allowed.size_bytes(),
                                       reinterpret_cast<const uint8_t*>(allowed.data()));
      return SearchOne(query, n, &selector);
    });
  }

  std::vector<RowScore> SearchOne(std::span<const float> query, int n,
                                  faiss::IDSelector* selector) const {
    absl::MutexLock lock(&mu_);
    return SearchIndex(index_, query.data(), n, selector);
  }

  // As many more as the filter leaves out, twice over, and of these what is allowed.
  absl::StatusOr<std::vector<RowScore>> SearchMore(std::span<const float> query,
                                                   std::span<const uint32_t> allowed, int n) const {
    const auto rows = static_cast<double>(index_.index->ntotal);
    const double share = static_cast<double>(std::max<int64_t>(1, CountBits(allowed))) / rows;
    const int ask = static_cast<int>(std::min<double>(2 * n / share, index_.most_hits));
    std::vector<RowScore> found = SearchOne(query, ask, nullptr);
    std::erase_if(found, [&](const RowScore& hit) { return !IsAllowed(allowed, hit.row); });
    if (found.size() > static_cast<size_t>(n)) found.resize(static_cast<size_t>(n));
    return found;
  }

  const MemoryBudget::Share memory_;  // given back after what takes it
  const FaissIndex index_;
  const bool honours_selectors_;
  mutable absl::Mutex mu_;
};

// Trains the index, where it has to be, and puts all rows into it.
absl::Status Fill(const VectorRows& rows, const FaissIndex& to) {
  const bool untrained = !to.index->is_trained;
  TrainFaiss(rows, to.trained_with_all ? rows.size() : kTrainingRows, *to.index);
  if (untrained && to.trained_with_all) return absl::OkStatus();
  return AddToFaiss(rows, [] { return false; }, *to.index);
}

class FaissDevice final : public RowDevice {
 public:
  FaissDevice(FaissFactory make, bool honours_selectors, int64_t memory_bytes)
      : make_(std::move(make)),
        honours_selectors_(honours_selectors),
        budget_(std::make_shared<MemoryBudget>(memory_bytes)) {}

  absl::StatusOr<std::shared_ptr<const DeviceRows>> Put(const VectorRows& rows) override {
    using Result = absl::StatusOr<std::shared_ptr<const DeviceRows>>;
    return CatchStatus("FAISS", [&]() -> Result {
      FaissIndex index = make_(rows.dimension(), rows.size());
      SL_ASSIGN_OR_RETURN(MemoryBudget::Share memory, budget_->Take(index.bytes));
      SL_RETURN_IF_ERROR(Fill(rows, index));
      return std::make_shared<FaissRows>(std::move(index), honours_selectors_, std::move(memory));
    });
  }

 private:
  const FaissFactory make_;
  const bool honours_selectors_;
  const std::shared_ptr<MemoryBudget> budget_;
};

}  // namespace

absl::StatusOr<bool> HonoursSelectors(const FaissFactory& make) {
  constexpr int kDimension = 32;
  constexpr int64_t kRows = 5'000;
  constexpr int kHits = 50;
  return CatchStatus("FAISS", [&]() -> absl::StatusOr<bool> {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    VectorRows rows(kDimension);
    std::vector<float> values(kDimension);
    for (uint32_t row = 0; row < kRows; ++row) {
      for (float& value : values) value = normal(random);
      rows.Append(row + 1, ToHalf(values).data());
    }
    const FaissIndex index = make(kDimension, kRows);
    SL_RETURN_IF_ERROR(Fill(rows, index));
    // Every other row, so that hardly a list of hits is right by chance.
    std::vector<uint8_t> bits(static_cast<size_t>(kRows / 8), 0x55);
    faiss::IDSelectorBitmap selector(bits.size(), bits.data());
    std::vector<RowScore> hits;
    try {
      hits = SearchIndex(index, values.data(), kHits, &selector);
    } catch (const std::exception&) {
      return false;  // it refuses selectors, which is as good as passing over them
    }
    return !hits.empty() &&
           std::ranges::all_of(hits, [](const RowScore& hit) { return hit.row % 2 == 0; });
  });
}

absl::StatusOr<std::unique_ptr<RowDevice>> MakeFaissDevice(FaissFactory make,
                                                           int64_t memory_bytes) {
  SL_ASSIGN_OR_RETURN(const bool honours, HonoursSelectors(make));
  if (!honours) {
    log::Warning(
        "this index of FAISS's passes over filters; more is asked for and what is not allowed is "
        "left out");
  }
  return std::make_unique<FaissDevice>(std::move(make), honours, memory_bytes);
}

}  // namespace sightline::index::gpu
