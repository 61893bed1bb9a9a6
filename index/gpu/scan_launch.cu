#include <cuda_runtime.h>

#include "index/gpu/scan_kernel.h"
#include "index/gpu/scan_launch.h"

namespace sightline::index::gpu {
namespace {

extern __shared__ int4 shared_memory[];

template <int Q, bool kBits>
__global__ void __launch_bounds__(kThreads) Scan(ScanArguments arguments) {
  ScanRows<Q, kBits>(arguments, reinterpret_cast<char*>(shared_memory));
}

__global__ void __launch_bounds__(kThreads)
    Merge(const Key* best, int lists, int queries, int n, int queue, Key* out) {
  MergeLists(best, lists, queries, n, queue, out, reinterpret_cast<char*>(shared_memory));
}

// Calls `body` with the kernel for a number of queries.
template <bool kBits, typename Body>
int With(int queries, const Body& body) {
  switch (queries) {
    case 1: return body(&Scan<1, kBits>);
    case 2: return body(&Scan<2, kBits>);
    case 4: return body(&Scan<4, kBits>);
    case 8: return body(&Scan<8, kBits>);
    default: return cudaErrorInvalidValue;
  }
}

template <typename Body>
int With(bool bits, int queries, const Body& body) {
  return bits ? With<true>(queries, body) : With<false>(queries, body);
}

int SharedBytes(bool bits, int queries, int queue, int chunks) {
  return static_cast<int>(bits ? ScanBytes<true>(queries, queue, chunks)
                               : ScanBytes<false>(queries, queue, chunks));
}

}  // namespace

int LaunchScan(const ScanArguments& arguments, bool bits, int queries, int blocks,
               CUstream_st* stream) {
  const int bytes = SharedBytes(bits, queries, arguments.queue, arguments.chunks);
  return With(bits, queries, [&](auto* kernel) -> int {
    if (const cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
        error != cudaSuccess) {
      return error;
    }
    kernel<<<blocks, kThreads, bytes, stream>>>(arguments);
    return cudaGetLastError();
  });
}

int LaunchMerge(const Key* best, int lists, int queries, int n, int queue, Key* out,
                CUstream_st* stream) {
  const int bytes = static_cast<int>(BlockBest::Bytes(1, queue));
  Merge<<<queries, kThreads, bytes, stream>>>(best, lists, queries, n, queue, out);
  return cudaGetLastError();
}

int BlocksAtOnce(bool bits, int queries, int queue, int chunks) {
  const int bytes = SharedBytes(bits, queries, queue, chunks);
  int device = 0;
  int processors = 0;
  int each = 0;
  const int error = With(bits, queries, [&](auto* kernel) -> int {
    cudaError_t status = cudaGetDevice(&device);
    if (status == cudaSuccess) {
      status = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    }
    if (status == cudaSuccess) {
      status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    }
    if (status == cudaSuccess) {
      status = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, kThreads, bytes);
    }
    return status;
  });
  return error == cudaSuccess ? processors * each : 0;
}

}  // namespace sightline::index::gpu
