#include "index/stored_vector.h"

#include <bit>
#include <cstring>
#include <vector>

#include "index/vector_code.h"
#include "index/vector_kernels.h"

namespace sightline::index {

static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");

std::string StoreVector(VectorCodes codes, std::span<const float> values) {
  const int dimension = static_cast<int>(values.size());
  std::string out(StoredVectorBytes(codes, dimension), '\0');
  if (KeepsHalves(codes)) {
    const std::vector<uint16_t> halves = ToHalf(values);
    std::memcpy(out.data(), halves.data(), out.size());
    return out;
  }
  std::vector<uint8_t> code(CodeStride(dimension));
  const RowHead head = EncodeRow(values, code.data());
  std::memcpy(out.data(), &head.scale, sizeof(head.scale));
  std::memcpy(out.data() + sizeof(head.scale), code.data(), values.size());
  return out;
}

}  // namespace sightline::index
