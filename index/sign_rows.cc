#include "index/sign_rows.h"

#include <algorithm>
#include <bit>

#include "index/sign_code.h"
#include "index/sign_kernels.h"

namespace sightline::index {
namespace {

// So many are looked at by the query's values for each that is wanted.
constexpr size_t kOversample = 16;
constexpr size_t kLeast = 1024;
constexpr int kRun = 64;
constexpr int64_t kRowsPerStop = 4096;

struct Near {
  uint32_t differ;
  uint32_t row;
};
bool Nearer(const Near& a, const Near& b) {
  return a.differ != b.differ ? a.differ < b.differ : a.row < b.row;
}

// Keeps the nearest `n` of what it is offered; rows ascend, so that of equal ones the first stay.
class NearestRows {
 public:
  explicit NearestRows(size_t n) : n_(n) { near_.reserve(2 * n); }
  void Offer(Near near) {
    if (near.differ >= bar_) return;
    near_.push_back(near);
    if (near_.size() == 2 * n_) Cut();
  }
  std::vector<Near> Take() {
    if (near_.size() > n_) Cut();
    return std::move(near_);
  }

 private:
  void Cut() {
    const auto last = near_.begin() + static_cast<int64_t>(n_) - 1;
    std::nth_element(near_.begin(), last, near_.end(), Nearer);
    near_.resize(n_);
    bar_ = near_.back().differ;
  }

  const size_t n_;
  uint32_t bar_ = UINT32_MAX;  // as many differ in the worst that is kept
  std::vector<Near> near_;
};

}  // namespace

SignRows::SignRows(int dimension, int64_t rows)
    : rows_(rows), words_(SignWords(dimension)), memory_(SignBytes() + FactorBytes(), true) {}

absl::StatusOr<std::unique_ptr<SignRows>> SignRows::Make(const VectorRows& rows, const Stop& stop) {
  std::unique_ptr<SignRows> out(new SignRows(rows.dimension(), rows.size()));
  std::vector<float> values(static_cast<size_t>(rows.dimension()));
  auto* code = reinterpret_cast<uint8_t*>(out->memory_.data());
  for (int64_t row = 0; row < rows.size(); ++row) {
    if (row % kRowsPerStop == 0 && stop()) return absl::CancelledError("coding signs: stopped");
    rows.Widen(row, values.data());
    out->factors()[row] = EncodeSigns(values, code);
    code += out->words_ * sizeof(uint64_t);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<SignRows>> SignRows::Load(const VectorRows& rows,
                                                         const Source& source) {
  std::unique_ptr<SignRows> out(new SignRows(rows.dimension(), rows.size()));
  const absl::Status read =
      source(reinterpret_cast<char*>(out->memory_.data()), out->SignBytes() + out->FactorBytes());
  if (!read.ok()) return read;
  return out;
}

absl::Status SignRows::SaveBody(const Sink& sink) const {
  return sink({reinterpret_cast<const char*>(memory_.data()), SignBytes() + FactorBytes()});
}

std::vector<int64_t> SignRows::Nearest(std::span<const uint64_t> query,
                                       std::span<const uint32_t> allowed, size_t n) const {
  const SignKernels& kernels = BestSignKernels();
  NearestRows nearest(n);
  uint32_t differ[kRun];
  for (int64_t first = 0; first < rows_; first += kRun) {
    const auto word = static_cast<size_t>(first / 32);
    uint64_t bits = allowed[word];
    if (word + 1 < allowed.size()) bits |= uint64_t{allowed[word + 1]} << 32;
    if (bits == 0) continue;
    const auto count = static_cast<size_t>(std::min<int64_t>(kRun, rows_ - first));
    kernels.differ(query.data(), signs(first), words_, count, differ);
    for (; bits != 0; bits &= bits - 1) {
      const int i = std::countr_zero(bits);
      nearest.Offer({differ[i], static_cast<uint32_t>(first + i)});
    }
  }
  std::vector<int64_t> out;
  for (const Near& near : nearest.Take()) out.push_back(near.row);
  return out;
}

absl::StatusOr<std::vector<RowScore>> SignRows::DoSearch(std::span<const float> query,
                                                         const QueryCode&,
                                                         std::span<const uint32_t> allowed,
                                                         int n) const {
  std::vector<uint64_t> signs_of_query(words_);
  EncodeSigns(query, reinterpret_cast<uint8_t*>(signs_of_query.data()));
  const SignQuery values(query);
  const PatchKernels& kernels = BestPatchKernels();
  std::vector<RowScore> found;
  for (const int64_t row :
       Nearest(signs_of_query, allowed, std::max(kLeast, kOversample * static_cast<size_t>(n)))) {
    const auto* const code = reinterpret_cast<const uint8_t*>(signs(row));
    found.push_back({row, values.Times(kernels, code) * factors()[row]});
  }
  const auto better = [](const RowScore& a, const RowScore& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  };
  const size_t kept = std::min(found.size(), static_cast<size_t>(n));
  std::partial_sort(found.begin(), found.begin() + static_cast<int64_t>(kept), found.end(), better);
  found.resize(kept);
  return found;
}

}  // namespace sightline::index
