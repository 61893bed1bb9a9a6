#pragma once

// Device code of DeviceScan (device_scan.h): compares coded vectors with queries and keeps the
// best, in one pass over the rows. It uses the names that the CUDA compiler knows without a header;
// a test without a GPU brings its own (tests/index/gpu/cuda_on_cpu.h).
//
// Layout: 32 rows are a group, one for each lane of a warp. Of a group, chunk 0 of all 32 rows
// comes first, 16 bytes each, then chunk 1, and so on, so that a warp reads 512 bytes in a row and
// no lane ever needs another's sum. What is read of a group serves all queries of the pass.

#include <cstdint>

#include "index/gpu/scan_arguments.h"

namespace sightline::index::gpu {

inline constexpr int kThreads = 256;
inline constexpr int kWarps = kThreads / 32;
inline constexpr int kGroupRows = 32;

// A row and its score as one number: better ones are greater, of equal scores the lower row. 0:
// none.
__device__ inline Key KeyOf(float score, uint32_t row) {
  uint32_t bits = __float_as_uint(score);
  bits = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(bits) << 32 | (0xffffffffu - row);
}

// The best keys that a block has met, of each query: a list that is cut to the n best when it is
// nearly full. All of it in shared memory; every thread of the block calls every method but Offer.
class BlockBest {
 public:
  // Takes `Bytes` of shared memory.
  __device__ BlockBest(char* memory, int queries, int n, int queue)
      : keys_(reinterpret_cast<Key*>(memory)),
        least_(keys_ + static_cast<int64_t>(queries) * queue),
        counts_(reinterpret_cast<int*>(least_ + queries)),
        queries_(queries),
        n_(n),
        queue_(queue) {
    for (int q = threadIdx.x; q < queries; q += kThreads) {
      counts_[q] = 0;
      least_[q] = 0;
    }
    __syncthreads();
  }
  static constexpr int64_t Bytes(int queries, int queue) {
    return static_cast<int64_t>(queries) * (queue * 8 + 8 + 8);
  }

  // By any thread, once for each query between two calls of Settle.
  __device__ void Offer(int query, Key key) {
    if (key <= least_[query]) return;
    keys_[static_cast<int64_t>(query) * queue_ + atomicAdd(&counts_[query], 1)] = key;
  }

  // Makes room for one more Offer by each thread; `thresholds`, of the whole grid, may be null.
  __device__ void Settle(Key* thresholds) {
    __syncthreads();
    for (int q = 0; q < queries_; ++q) {
      if (counts_[q] > queue_ - kThreads) Cut(q, thresholds);
    }
    __syncthreads();
    if (thresholds == nullptr) return;
    for (int q = threadIdx.x; q < queries_; q += kThreads) {
      const Key known = *static_cast<volatile Key*>(&thresholds[q]);
      if (known > least_[q]) least_[q] = known;
    }
    __syncthreads();
  }

  // Writes the n best of each query to out[query * n …], best first, then zeros.
  __device__ void Write(Key* out) {
    __syncthreads();
    for (int q = 0; q < queries_; ++q) {
      Cut(q, nullptr);
      for (int i = threadIdx.x; i < n_; i += kThreads) {
        out[static_cast<int64_t>(q) * n_ + i] =
            i < counts_[q] ? keys_[static_cast<int64_t>(q) * queue_ + i] : 0;
      }
    }
  }

 private:
  // Sorts a list and leaves its n best.
  __device__ void Cut(int query, Key* thresholds) {
    Key* const keys = keys_ + static_cast<int64_t>(query) * queue_;
    const int count = counts_[query];
    for (int i = count + threadIdx.x; i < queue_; i += kThreads) keys[i] = 0;
    __syncthreads();
    // Bitonic, descending (Batcher, 1968).
    for (int size = 2; size <= queue_; size *= 2) {
      for (int step = size / 2; step > 0; step /= 2) {
        for (int i = threadIdx.x; i < queue_ / 2; i += kThreads) {
          const int low = 2 * step * (i / step) + i % step;
          const int high = low + step;
          const bool descending = (low & size) == 0;
          const Key a = keys[low];
          const Key b = keys[high];
          if ((a < b) == descending) {
            keys[low] = b;
            keys[high] = a;
          }
        }
        __syncthreads();
      }
    }
    if (threadIdx.x == 0) {
      counts_[query] = count < n_ ? count : n_;
      if (count >= n_) {
        const Key nth = keys[n_ - 1];
        if (nth > least_[query]) least_[query] = nth;
        // The n-th best of some rows is no better than that of all.
        if (thresholds != nullptr) atomicMax(&thresholds[query], nth);
      }
    }
    __syncthreads();
  }

