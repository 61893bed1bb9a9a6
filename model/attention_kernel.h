#pragma once

#include <cstdint>

namespace sightline::model {

// The inner loops of attention on the CPU, without tensors: rows of queries of one key head meet a
// block of keys and values and are mixed by an online softmax, all in float32. Compiled once for
// each instruction set; the widest one that the processor has is used.

inline constexpr int64_t kKeyBlock = 256;  // keys that are met at once
inline constexpr int64_t kKeyPanel = 64;   // keys that lie side by side; divides kKeyBlock

// The upper half of a float32.
struct Bf16Bits {
  uint16_t bits;
};

// Values are read in whole vectors, so each row of them takes a multiple of 16 numbers; what stands
// in the last ones is never used.
inline constexpr int64_t PaddedValues(int64_t d) { return (d + 15) / 16 * 16; }

// Up to kKeyBlock keys and their values, of one head.
template <typename Element>  // float or Bf16Bits
struct KeyBlockView {
  const Element* keys;    // [panel, d, kKeyPanel]: number i of key j is at (j / 64 * d + i) * 64 +
                          // j % 64; whole panels are read, the excess is dropped
  const Element* values;  // [count, value_stride]
  int64_t value_stride;   // at least PaddedValues(d)
  int64_t count;          // 1 to kKeyBlock
};

// Queries of one key head and what they have gathered so far. Row r is query r / group.
struct AttentionRows {
  const float* q;      // [rows, d], already times d^-0.5 * log2(e)
  float* mixed;        // [rows, PaddedValues(d)]: sum of weights times values; starts as zeros
  float* highest;      // [rows]: largest score; starts as minus infinity
  float* weights_sum;  // [rows]; starts as zeros
  int64_t rows;
  int64_t d;
  int64_t group;
};

// Row r sees the block's first `seen + r / group` keys, of those there are; all of them when `seen`
// is at least the block's count. A row must see a key in the first block it meets.
using AttendBlockFloat = void (*)(const AttentionRows& rows, const KeyBlockView<float>& block,
                                  int64_t seen);
using AttendBlockBf16 = void (*)(const AttentionRows& rows, const KeyBlockView<Bf16Bits>& block,
                                 int64_t seen);

struct AttentionKernels {
  const char* name;  // of the instruction set
  AttendBlockFloat attend_float;
  AttendBlockBf16 attend_bf16;
};

// The widest one this processor runs.
const AttentionKernels& ChooseAttentionKernels();

// Each of them, for tests; null where this processor lacks it.
const AttentionKernels* AttentionKernelsBase();
const AttentionKernels* AttentionKernelsAvx2();
const AttentionKernels* AttentionKernelsAvx512();

}  // namespace sightline::model
