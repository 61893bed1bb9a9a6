// The reader of every JSON file of a model: any bytes give a value or an error, and a value
// survives being written and read again.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "model/json.h"
#include "tests/fuzz/require.h"

namespace {

int Depth(const nlohmann::json& value) {
  int deepest = 0;
  if (!value.is_structured()) return deepest;
  for (const nlohmann::json& inner : value) deepest = std::max(deepest, Depth(inner));
  return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sightline::model::ParseJson;
  constexpr int kMaxDepth = 8;
  const auto value = ParseJson({reinterpret_cast<const char*>(data), size}, kMaxDepth);
  if (!value.ok()) return 0;
  FUZZ_REQUIRE(Depth(*value) <= kMaxDepth);
  const std::string written = value->dump();
  const auto again = ParseJson(written, kMaxDepth);
  FUZZ_REQUIRE(again.ok());
  FUZZ_REQUIRE(*again == *value);
  return 0;
}
