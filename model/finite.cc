#include "model/finite.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sightline::model {
namespace {

// In every float format a number is not finite when the bits of its exponent are all set; but for
// E4M3, which has no infinity and spends only the highest magnitude on NaN.
template <typename Bits>
bool NoneHas(absl::string_view bytes, Bits mask) {
  constexpr size_t kBlock =
      4096;  // numbers between two looks at what was found, for the vectoriser
  const size_t count = bytes.size() / sizeof(Bits);
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = std::min(count, begin + kBlock);
    Bits found = 0;
    for (size_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, bytes.data() + i * sizeof(Bits), sizeof(Bits));  // of any alignment
      found |= static_cast<Bits>((bits & mask) == mask);
    }
    if (found != 0) return false;
  }
  return true;
}

}  // namespace

bool AllFinite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::kF64: return NoneHas<uint64_t>(tensor.bytes, 0x7FF0'0000'0000'0000);
    case DType::kF32: return NoneHas<uint32_t>(tensor.bytes, 0x7F80'0000);
    case DType::kBF16: return NoneHas<uint16_t>(tensor.bytes, 0x7F80);
    case DType::kF16: return NoneHas<uint16_t>(tensor.bytes, 0x7C00);
    case DType::kF8E5M2: return NoneHas<uint8_t>(tensor.bytes, 0x7C);
    case DType::kF8E4M3: return NoneHas<uint8_t>(tensor.bytes, 0x7F);
    default: return true;
  }
}

}  // namespace sightline::model
