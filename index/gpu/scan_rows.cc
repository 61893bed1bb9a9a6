#include "index/gpu/scan_rows.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "index/gpu/memory_budget.h"
#include "index/gpu/row_layout.h"

namespace sightline::index::gpu {
namespace {

constexpr size_t kMostTogether = 8;

class ScanRows final : public DeviceRows {
 public:
  ScanRows(std::unique_ptr<DeviceScan> scan, bool bits, MemoryBudget::Share memory, float error,
           float scale)
      : memory_(std::move(memory)),
        scan_(std::move(scan)),
        bits_(bits),
        worst_{.scale = scale, .error = error} {}

  int most_hits() const override { return kMostDeviceHits; }

  std::optional<float> Slack(const QueryCode& code) const override {
    if (bits_) return std::nullopt;
    return code.Bound(worst_);
  }

 private:
  struct Asked {
    const QueryCode& code;
    const std::span<const uint32_t> allowed;
    const int n;
    absl::StatusOr<std::vector<RowScore>> found;
    bool done = false;
  };

  absl::StatusOr<std::vector<RowScore>> DoSearch(std::span<const float>, const QueryCode& code,
                                                 std::span<const uint32_t> allowed,
                                                 int n) const override {
    Asked mine = {code, allowed, n, absl::InternalError("not asked"), false};
    std::vector<Asked*> together;
    {
      absl::MutexLock lock(&mu_);
      waiting_.push_back(&mine);
      const auto my_turn = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return mine.done || !busy_; };
      mu_.Await(absl::Condition(&my_turn));
      if (mine.done) return std::move(mine.found);
      busy_ = true;
      together = TakeTogether(mine);
    }
    Scan(together);
    absl::MutexLock lock(&mu_);
    for (Asked* asked : together) asked->done = true;
    busy_ = false;
    return std::move(mine.found);
  }

  // Those that wait and allow the same rows, the given one first.
  std::vector<Asked*> TakeTogether(Asked& first) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::vector<Asked*> together = {&first};
    std::erase(waiting_, &first);
    for (auto it = waiting_.begin(); it != waiting_.end() && together.size() < kMostTogether;) {
      if (std::ranges::equal((*it)->allowed, first.allowed)) {
        together.push_back(*it);
        it = waiting_.erase(it);
      } else {
        ++it;
      }
    }
    return together;
  }

  void Scan(std::span<Asked* const> together) const {
    std::vector<QueryCode> codes;
    int n = 0;
    for (const Asked* asked : together) {
      codes.push_back(asked->code);
      n = std::max(n, asked->n);
    }
    const auto found = scan_->Search(codes, together.front()->allowed, n);
    for (size_t i = 0; i < together.size(); ++i) {
      if (!found.ok()) {
        together[i]->found = found.status();
        continue;
      }
      std::vector<RowScore> hits;
      for (const DeviceHit& hit : (*found)[i]) {
        if (hits.size() == static_cast<size_t>(together[i]->n)) break;
        hits.push_back({hit.row, hit.score});
      }
      together[i]->found = std::move(hits);
    }
  }

  const MemoryBudget::Share memory_;  // given back after what takes it
  const std::unique_ptr<DeviceScan> scan_;
  const bool bits_;
  const RowHead worst_;  // the largest scale and error of all rows

  mutable absl::Mutex mu_;
  mutable std::deque<Asked*> waiting_ ABSL_GUARDED_BY(mu_);
  mutable bool busy_ ABSL_GUARDED_BY(mu_) = false;
};

class ScanDevice final : public RowDevice {
 public:
  ScanDevice(int device, DeviceCode code, int64_t memory_bytes, ScanFactory make)
      : device_(device),
        code_(code),
        budget_(std::make_shared<MemoryBudget>(memory_bytes)),
        make_(std::move(make)) {}

  absl::StatusOr<std::shared_ptr<const DeviceRows>> Put(const VectorRows& rows) override {
    const bool bits = code_ == DeviceCode::kBits;
    const int chunks = bits ? BitsChunks(rows.dimension()) : BytesChunks(rows.dimension());
    const int64_t row_bytes = chunks * kChunkBytes + (bits ? 0 : sizeof(float));
    SL_ASSIGN_OR_RETURN(MemoryBudget::Share memory, budget_->Take(rows.size() * row_bytes));
    SL_ASSIGN_OR_RETURN(auto scan, make_({.device = device_,
                                          .dimension = rows.dimension(),
                                          .code = code_,
                                          .capacity = rows.size()}));
    const size_t stride = CodeStride(rows.dimension());
    std::vector<uint8_t> codes;
    std::vector<RowHead> heads;
    float error = 0;
    float scale = 0;
    for (int64_t first = 0; first < rows.size(); first += VectorRows::kBlockRows) {
      const int64_t count = std::min(VectorRows::kBlockRows, rows.size() - first);
      codes.resize(static_cast<size_t>(count) * stride);
      heads.clear();
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(codes.data() + static_cast<size_t>(i) * stride, rows.code(first + i), stride);
        const RowHead& head = heads.emplace_back(rows.head(first + i));
        error = std::max(error, head.error);
        scale = std::max(scale, head.scale);
      }
      SL_RETURN_IF_ERROR(scan->Append(codes, heads));
    }
    return std::make_shared<ScanRows>(std::move(scan), bits, std::move(memory), error, scale);
  }

 private:
  const int device_;
  const DeviceCode code_;
  const std::shared_ptr<MemoryBudget> budget_;
  const ScanFactory make_;
};

}  // namespace

std::unique_ptr<RowDevice> MakeScanDevice(int device, DeviceCode code, int64_t memory_bytes,
                                          ScanFactory make) {
  return std::make_unique<ScanDevice>(device, code, memory_bytes, std::move(make));
}

}  // namespace sightline::index::gpu
