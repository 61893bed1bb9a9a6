#pragma once

#include <cstdint>

struct int4;

namespace sightline::index::gpu {

// A row and its score as one number, see scan_kernel.h.
using Key = unsigned long long;

// What a scan reads and writes; all of it in the device's memory.
struct ScanArguments {
  const int4* rows;         // [groups][chunks][32]
  const float* scales;      // [32 groups]; bits: null
  int64_t row_count;        // at most 2^32 - 1
  int chunks;               // of 16 bytes
  const uint32_t* allowed;  // a word a group, bit r: its row r; rows from row_count on are 0
  const int4* queries;  // bytes: [queries][2][chunks], high bytes and low; bits: [queries][chunks]
  const float* query_scales;  // [queries]; bits: null
  int dimension;              // bits only
  int n;                      // best of each query, at most half of `queue`
  int queue;                  // places of a block's list, a power of two, at least kThreads + n
  Key* thresholds;            // [queries], 0 at first: no key below is among the n best
  Key* best;                  // out, [blocks][queries][n]
};

}  // namespace sightline::index::gpu
