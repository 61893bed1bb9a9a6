#pragma once

#include "index/gpu/scan_arguments.h"

struct CUstream_st;

namespace sightline::index::gpu {

// Starts the kernels of scan_kernel.h on a stream; both return a cudaError_t as a number, 0: begun.

// `queries` is 1, 2, 4 or 8.
int LaunchScan(const ScanArguments& arguments, bool bits, int queries, int blocks,
               CUstream_st* stream);
int LaunchMerge(const Key* best, int lists, int queries, int n, int queue, Key* out,
                CUstream_st* stream);
// Blocks that run at once on the device of this thread, all its processors together; 0: none do.
int BlocksAtOnce(bool bits, int queries, int queue, int chunks);

}  // namespace sightline::index::gpu
