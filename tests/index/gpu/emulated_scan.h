#pragma once

#include "tests/index/gpu/cuda_on_cpu.h"
// After it: what CUDA brings by itself.
#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "index/gpu/device_scan.h"
#include "index/gpu/row_layout.h"
#include "index/gpu/scan_kernel.h"

namespace sightline::index::gpu {

// A DeviceScan whose device code runs on the CPU: the same kernels over the same layout.
class EmulatedScan final : public DeviceScan {
 public:
  explicit EmulatedScan(const DeviceScanOptions& options, int blocks = 2)
      : options_(options),
        bits_(options.code == DeviceCode::kBits),
        chunks_(bits_ ? BitsChunks(options.dimension) : BytesChunks(options.dimension)),
        blocks_(blocks),
        rows_(static_cast<size_t>((options.capacity + 31) / 32 * 32 * chunks_)),
        scales_(static_cast<size_t>((options.capacity + 31) / 32) * 32) {}

  int64_t size() const override { return size_; }

  absl::Status Append(std::span<const uint8_t> codes, std::span<const RowHead> heads) override {
    std::vector<uint8_t> row(static_cast<size_t>(chunks_) * kChunkBytes);
    for (size_t i = 0; i < heads.size(); ++i, ++size_) {
      const uint8_t* const code = codes.data() + i * CodeStride(options_.dimension);
      scales_[static_cast<size_t>(size_)] = heads[i].scale;
      bits_ ? SignBits(code, options_.dimension, row.data())
            : SignedBytes(code, options_.dimension, row.data());
      for (int chunk = 0; chunk < chunks_; ++chunk) {
        std::memcpy(reinterpret_cast<char*>(rows_.data()) + ChunkOffset(size_, chunk, chunks_),
                    row.data() + chunk * kChunkBytes, kChunkBytes);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::vector<DeviceHit>>> Search(std::span<const QueryCode> queries,
                                                             std::span<const uint32_t> allowed,
                                                             int n) override {
    absl::MutexLock lock(&mu_);
    std::vector<std::vector<DeviceHit>> out;
    for (size_t done = 0; done < queries.size();) {
      const size_t pass = std::min<size_t>(8, std::bit_floor(queries.size() - done));
      switch (pass) {
        case 1: Pass<1>(queries.subspan(done, pass), allowed, n, out); break;
        case 2: Pass<2>(queries.subspan(done, pass), allowed, n, out); break;
        case 4: Pass<4>(queries.subspan(done, pass), allowed, n, out); break;
        default: Pass<8>(queries.subspan(done, pass), allowed, n, out);
      }
      done += pass;
    }
    return out;
  }

 private:
  template <int Q>
  void Pass(std::span<const QueryCode> queries, std::span<const uint32_t> allowed, int n,
            std::vector<std::vector<DeviceHit>>& out) {
    bits_ ? Pass<Q, true>(queries, allowed, n, out) : Pass<Q, false>(queries, allowed, n, out);
  }

  template <int Q, bool kBits>
  void Pass(std::span<const QueryCode> queries, std::span<const uint32_t> allowed, int n,
            std::vector<std::vector<DeviceHit>>& out) {
    const int parts = kBits ? 1 : 2;
    std::vector<int4> sent(static_cast<size_t>(Q * parts * chunks_));
    std::vector<float> query_scales(Q);
    for (int q = 0; q < Q; ++q) {
      const QueryCode& query = queries[static_cast<size_t>(q)];
      int4* const to = sent.data() + q * parts * chunks_;
      if (kBits) {
        SignBits(query, options_.dimension, reinterpret_cast<uint8_t*>(to));
      } else {
        std::memcpy(to, query.high(), query.stride());
        std::memcpy(to + chunks_, query.low(), query.stride());
      }
      query_scales[static_cast<size_t>(q)] = query.unit() / 256;
    }
    const int queue = QueueFor(n);
    std::vector<Key> thresholds(Q);
    std::vector<Key> best(static_cast<size_t>(blocks_ * Q * n), 7);
    std::vector<Key> merged(static_cast<size_t>(Q * n), 7);
    const ScanArguments arguments = {.rows = rows_.data(),
                                     .scales = scales_.data(),
                                     .row_count = size_,
                                     .chunks = chunks_,
                                     .allowed = allowed.data(),
                                     .queries = sent.data(),
                                     .query_scales = query_scales.data(),
                                     .dimension = options_.dimension,
                                     .n = n,
                                     .queue = queue,
                                     .thresholds = thresholds.data(),
                                     .best = best.data()};
    std::vector<int4> shared(static_cast<size_t>(ScanBytes<kBits>(Q, queue, chunks_)) /
                             sizeof(int4));
    const auto memory = reinterpret_cast<char*>(shared.data());
    testing::RunGrid(blocks_, kThreads, [&] { ScanRows<Q, kBits>(arguments, memory); });
    testing::RunGrid(Q, kThreads,
                     [&] { MergeLists(best.data(), blocks_, Q, n, queue, merged.data(), memory); });
    for (int q = 0; q < Q; ++q) {
      std::vector<DeviceHit>& hits = out.emplace_back();
      for (int i = 0; i < n && merged[static_cast<size_t>(q * n + i)] != 0; ++i) {
        hits.push_back(HitOf(merged[static_cast<size_t>(q * n + i)]));
      }
    }
  }

  const DeviceScanOptions options_;
  const bool bits_;
  const int chunks_;
  const int blocks_;
  absl::Mutex mu_;  // the emulation has one grid at a time
  int64_t size_ = 0;
  std::vector<int4> rows_;
  std::vector<float> scales_;
};

}  // namespace sightline::index::gpu