  Key* const keys_;   // [queries][queue]
  Key* const least_;  // [queries]: only better ones are taken
  int* const counts_;
  const int queries_;
  const int n_;
  const int queue_;
};

__device__ inline int Dot(const int4& a, const int4& b, int sum) {
  return __dp4a(a.w, b.w, __dp4a(a.z, b.z, __dp4a(a.y, b.y, __dp4a(a.x, b.x, sum))));
}

// Scores of one row for all queries of the pass: the very numbers of QueryCode::Close.
template <int Q>
__device__ inline void ScoreBytes(const int4* row, const ScanArguments& arguments,
                                  const int4* queries, float scale, float* scores) {
  int high[Q];
  int low[Q];
  for (int q = 0; q < Q; ++q) high[q] = low[q] = 0;
#pragma unroll 4
  for (int chunk = 0; chunk < arguments.chunks; ++chunk) {
    const int4 value = __ldcs(row + static_cast<int64_t>(chunk) * kGroupRows);
#pragma unroll
    for (int q = 0; q < Q; ++q) {
      const int4* const query = queries + static_cast<int64_t>(q) * 2 * arguments.chunks + chunk;
      high[q] = Dot(value, query[0], high[q]);
      low[q] = Dot(value, query[arguments.chunks], low[q]);
    }
  }
#pragma unroll
  for (int q = 0; q < Q; ++q) {
    // Not fused, as on the CPU.
    const float sum =
        __fadd_rn(__fmul_rn(256.0f, static_cast<float>(high[q])), static_cast<float>(low[q]));
    scores[q] = __fmul_rn(sum, __fmul_rn(scale, arguments.query_scales[q]));
  }
}

// The share of equal bits, as an inner product of signs: dimension - 2 x those that differ.
template <int Q>
__device__ inline void ScoreBits(const int4* row, const ScanArguments& arguments,
                                 const int4* queries, float* scores) {
  int different[Q];
  for (int q = 0; q < Q; ++q) different[q] = 0;
#pragma unroll 4
  for (int chunk = 0; chunk < arguments.chunks; ++chunk) {
    const int4 value = __ldcs(row + static_cast<int64_t>(chunk) * kGroupRows);
#pragma unroll
    for (int q = 0; q < Q; ++q) {
      const int4 query = queries[static_cast<int64_t>(q) * arguments.chunks + chunk];
      different[q] += __popc(value.x ^ query.x) + __popc(value.y ^ query.y) +
                      __popc(value.z ^ query.z) + __popc(value.w ^ query.w);
    }
  }
#pragma unroll
  for (int q = 0; q < Q; ++q) {
    scores[q] = static_cast<float>(arguments.dimension - 2 * different[q]);
  }
}

// Shared memory of a block: the lists, then the queries.
template <bool kBits>
constexpr int64_t ScanBytes(int queries, int queue, int chunks) {
  return BlockBest::Bytes(queries, queue) +
         static_cast<int64_t>(queries) * (kBits ? 1 : 2) * chunks * 16;
}

// One block's part of the rows: groups kWarps * block + warp, and so on by whole grids.
template <int Q, bool kBits>
__device__ void ScanRows(const ScanArguments& arguments, char* memory) {
  BlockBest best(memory, Q, arguments.n, arguments.queue);
  // 16-byte aligned: Bytes is a multiple of 16 for every Q.
  int4* const queries = reinterpret_cast<int4*>(memory + BlockBest::Bytes(Q, arguments.queue));
  const int query_chunks = Q * (kBits ? 1 : 2) * arguments.chunks;
  for (int i = threadIdx.x; i < query_chunks; i += kThreads) queries[i] = arguments.queries[i];
  __syncthreads();
  const int lane = threadIdx.x % kGroupRows;
  const int64_t groups = (arguments.row_count + kGroupRows - 1) / kGroupRows;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kWarps;
  // Every warp makes every round, because the block settles together.
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * kWarps; first < groups; first += step) {
    const int64_t group = first + threadIdx.x / kGroupRows;
    const uint32_t allowed = group < groups ? arguments.allowed[group] : 0;
    if (allowed != 0) {
      const int4* const row = arguments.rows + group * arguments.chunks * kGroupRows + lane;
      const int64_t number = group * kGroupRows + lane;
      float scores[Q];
      if (kBits) {
        ScoreBits<Q>(row, arguments, queries, scores);
      } else {
        ScoreBytes<Q>(row, arguments, queries, arguments.scales[number], scores);
      }
      if ((allowed >> lane & 1) != 0) {
        for (int q = 0; q < Q; ++q) best.Offer(q, KeyOf(scores[q], static_cast<uint32_t>(number)));
      }
    }
    best.Settle(arguments.thresholds);
  }
  best.Write(arguments.best + static_cast<int64_t>(blockIdx.x) * Q * arguments.n);
}

// Of one query, a block each: the n best of `lists` lists of n, [lists][queries][n], to
// out[query][n].
__device__ inline void MergeLists(const Key* best, int lists, int queries, int n, int queue,
                                  Key* out, char* memory) {
  BlockBest merged(memory, 1, n, queue);
  const int64_t count = static_cast<int64_t>(lists) * n;
  for (int64_t first = 0; first < count; first += kThreads) {
    const int64_t i = first + threadIdx.x;
    if (i < count) {
      merged.Offer(0, best[(i / n * queries + blockIdx.x) * n + i % n]);
    }
    merged.Settle(nullptr);
  }
  merged.Write(out + static_cast<int64_t>(blockIdx.x) * n);
}

}  // namespace sightline::index::gpu
