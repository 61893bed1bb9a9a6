// The reader of weight files: what it accepts covers the data section once, inside the file.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "model/safetensors.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sightline::model;
  const absl::string_view file(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string> metadata;
  const auto tensors = ParseSafetensors(file, &metadata);
  if (!tensors.ok()) return 0;
  size_t covered = 0;
  const char* next = nullptr;
  for (const TensorView& one : *tensors) {
    FUZZ_REQUIRE(one.elements() >= 0);
    FUZZ_REQUIRE(one.bytes.size() == static_cast<size_t>(one.elements()) * DTypeBytes(one.dtype));
    FUZZ_REQUIRE(one.bytes.data() >= file.data() + 8);
    FUZZ_REQUIRE(next == nullptr || one.bytes.data() == next);
    next = one.bytes.data() + one.bytes.size();
    FUZZ_REQUIRE(next <= file.data() + file.size());
    covered += one.bytes.size();
  }
  FUZZ_REQUIRE(next == nullptr || next == file.data() + file.size());
  FUZZ_REQUIRE(covered + 8 <= size);
  return 0;
}
